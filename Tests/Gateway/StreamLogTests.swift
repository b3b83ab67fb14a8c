import Contracts
import GatewayDomain
import Testing

@Suite("Log of a stream")
struct StreamLogTests {
    private let now = Timestamp(milliseconds: 1_000_000)

    private func log(at place: StreamSequence, through last: StreamSequence? = nil) -> StreamLog<String> {
        var log = StreamLog<String>()
        _ = log.begin(at: place)
        if let last, last > place {
            for seq in (place + 1)...last { _ = log.receive(seq, "\(seq)", byteCount: 1, now: now) }
        }
        return log
    }

    private func numbers(_ missed: StreamLog<String>.Missed) -> [StreamSequence]? {
        guard case .events(let events) = missed else { return nil }
        #expect(events.allSatisfy { "\($0.seq)" == $0.frame })
        return events.map(\.seq)
    }

    @Test("Nothing is delivered before the stream's place is known, then what came early, in order")
    func begins() {
        var log = StreamLog<String>()
        for seq: StreamSequence in [6, 5, 7, 3] {
            let delivered = log.receive(seq, "\(seq)", byteCount: 1, now: now)
            #expect(delivered.isEmpty)
        }
        let released = log.begin(at: 4)
        #expect(released.map(\.seq) == [5, 6, 7])
        #expect(log.last == 7)
        #expect(!log.isMissingEvents)
        #expect(numbers(log.missed(after: 4)) == [5, 6, 7])
    }

    @Test(
        "Events are delivered once and in order, whatever order they come in",
        arguments: [
            ([1, 2, 3], [[1], [2], [3]]), ([2, 1, 3], [[], [1, 2], [3]]), ([3, 2, 1], [[], [], [1, 2, 3]]),
            ([1, 1, 2, 1, 2], [[1], [], [2], [], []]), ([2, 2, 1, 2], [[], [], [1, 2], []]),
        ] as [([StreamSequence], [[StreamSequence]])])
    func orders(arrivals: [StreamSequence], expected: [[StreamSequence]]) {
        var log = log(at: 0)
        let delivered = arrivals.map { log.receive($0, "\($0)", byteCount: 1, now: now).map(\.seq) }
        #expect(delivered == expected)
    }

    @Test("A gap is missing until it is filled or given up")
    func gap() {
        var log = log(at: 0)
        _ = log.receive(3, "3", byteCount: 1, now: now)
        #expect(log.isMissingEvents)
        let mended = log.receive(1, "1", byteCount: 1, now: now) + log.receive(2, "2", byteCount: 1, now: now)
        #expect(mended.map(\.seq) == [1, 2, 3])
        #expect(!log.isMissingEvents)
        log.note(reached: 9)
        #expect(log.isMissingEvents)
        _ = log.receive(8, "8", byteCount: 1, now: now)
        let released = log.skip(to: 7)
        #expect(released.map(\.seq) == [8])
        #expect(log.isMissingEvents)
        #expect(numbers(log.missed(after: 3)) == nil)
    }

    @Test("Who comes back within the window is told what is missing, at any place of it")
    func window() {
        let log = log(at: 10, through: 20)
        for place: StreamSequence in 10...20 {
            #expect(numbers(log.missed(after: place)) == Array((place + 1)..<21))
        }
        guard case .tooMany = log.missed(after: 9) else { return #expect(Bool(false), "9 is before the window") }
        guard case .ahead = log.missed(after: 21) else { return #expect(Bool(false), "21 has not been delivered") }
    }

    @Test("A window is extended backwards by what ends where it begins")
    func prepends() {
        var log = log(at: 10, through: 12)
        #expect(log.windowBegin == 11)
        log.prepend([("9", 1), ("10", 1)], now: now)
        #expect(log.windowBegin == 9)
        #expect(numbers(log.missed(after: 8)) == [9, 10, 11, 12])
        #expect(log.byteCount == 4)
    }

    @Test("What an event hides is not in the window any more, in whatever order the events come")
    func hides() {
        for arrivals: [StreamSequence] in [[11, 12, 13], [13, 12, 11], [13, 11, 12]] {
            var log = log(at: 8, through: 10)
            for seq in arrivals {
                _ = log.receive(seq, "\(seq)", byteCount: 1, hidesEarlier: seq == 13, now: now)
                if seq == 13 {
                    guard case .tooMany = log.missed(after: 8) else {
                        return #expect(Bool(false), "13 hides what is before it from the moment it is known.")
                    }
                }
            }
            #expect(log.last == 13)
            #expect(log.windowBegin == 13)
            #expect(numbers(log.missed(after: 12)) == [13])
        }
    }

    @Test("Whether the window was cleared meanwhile can be told; an event that came before clears nothing")
    func clearCount() {
        var log = log(at: 8, through: 10)
        let before = log.clearCount
        _ = log.receive(10, "10", byteCount: 1, hidesEarlier: true, now: now)
        _ = log.receive(11, "11", byteCount: 1, now: now)
        #expect(log.clearCount == before)
        #expect(numbers(log.missed(after: 8)) == [9, 10, 11])
        _ = log.receive(12, "12", byteCount: 1, hidesEarlier: true, now: now)
        #expect(log.clearCount > before)
        #expect(log.windowBegin == 12)
        #expect(log.byteCount == 1)
    }

    @Test("A window is bounded by count, bytes and age, and what remains is right")
    func bounded() {
        var log = log(at: 0, through: StreamSequence(3 * Limits.windowCount))
        let last = StreamSequence(3 * Limits.windowCount)
        #expect(log.windowBegin == last + 1 - StreamSequence(Limits.windowCount))
        #expect(numbers(log.missed(after: last - 5)) == Array((last - 4)...last))
        _ = log.receive(last + 1, "\(last + 1)", byteCount: Limits.windowByteCount, now: now + .seconds(1))
        #expect(numbers(log.missed(after: last)) == [last + 1])
        guard case .tooMany = log.missed(after: last - 1) else {
            return #expect(Bool(false), "The bytes of the last event fill the window.")
        }
        log.prune(before: now + .seconds(2))
        #expect(log.byteCount == 0)
        #expect(numbers(log.missed(after: last + 1)) == [])
    }

    @Test("A gap that is too long holds no more than its bound, and the rest is missing")
    func heldBound() {
        var log = log(at: 0)
        for seq in 2...StreamSequence(Limits.gapHeldCount + 50) {
            _ = log.receive(seq, "\(seq)", byteCount: 1, now: now)
        }
        let released = log.receive(1, "1", byteCount: 1, now: now)
        #expect(released.count == Limits.gapHeldCount + 1)
        #expect(log.isMissingEvents)
    }
}
