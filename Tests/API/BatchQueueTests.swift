import APIServer
import Synchronization
import Testing

@Suite("Batches of concurrent work")
struct BatchQueueTests {
    /// Batches that were begun, each of which ends when it is let go.
    private final class Workshop: Sendable {
        private struct State {
            var begun: [[Int]] = []
            var waiting: [CheckedContinuation<Void, Never>] = []
            var isOpen = false
        }

        private let state = Mutex(State())

        var begun: [[Int]] { state.withLock { $0.begun } }

        func work(_ items: [Int]) async -> [String] {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    state.begun.append(items)
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
            return items.map { "done \($0)" }
        }

        /// Lets the batches that wait end; and those to come, if for good.
        func letGo(forGood: Bool = false) {
            let waiting = state.withLock { state in
                defer { state.waiting = [] }
                state.isOpen = forGood
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
    }

    private func queue(_ workshop: Workshop, lanes: Int = 1, waiting: Int = 100) -> BatchQueue<Int, String> {
        BatchQueue(
            bounds: .init(lanes: lanes, batchCount: 4, batchSize: 100, waitingCount: waiting), size: { $0 },
            run: workshop.work)
    }

    /// Submits the items in order: each is on its way, or waits, before the next.
    private func submit(
        _ items: [Int], to queue: BatchQueue<Int, String>, _ group: inout TaskGroup<(Int, String?)>
    ) async {
        for item in items {
            await withCheckedContinuation { started in
                group.addTaskUnlessCancelled {
                    started.resume()
                    return (item, await queue.submit(item))
                }
            }
        }
    }

    private func begun(_ count: Int, in workshop: Workshop) async {
        while workshop.begun.count < count { await Task.yield() }
    }

    @Test("The first begins at once and alone; those who come meanwhile go together, and each gets its own outcome")
    func gathers() async {
        let workshop = Workshop()
        let queue = queue(workshop)
        let outcomes = await withTaskGroup(of: (Int, String?).self) { group in
            await submit([1], to: queue, &group)
            await begun(1, in: workshop)
            await submit(Array(2...8), to: queue, &group)
            while queue.waitingCount < 7 { await Task.yield() }
            workshop.letGo(forGood: true)
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        #expect(outcomes.count == 8)
        for (item, outcome) in outcomes { #expect(outcome == "done \(item)") }
        #expect(workshop.begun.map(\.count) == [1, 4, 3])
    }

    @Test("A batch ends before the item that would make it too large, but never before its first")
    func sizes() async {
        let workshop = Workshop()
        let queue = queue(workshop)
        await withTaskGroup(of: (Int, String?).self) { group in
            await submit([1], to: queue, &group)
            await begun(1, in: workshop)
            for (count, item) in [60, 50, 500, 2].enumerated() {
                await submit([item], to: queue, &group)
                while queue.waitingCount <= count { await Task.yield() }
            }
            workshop.letGo(forGood: true)
            for await (item, outcome) in group { #expect(outcome == "done \(item)") }
        }
        #expect(workshop.begun == [[1], [60], [50], [500], [2]])
    }

    @Test("As many batches run at a time as there are lanes, and past the bound of those who wait one is refused")
    func bounds() async {
        let workshop = Workshop()
        let queue = queue(workshop, lanes: 2, waiting: 1)
        await withTaskGroup(of: (Int, String?).self) { group in
            await submit([1, 2], to: queue, &group)
            await begun(2, in: workshop)
            await submit([3], to: queue, &group)
            while queue.waitingCount < 1 { await Task.yield() }
            #expect(await queue.submit(4) == nil)
            workshop.letGo(forGood: true)
            for await (item, outcome) in group { #expect(outcome == "done \(item)") }
        }
        #expect(Set(workshop.begun) == [[1], [2], [3]])
        #expect(await queue.submit(5) == "done 5", "the lanes are free again")
    }
}
