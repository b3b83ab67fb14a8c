import NIOCore

/// Decides which connection of a lane takes a batch, which batches wait, and when to connect again.
///
/// A pure value: no socket, no clock, no randomness. Owned by the poll thread.
package struct LaneMachine<Batch> {
    package typealias Instant = ContinuousClock.Instant

    /// The bounds of `PostgresConfiguration` that concern one lane.
    package struct Limits {
        var inFlightPerConnection: Int
        var queued: Int
        var queueTimeout: Duration
        var backoff: ClosedRange<Duration>

        package init(
            inFlightPerConnection: Int, queued: Int, queueTimeout: Duration, backoff: ClosedRange<Duration>
        ) {
            self.inFlightPerConnection = inFlightPerConnection
            self.queued = queued
            self.queueTimeout = queueTimeout
            self.backoff = backoff
        }
    }

    /// What became of a batch.
    package enum Submission: Equatable {
        /// Send it on this connection now.
        case send(slot: Int)
        /// Kept until `dequeue` or `expire` gives it back.
        case queued
        /// The queue is full. The batch was not kept.
        case refused
    }

    private enum Slot {
        case waiting(until: Instant)
        case connecting
        case ready(inFlight: Int)
    }

    private let limits: Limits
    private var slots: [Slot]
    /// Failed attempts in a row. Only an answered batch clears it, or a server that accepts and hangs up would be
    /// hammered.
    private var failures: [Int]
    private var queue = CircularBuffer<(batch: Batch, deadline: Instant)>()

    /// All `count` connections are due at once.
    package init(slots count: Int, limits: Limits, now: Instant) {
        self.limits = limits
        slots = Array(repeating: .waiting(until: now), count: count)
        failures = Array(repeating: 0, count: count)
    }

    /// True when nothing is queued or in flight.
    package var isIdle: Bool {
        queue.isEmpty
            && slots.allSatisfy {
                if case .ready(let inFlight) = $0 { inFlight == 0 } else { true }
            }
    }

    /// A caller gives a batch.
    package mutating func submit(_ batch: Batch, now: Instant) -> Submission {
        if queue.isEmpty, let slot = takeLeastLoaded() { return .send(slot: slot) }
        guard queue.count < limits.queued else { return .refused }
        queue.append((batch, now + limits.queueTimeout))
        return .queued
    }

    /// The next waiting batch that a connection has room for. Call until nil after `connected` and `finished`.
    package mutating func dequeue() -> (slot: Int, batch: Batch)? {
        guard !queue.isEmpty, let slot = takeLeastLoaded() else { return nil }
        return (slot, queue.removeFirst().batch)
    }

    /// The answer of one batch of this connection is complete.
    package mutating func finished(slot: Int) {
        guard case .ready(let inFlight) = slots[slot] else { return }
        slots[slot] = .ready(inFlight: inFlight - 1)
        failures[slot] = 0
    }

    /// An attempt of `connectsDue` succeeded.
    package mutating func connected(slot: Int) {
        slots[slot] = .ready(inFlight: 0)
    }

    /// A connection ended or could not be made. Returns how many attempts have failed since the last answer.
    /// - Parameter jitter: random, 0..<1.
    package mutating func lost(slot: Int, now: Instant, jitter: Double) -> Int {
        let doublings = min(failures[slot], 16)
        failures[slot] += 1
        let wait = min(limits.backoff.lowerBound * (1 << doublings), limits.backoff.upperBound)
        slots[slot] = .waiting(until: now + wait * (0.5 + 0.5 * jitter))
        return failures[slot]
    }

    /// The connections to make now. Each is given once and must come back as `connected` or `lost`.
    package mutating func connectsDue(now: Instant) -> [Int] {
        var due: [Int] = []
        for slot in slots.indices {
            guard case .waiting(let until) = slots[slot], until <= now else { continue }
            slots[slot] = .connecting
            due.append(slot)
        }
        return due
    }

    /// The batches that have waited too long.
    package mutating func expire(now: Instant) -> [Batch] {
        var expired: [Batch] = []
        while let first = queue.first, first.deadline <= now {
            expired.append(queue.removeFirst().batch)
        }
        return expired
    }

    /// When `connectsDue` or `expire` has something to give.
    package func nextDeadline() -> Instant? {
        var next = queue.first?.deadline
        for case .waiting(let until) in slots {
            next = next.map { min($0, until) } ?? until
        }
        return next
    }

    private mutating func takeLeastLoaded() -> Int? {
        var best: Int?
        var least = limits.inFlightPerConnection
        for index in slots.indices {
            guard case .ready(let inFlight) = slots[index], inFlight < least else { continue }
            best = index
            least = inFlight
        }
        if let best { slots[best] = .ready(inFlight: least + 1) }
        return best
    }
}
