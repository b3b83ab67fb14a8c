import MediaCore
import MediaSecurity
import Testing

private func at(_ milliseconds: Int) -> MediaTime { MediaTime(nanoseconds: Int64(milliseconds) * 1_000_000) }

@Suite("Limits of what comes in and of what is asked for")
struct RoomLimitTests {
    @Test("An original is of use when it is new or missing, and not after its retransmission or when it was given up")
    func original() {
        var detector = LossDetector()
        #expect(detector.awaits(5))
        for sequence in [5, 6, 9] as [Int64] { _ = detector.receive(sequence, now: at(0)) }
        #expect(detector.awaits(7) && detector.awaits(8) && detector.awaits(10))
        #expect(!detector.awaits(6) && !detector.awaits(9))
        #expect(detector.awaits(4), "the first was overtaken by the next one")
        _ = detector.receive(7, now: at(20))
        #expect(!detector.awaits(7) && detector.awaits(8))
        var numbers: [UInt16] = []
        for step in 1...100 { detector.due(now: at(20 * step), into: &numbers) }
        #expect(!detector.awaits(8))
    }

    @Test("A leap of the numbers is one from a thousand on, seen from the last that was sent, also over wraps")
    func leap() {
        var rewriter = Rewriter(sequence: 10, timestamp: 0)
        #expect(!rewriter.isLeap(to: 70_000), "not begun")
        rewriter.start(sequence: 500, timestamp: 0, clockRate: 48_000, now: at(0))
        _ = rewriter.sequence(500, timestamp: 0, now: at(0))
        #expect(!rewriter.isLeap(to: 500 + Rewriter.longestGap))
        #expect(!rewriter.isLeap(to: 400))
        #expect(rewriter.isLeap(to: 501 + Rewriter.longestGap) && rewriter.isLeap(to: 500 + 65_536))
    }

    @Test("A publication may send a second of its limit at once, and after that as much as the limit says")
    func bucket() {
        var limit = IncomingLimit(bitrate: 8_000_000)
        var taken = 0
        for _ in 0..<3_000 where limit.take(byteCount: 1_000, now: at(5_000)) { taken += 1 }
        #expect(taken == 1_000)
        taken = 0
        for millisecond in 5_001...7_000 {
            for _ in 0..<3 where limit.take(byteCount: 1_000, now: at(millisecond)) { taken += 1 }
        }
        #expect(taken == 2_000)
        var small = IncomingLimit(bitrate: 8_000_000)
        taken = 0
        for _ in 0..<10_000 where small.take(byteCount: 1, now: at(0)) { taken += 1 }
        #expect(taken == 1_000_000 / IncomingLimit.leastByteCount)
    }

    @Test("A sender that is silent is asked five times for a key frame, and again when packets come without one")
    func backOff() {
        var requests = KeyFrameRequests()
        var sent: [Int] = []
        for time in stride(from: 0, through: 20_000, by: 10) {
            requests.want()
            if time == 10_000 { requests.noteArrival() }
            if requests.takeDue(now: at(time)) { sent.append(time) }
        }
        #expect(sent == [0, 500, 1_000, 1_500, 2_000, 10_000, 10_500, 11_000, 11_500, 12_000])
        #expect(!requests.isPending)
    }

    @Test("Loss is weighed by packets, and judged over half a second at least")
    func loss() throws {
        var loss = ReportedLoss(since: at(0))
        loss.add(fractionLost: 0, packetCount: 300)
        let early = loss.take(sentByteCount: 40_000, now: at(400))
        #expect(early == nil)
        loss.add(fractionLost: 128, packetCount: 100)
        let taken = loss.take(sentByteCount: 100_000, now: at(1_000))
        let judged = try #require(taken)
        #expect(judged.fractionLost == 32)
        #expect(judged.bitrate == 800_000)
        let nothing = loss.take(sentByteCount: 100_000, now: at(2_000))
        #expect(nothing == nil)
    }

    /// Looks every 100 ms for a minute and answers when, in ms, it was not starved any more.
    private func retried(isProbed: Bool, loss: (Int) -> Double) -> [Int] {
        var starvation = VideoStarvation()
        var (retried, wasStarved): ([Int], Bool) = ([], false)
        for time in stride(from: 0, to: 60_000, by: 100) {
            let isStarved = starvation.update(
                budget: 50_000, need: 200_000, loss: loss(time), queueDelay: .zero, isProbed: isProbed, now: at(time))
            if wasStarved, !isStarved { retried.append(time) }
            wasStarved = isStarved
        }
        return retried
    }

    @Test("Where nothing probes the link, pictures that paused are tried again when nothing was lost for eight seconds")
    func retry() {
        let short: (Int) -> Double = { $0 <= 5_000 ? 0.2 : 0 }
        #expect(retried(isProbed: false, loss: short) == [13_000])
        #expect(retried(isProbed: true, loss: short) == [])
        #expect(retried(isProbed: false) { _ in 0.2 } == [], "not while it loses")
        // In vain: each time twice as late.
        #expect(retried(isProbed: false) { $0 <= 5_000 || 13_100...16_500 ~= $0 ? 0.2 : 0 } == [13_000, 32_500])
    }
}
