import NIOCore
import Synchronization

/// Lets concurrent callers share one run of an expensive operation, without a wait when there is nobody to share with.
///
/// A caller who finds a lane free begins at once, alone. While all lanes are busy callers gather, and the lane that is free
/// first takes as many of them as it may. A batch runs in the task of one of its callers: there is no task of the queue's
/// own. Cancelling a caller's task does not take its item out of a batch.
package final class BatchQueue<Item: Sendable, Outcome: Sendable>: Sendable {
    /// Bounds of a queue.
    package struct Bounds: Sendable {
        /// Batches at a time.
        let lanes: Int
        /// Items of one batch.
        let batchCount: Int
        /// Size of one batch, unless it is of one item; in the unit of `size`.
        let batchSize: Int
        /// Items that may wait; the next one is refused.
        let waitingCount: Int

        package init(lanes: Int, batchCount: Int, batchSize: Int, waitingCount: Int) {
            self.lanes = lanes
            self.batchCount = batchCount
            self.batchSize = batchSize
            self.waitingCount = waitingCount
        }
    }

    private struct Waiter {
        let item: Item
        let continuation: CheckedContinuation<Turn, Never>
    }

    /// What becomes of a caller.
    private enum Turn {
        case done(Outcome)
        /// Run a batch of the own item and these.
        case lead([Waiter])
        case refused
    }

    private struct State {
        /// Not empty only while all lanes are busy.
        var waiting = CircularBuffer<Waiter>()
        var busyLanes = 0
    }

    private let state = Mutex(State())
    private let bounds: Bounds
    private let size: @Sendable (Item) -> Int
    private let run: @Sendable ([Item]) async -> [Outcome]

    /// - Parameters:
    ///   - size: what an item adds to the size of a batch.
    ///   - run: answers one outcome an item, in their order.
    package init(
        bounds: Bounds, size: @escaping @Sendable (Item) -> Int, run: @escaping @Sendable ([Item]) async -> [Outcome]
    ) {
        self.bounds = bounds
        self.size = size
        self.run = run
    }

    /// Items that wait for a lane.
    package var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// The outcome of an item; `nil` if too many wait, and then nothing was done.
    package func submit(_ item: Item) async -> Outcome? {
        let turn = await withCheckedContinuation { continuation in
            let now: Turn? = state.withLock { state in
                if state.busyLanes < bounds.lanes {
                    state.busyLanes += 1
                    return .lead([])
                }
                guard state.waiting.count < bounds.waitingCount else { return .refused }
                state.waiting.append(Waiter(item: item, continuation: continuation))
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
        switch turn {
        case .done(let outcome): return outcome
        case .refused: return nil
        case .lead(let others): return await lead(item, others)
        }
    }

    private func lead(_ item: Item, _ others: [Waiter]) async -> Outcome {
        let outcomes = await run([item] + others.map(\.item))
        precondition(outcomes.count == others.count + 1, "A batch has an outcome for each item.")
        // The next batch first: it has the longer way.
        handOn()
        for (waiter, outcome) in zip(others, outcomes.dropFirst()) {
            waiter.continuation.resume(returning: .done(outcome))
        }
        return outcomes[0]
    }

    /// Gives the lane to the first who waits, with those behind who fit; frees it when nobody does.
    private func handOn() {
        let batch = state.withLock { state in
            var batch: [Waiter] = []
            var batchSize = 0
            while let next = state.waiting.first, batch.count < bounds.batchCount {
                batchSize += size(next.item)
                guard batch.isEmpty || batchSize <= bounds.batchSize else { break }
                batch.append(state.waiting.removeFirst())
            }
            if batch.isEmpty { state.busyLanes -= 1 }
            return batch
        }
        batch.first?.continuation.resume(returning: .lead(Array(batch.dropFirst())))
    }
}
