import MediaCore
import MediaSecurity
import Testing

private func at(_ milliseconds: Int) -> MediaTime { MediaTime(nanoseconds: Int64(milliseconds) * 1_000_000) }

@Suite("Continuity of a re-pointed stream")
struct RewriterTests {
    @Test("Numbers go on by one and timestamps by elapsed time when the stream is re-pointed")
    func repoint() {
        var rewriter = Rewriter(sequence: 65_530, timestamp: .max - 100)
        rewriter.start(sequence: 1_000, timestamp: 50, clockRate: 90_000, now: at(0))
        var first: [UInt16?] = []
        for number in 0..<10 { first.append(rewriter.sequence(1_000 + Int64(number), timestamp: 50, now: at(0))) }
        #expect(first == [65_531, 65_532, 65_533, 65_534, 65_535, 0, 1, 2, 3, 4])
        let lastTimestamp = rewriter.timestamp(50)
        rewriter.stop()
        rewriter.start(sequence: 77, timestamp: 4_000_000_000, clockRate: 90_000, now: at(100))
        let number1 = rewriter.sequence(77, timestamp: 4_000_000_000, now: at(100))
        #expect(number1 == 5)
        #expect(rewriter.timestamp(4_000_000_000) &- lastTimestamp == 9_000)
    }

    @Test("A packet from before the re-pointing is not forwarded, and its number is not found again")
    func before() {
        var rewriter = Rewriter(sequence: 10, timestamp: 0)
        rewriter.start(sequence: 500, timestamp: 0, clockRate: 90_000, now: at(0))
        let number2 = rewriter.sequence(499, timestamp: 0, now: at(0))
        #expect(number2 == nil)
        let number3 = rewriter.sequence(500, timestamp: 0, now: at(0))
        #expect(number3 == 11)
        #expect(rewriter.original(of: 11) == 500)
        #expect(rewriter.original(of: 10) == nil)
        #expect(rewriter.original(of: 12) == nil, "not sent yet")
    }

    @Test("A pause of days does not overflow", arguments: [30, 60, 24 * 365])
    func longPause(hours: Int) {
        var rewriter = Rewriter(sequence: 0, timestamp: 0)
        rewriter.start(sequence: 1, timestamp: 0, clockRate: 90_000, now: at(0))
        _ = rewriter.sequence(1, timestamp: 0, now: at(0))
        rewriter.stop()
        let later = at(hours * 3_600_000)
        rewriter.start(sequence: 9, timestamp: 5, clockRate: 90_000, now: later)
        let sequence = rewriter.sequence(9, timestamp: 5, now: later)
        #expect(sequence == 2)
    }

    @Test("Holes and late packets keep the numbers they have on the way in")
    func holes() {
        var rewriter = Rewriter(sequence: 0, timestamp: 0)
        rewriter.start(sequence: 100, timestamp: 0, clockRate: 90_000, now: at(0))
        var numbers: [UInt16?] = []
        for number in [100, 101, 104, 102] as [Int64] {
            numbers.append(rewriter.sequence(number, timestamp: 0, now: at(0)))
        }
        #expect(numbers == [1, 2, 5, 3])
        #expect(rewriter.original(of: 4) == 103, "asked for although it was never there")
    }
}

@Suite("Missing packets")
struct LossDetectorTests {
    private func due(_ detector: inout LossDetector, _ time: MediaTime) -> [UInt16] {
        var numbers: [UInt16] = []
        detector.due(now: time, into: &numbers)
        return numbers
    }

