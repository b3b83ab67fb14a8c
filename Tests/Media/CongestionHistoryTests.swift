import MediaCore
import MediaSecurity
import Testing

private func at(_ milliseconds: Int) -> MediaTime { MediaTime(nanoseconds: Int64(milliseconds) * 1_000_000) }

/// What a history made of the feedback of a recorder that got the packets `arriving`, each 5 ms after the other.
private struct HistoryBench {
    var history = SendHistory()
    var recorder = ArrivalRecorder()
    var clock = 0
    var gaps: [FeedbackGap] = []

    mutating func send(_ count: Int, byteCount: Int = 1_000) -> [UInt16] {
        var numbers: [UInt16] = []
        for _ in 0..<count {
            numbers.append(history.sent(byteCount: byteCount, now: at(clock), isProbe: nil))
            clock += 5
        }
        return numbers
    }

    mutating func arrive(_ numbers: [UInt16]) {
        for number in numbers {
            recorder.receive(number, byteCount: 1_000, now: at(clock))
            clock += 5
        }
    }

    mutating func feedback() -> [UInt8] {
        clock += 300
        var bytes: [UInt8] = []
        while recorder.write(now: at(clock), sender: 1, media: 2, into: &bytes) {}
        return bytes
    }

    mutating func read(_ bytes: [UInt8]) -> [PacketResult] {
        var (history, results, gaps) = (self.history, [PacketResult](), self.gaps)
        let now = at(clock)
        TransportFeedback.forEach(in: bytes.span) { feedback in
            let gap = history.receive(feedback, in: bytes.span, now: now) { results.append($0) }
            if let gap { gaps.append(gap) }
        }
        (self.history, self.gaps) = (history, gaps)
        return results
    }
}

@Suite("What became of sent packets")
struct SendHistoryTests {
    @Test("Numbers go on past the wrap, and each packet is told once with what it was")
    func wrap() {
        var bench = HistoryBench()
        var seen: [Int64] = []
        for round in 0..<700 {
            let numbers = bench.send(100, byteCount: 500 + round)
            #expect(numbers.first == UInt16(truncatingIfNeeded: round * 100))
            bench.arrive(numbers)
            let bytes = bench.feedback()
            let results = bench.read(bytes)
            seen += results.map(\.number)
            #expect(results.allSatisfy { $0.byteCount == 500 + round && $0.arrival != nil && !$0.wasReportedLost })
            #expect(bench.read(bytes).isEmpty, "the same feedback again is no news")
        }
        #expect(seen == Array(0..<70_000))
    }

    @Test("A lost packet is told lost, and told again when it comes after all")
    func lateArrival() {
        var bench = HistoryBench()
        let numbers = bench.send(5)
        bench.arrive([numbers[0], numbers[1], numbers[3], numbers[4]])
        let first = bench.feedback()
        #expect(bench.read(first).map { $0.arrival == nil } == [false, false, true, false, false])
        bench.arrive([numbers[2]])
        let second = bench.feedback()
        let results = bench.read(second)
        #expect(results.map(\.number) == [2])
        #expect(results.first?.wasReportedLost == true)
        #expect(results.first?.arrival != nil)
    }

    @Test("The times of arrival are the receiver's to 250 µs, and the round trip is measured")
    func times() throws {
        var bench = HistoryBench()
        let numbers = bench.send(50)
        bench.arrive(numbers)
        let bytes = bench.feedback()
        let results = bench.read(bytes)
        let arrivals = try results.map { try #require($0.arrival) }
        for (before, after) in zip(arrivals, arrivals.dropFirst()) { #expect(after - before == .milliseconds(5)) }
        #expect(bench.history.roundTrip == at(bench.clock) - at(49 * 5))
    }

    @Test("What a lost feedback would have told is given as a gap, with the times around it")
    func gap() {
        var bench = HistoryBench()
        for isLost in [false, true, true, false] {
            let numbers = bench.send(20)
            bench.arrive(numbers)
            let bytes = bench.feedback()
            if !isLost { _ = bench.read(bytes) }
        }
        #expect(bench.gaps.map(\.byteCount) == [40_000])
        #expect(bench.gaps.allSatisfy { $0.from < $0.to })
    }

    @Test("At any pace a packet of the last 2 s is remembered")
    func memory() throws {
        for interval in [2, 5, 20] {
            var bench = HistoryBench()
            var numbers: [UInt16] = []
            for _ in 0..<(10_000 / interval) {
                numbers += bench.send(1)
                bench.clock += interval - 5
            }
            let count = 1_700 / interval
            bench.arrive(numbers.suffix(count))
            let bytes = bench.feedback()
            let told = bench.read(bytes)
            #expect(told.map(\.number) == Array(Int64(numbers.count - count)..<Int64(numbers.count)), "\(interval) ms")
            #expect(told.allSatisfy { $0.byteCount == 1_000 && $0.arrival != nil && !$0.wasReportedLost })
        }
    }

    @Test("Feedback about packets that were never sent, or are forgotten, gives nothing")
    func unknown() {
        var bench = HistoryBench()
        bench.arrive([100, 101, 102])
        let early = bench.feedback()
        #expect(bench.read(early).isEmpty)
        _ = bench.send(50)
        #expect(bench.read(early).isEmpty, "the numbers were not reached yet")
        _ = bench.send(SendHistory.packetCount + 200)
        #expect(bench.read(early).isEmpty, "they are forgotten")
    }
}
