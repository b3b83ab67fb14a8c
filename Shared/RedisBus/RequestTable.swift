package import Contracts
package import NIOCore

/// An answer to a request on the bus.
package enum BusAnswer: Hashable, Sendable {
    case reply(ByteBuffer)
    case failure(BusFailure)
}

/// The requests of this process that are not answered yet. Pure: it holds waiters and never resumes them itself.
package struct RequestTable<Waiter> {
    /// What an arrived answer means.
    package enum Received {
        /// The waiter is to be given the answer.
        case resume(Waiter)
        /// Nobody waits at the moment; kept for the next ``wait(for:_:)``.
        case kept
        /// The request is over, or never was.
        case late
    }

    /// What a wait means.
    package enum Wait {
        /// The waiter is kept until an answer comes or ``stopWaiting(for:)`` takes it.
        case waiting
        /// It need not wait.
        case answered(BusAnswer)
        /// The request was cancelled or closed.
        case over
    }

    private struct Entry {
        var answers: [BusAnswer] = []
        var waiter: Waiter?
        var isCancelled = false
    }

    /// Answers kept for a request nobody waits for at the moment; more than one is rare.
    private let keptCount = 4
    private let maximumCount: Int
    private var entries: [RequestID: Entry] = [:]

    /// A table without requests.
    package init(maximumCount: Int) {
        self.maximumCount = maximumCount
    }

    /// Opens a request before it is sent. `false` when too many are open.
    package mutating func open(_ id: RequestID) -> Bool {
        guard entries.count < maximumCount else { return false }
        entries[id] = Entry()
        return true
    }

    /// Takes an answer that has arrived.
    package mutating func receive(_ answer: BusAnswer, for id: RequestID) -> Received {
        guard var entry = entries[id] else { return .late }
        if let waiter = entry.waiter {
            entry.waiter = nil
            entries[id] = entry
            return .resume(waiter)
        }
        guard entry.answers.count < keptCount else { return .late }
        entry.answers.append(answer)
        entries[id] = entry
        return .kept
    }

    /// Waits for the next answer.
    /// - Precondition: nobody waits for this request.
    package mutating func wait(for id: RequestID, _ waiter: Waiter) -> Wait {
        guard var entry = entries[id], !entry.isCancelled else { return .over }
        precondition(entry.waiter == nil, "A request has one waiter.")
        if entry.answers.isEmpty {
            entry.waiter = waiter
            entries[id] = entry
            return .waiting
        }
        let answer = entry.answers.removeFirst()
        entries[id] = entry
        return .answered(answer)
    }

    /// Takes the waiter because its time is over.
    package mutating func stopWaiting(for id: RequestID) -> Waiter? {
        guard let waiter = entries[id]?.waiter else { return nil }
        entries[id]?.waiter = nil
        return waiter
    }

    /// Takes the waiter, and nobody can wait for the request again.
    package mutating func cancel(_ id: RequestID) -> Waiter? {
        entries[id]?.isCancelled = true
        return stopWaiting(for: id)
    }

    /// Ends a request; answers that come now are late.
    package mutating func close(_ id: RequestID) {
        entries[id] = nil
    }
}