    @Test("A gap is asked for after the time of a reordering, again and again, and given up in the end")
    func gap() {
        var detector = LossDetector()
        for sequence in [5, 6, 9] as [Int64] {
            let isMendable = detector.receive(sequence, now: at(0))
            #expect(isMendable)
        }
        #expect(due(&detector, at(9)) == [])
        #expect(due(&detector, at(10)) == [7, 8])
        #expect(due(&detector, at(60)) == [])
        _ = detector.receive(7, now: at(65))
        #expect(due(&detector, at(70)) == [8])
        var asked = 2
        var time = 70
        while detector.isWaiting, time < 5_000 {
            time += 10
            asked += due(&detector, at(time)).count
        }
        #expect(asked == LossDetector.tries)
        #expect(!detector.isWaiting)
    }

    @Test("More missing packets than are looked after call for a key frame")
    func tooMany() {
        var detector = LossDetector()
        _ = detector.receive(0, now: at(0))
        let isMendable = detector.receive(Int64(LossDetector.missingCount) + 2, now: at(0))
        #expect(!isMendable)
        #expect(!detector.isWaiting)
    }
}

@Suite("Requests for key frames")
struct KeyFrameRequestsTests {
    @Test("Many requests become one an interval, until a key frame arrives")
    func throttle() {
        var requests = KeyFrameRequests()
        var sent: [Int] = []
        for time in stride(from: 0, through: 1_400, by: 10) {
            if time < 1_300 { requests.want() } else { requests.received() }
            if requests.takeDue(now: at(time)) { sent.append(time) }
        }
        #expect(sent == [0, 500, 1_000])
    }
}

@Suite("Receiver reports")
struct ReceptionStatisticsTests {
    @Test("Loss since the last report and in all, over the wrap of the sequence number")
    func loss() throws {
        var statistics = ReceptionStatistics(clockRate: 90_000)
        let early = statistics.report(ssrc: 1, now: at(0))
        #expect(early == nil)
        for number in 0..<100 where number % 4 != 3 {
            _ = statistics.receive(
                sequenceNumber: UInt16(truncatingIfNeeded: 65_500 + number), timestamp: UInt32(number) * 900,
                now: at(number * 10))
        }
        let firstReport = statistics.report(ssrc: 1, now: at(1_000))
        let first = try #require(firstReport)
        // The 100th is lost too, which nobody can know before the next arrives.
        #expect(first.cumulativeLost == 24)
        #expect(first.fractionLost == UInt8(24 * 256 / 99))
        #expect(first.extendedHighestSequence & 0xFFFF == (65_500 + 98) & 0xFFFF)
        #expect(first.jitter <= 1)
        let secondReport = statistics.report(ssrc: 1, now: at(1_100))
        let second = try #require(secondReport)
        #expect(second.fractionLost == 0)
        #expect(second.cumulativeLost == 24)
    }

    @Test("A machine that is up for ten years counts as any other")
    func longUptime() throws {
        var statistics = ReceptionStatistics(clockRate: 90_000)
        let decade = 10 * 365 * 24 * 3_600_000
        for number in 0..<10 {
            _ = statistics.receive(
                sequenceNumber: UInt16(number), timestamp: UInt32(number) * 900, now: at(decade + number * 10))
        }
        let last = statistics.report(ssrc: 1, now: at(decade + 100))
        let report = try #require(last)
        #expect(report.jitter <= 1)
    }

    @Test("Jitter is the mean deviation of the spacing, and the last sender report is told with its age")
    func jitter() throws {
        var statistics = ReceptionStatistics(clockRate: 48_000)
        for number in 0..<200 {
            let wobble = number % 2 == 0 ? 0 : 5
            _ = statistics.receive(
                sequenceNumber: UInt16(number), timestamp: UInt32(number) * 960, now: at(number * 20 + wobble))
        }
        statistics.receiveSenderReport(ntp: 0x1122_3344_5566_7788, now: at(4_000))
        let lastReport = statistics.report(ssrc: 1, now: at(4_500))
        let report = try #require(lastReport)
        // Each transit differs from the last by 5 ms.
        #expect((230...250).contains(report.jitter))
        #expect(report.lastSenderReport == 0x3344_5566)
        #expect(report.delaySinceLastSenderReport == 32_768)
    }
}
