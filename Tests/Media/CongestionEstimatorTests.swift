import MediaCore
import MediaSecurity
import Testing

private func at(_ milliseconds: Double) -> MediaTime { MediaTime(nanoseconds: Int64(milliseconds * 1_000_000)) }

/// Gives an estimator the results of packets of 1,200 bytes, in feedbacks 50 ms apart.
private struct EstimatorBench {
    var estimator: BandwidthEstimator
    var random = SeededGenerator(seed: 7)
    private var clock = 0.0
    private var number: Int64 = 0
    private var nextSend = 0.0

    init(start: Int = BandwidthEstimator.start) { estimator = BandwidthEstimator(start: start) }

    /// - Parameters:
    ///   - rate: bits/s to send when the target is so much.
    ///   - delay: one way, in ms, of a packet sent so many ms after the beginning of this run.
    ///   - loss: the chance that a packet is lost when so much is sent.
    mutating func run(
        seconds: Double, rate: (_ target: Int) -> Int, delay: (_ elapsed: Double) -> Double = { _ in 20 },
        loss: (_ rate: Int) -> Double = { _ in 0 }
    ) {
        let begin = clock
        while clock < begin + seconds * 1_000 {
            let bitrate = rate(estimator.target)
            var results: [PacketResult] = []
            while nextSend < clock + 50 {
                let isLost = random.unit() < loss(bitrate)
                results.append(
                    PacketResult(
                        number: number, byteCount: 1_200, sent: at(nextSend),
                        arrival: isLost ? nil : at(nextSend + delay(nextSend - begin))))
                number += 1
                nextSend += 1_200 * 8 * 1_000 / Double(bitrate)
            }
            clock += 50
            estimator.sent(now: at(clock))
            for result in results { estimator.receive(result) }
            estimator.update(now: at(clock + 60), roundTrip: .milliseconds(80))
            estimator.advance(now: at(clock + 60))
        }
    }

    /// Packets leave, and nothing comes back.
    mutating func runSilent(seconds: Double) {
        let begin = clock
        while clock < begin + seconds * 1_000 {
            clock += 50
            estimator.sent(now: at(clock))
            estimator.advance(now: at(clock))
        }
    }
}

@Suite("Estimate of the bandwidth to a receiver")
struct BandwidthEstimatorTests {
    @Test("A delay that grows lowers the target to 0.85 of what arrives, and no further once the queue drains")
    func growingDelay() {
        var bench = EstimatorBench(start: 1_000_000)
        bench.run(seconds: 5, rate: { _ in 1_000_000 })
        let before = bench.estimator.target
        #expect(before >= 1_000_000)
        // A link of 800 kbit/s: each second sent takes 1.25 to arrive.
        bench.run(seconds: 0.6, rate: { _ in 1_000_000 }, delay: { 20 + 0.25 * $0 })
        #expect(bench.estimator.isOverused)
        #expect(bench.estimator.target <= Int(0.92 * 800_000))
        #expect(bench.estimator.target >= Int(0.70 * 800_000))
        let low = bench.estimator.target
        bench.run(seconds: 0.6, rate: { $0 }, delay: { max(20, 170 - 0.2 * $0) })
        #expect(bench.estimator.target >= low)
    }

    @Test("A delay that varies by chance lowers nothing for long", arguments: [2.0, 10, 30])
    func jitter(most: Double) {
        var bench = EstimatorBench(start: 1_000_000)
        var noise = SeededGenerator(seed: 3)
        bench.run(seconds: 60, rate: { _ in 1_000_000 }, delay: { _ in 20 + most * noise.unit() })
        #expect(bench.estimator.target >= 900_000)
    }

    @Test("Time alone raises the target only a little above what is sent")
    func applicationLimited() {
        var bench = EstimatorBench()
        bench.run(seconds: 60, rate: { _ in 200_000 })
        #expect(bench.estimator.target == BandwidthEstimator.start)
        bench.run(seconds: 60, rate: { _ in 1_000_000 })
        #expect((1_000_000...1_200_000).contains(bench.estimator.target))
        bench.run(seconds: 5, rate: { _ in 30_000 })
        #expect(bench.estimator.target >= 1_000_000, "who sends less forgets nothing")
    }

    @Test("A probe raises the target to what it measured, and to 0.95 of that where the link was full")
    func probed() {
        var bench = EstimatorBench()
        bench.run(seconds: 2, rate: { _ in 200_000 })
        bench.estimator.receive(
            ProbeResult(sentBitrate: 1_500_000, receivedBitrate: 1_490_000, isLinkFull: false), now: at(2_000))
        #expect(bench.estimator.target == 1_490_000)
        bench.estimator.receive(
            ProbeResult(sentBitrate: 3_000_000, receivedBitrate: 2_000_000, isLinkFull: true), now: at(2_100))
        #expect(bench.estimator.target == 1_900_000)
    }

    @Test("One probe that measures less is doubted, two lower the target, but not below what is carried")
    func doubtfulProbe() {
        var bench = EstimatorBench(start: 2_000_000)
        bench.run(seconds: 2, rate: { _ in 700_000 })
        let low = ProbeResult(sentBitrate: 3_000_000, receivedBitrate: 500_000, isLinkFull: true)
        bench.estimator.receive(low, now: at(2_000))
        #expect(bench.estimator.target == 2_000_000)
        bench.estimator.receive(low, now: at(5_000))
        #expect((650_000...750_000).contains(bench.estimator.target))
    }

    @Test("Without feedback the target halves, again and again")
    func silence() {
        var bench = EstimatorBench(start: 4_000_000)
        bench.run(seconds: 5, rate: { _ in 1_000_000 })
        #expect(bench.estimator.target == 4_000_000)
        bench.runSilent(seconds: 1.8)
        #expect(bench.estimator.target == 2_000_000)
        bench.runSilent(seconds: 30)
        #expect(bench.estimator.target == BandwidthEstimator.minimum)
    }

    @Test("Loss of a link with a short queue bounds the target to what it carries, within 20 %")
    func shortQueue() {
        var bench = EstimatorBench(start: 2_000_000)
        bench.run(seconds: 15, rate: { $0 }, loss: { max(0, 1 - 800_000 / Double($0)) })
        #expect((650_000...960_000).contains(bench.estimator.target))
        #expect(bench.estimator.ownLoss < 0.1)
    }

    @Test(
        "Loss that stays however little is sent is the link's own, and lowers nothing for long",
        arguments: [0.03, 0.08, 0.15, 0.3])
    func ownLoss(share: Double) {
        var bench = EstimatorBench(start: 2_000_000)
        bench.run(seconds: 60, rate: { $0 }, loss: { _ in share })
        #expect(bench.estimator.target >= 2_000_000)
        #expect(abs(bench.estimator.ownLoss - share) < 0.06)
        // And it is unlearned.
        bench.run(seconds: 10, rate: { _ in 1_000_000 })
        #expect(bench.estimator.ownLoss < 0.02)
    }

    @Test("A longer route is no queue: the target recovers")
    func route() {
        var bench = EstimatorBench(start: 1_000_000)
        bench.run(seconds: 30, rate: { $0 }, delay: { _ in 20 })
        let before = min(bench.estimator.target, 3_000_000)
        bench.run(seconds: 60, rate: { min($0, 3_000_000) }, delay: { _ in 350 })
        #expect(bench.estimator.target >= before * 8 / 10)
    }

    @Test("What the receiver says it can take is the most that is sent")
    func receiverEstimate() {
        var estimator = BandwidthEstimator(start: 5_000_000)
        var bytes: [UInt8] = []
        ReceiverEstimate.write(sender: 1, bitrate: 800_000, ssrcs: [2], into: &bytes)
        ReceiverEstimate.forEach(in: bytes.span) { estimator.receive($0) }
        #expect((799_990...800_000).contains(estimator.target))
    }
}

@Suite("Bandwidth without transport-wide feedback")
struct ReportedBandwidthTests {
    private func estimate(_ bitrate: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        ReceiverEstimate.write(sender: 1, bitrate: bitrate, ssrcs: [], into: &bytes)
        return bytes
    }

    @Test("Reports of less than 2 % loss raise it, of more than 10 % lower it, between it stays")
    func reports() {
        var bandwidth = ReportedBandwidth()
        for second in 0..<20 {
            bandwidth.receive(fractionLost: 2, sentBitrate: bandwidth.target, now: at(1_000.0 * Double(second)))
        }
        let risen = bandwidth.target
        #expect(risen > 2 * BandwidthEstimator.start)
        for second in 20..<40 {
            bandwidth.receive(fractionLost: 15, sentBitrate: risen, now: at(1_000.0 * Double(second)))
        }
        #expect(bandwidth.target == risen)
        bandwidth.receive(fractionLost: 64, sentBitrate: risen, now: at(41_000))
        let lowered = bandwidth.target
        #expect(abs(lowered - risen * 7 / 8) <= 1)
        bandwidth.receive(fractionLost: 64, sentBitrate: risen, now: at(41_500))
        #expect(bandwidth.target == lowered, "the report is about the time before")
        for second in 0..<9 {
            bandwidth.receive(fractionLost: 0, sentBitrate: 100_000, now: at(42_000 + 1_000.0 * Double(second)))
        }
        #expect(bandwidth.target == lowered, "little was sent, so nothing was shown")
        for second in 0..<10 {
            bandwidth.receive(fractionLost: 0, sentBitrate: 100_000, now: at(52_000 + 1_000.0 * Double(second)))
        }
        #expect(bandwidth.target > 2 * lowered, "it is tried when nothing was lost for ten seconds")
    }

    @Test("The receiver's own estimate begins it and bounds it")
    func receiver() {
        var bandwidth = ReportedBandwidth()
        let (much, little) = (estimate(4_000_000), estimate(300_000))
        ReceiverEstimate.forEach(in: much.span) { bandwidth.receive($0) }
        #expect(bandwidth.target > 3_999_900)
        ReceiverEstimate.forEach(in: little.span) { bandwidth.receive($0) }
        #expect(bandwidth.target == 300_000)
    }

    @Test(
        "A publisher is told to go on while nothing is lost, and less when it is, at most once a second if it is the same"
    )
    func publisher() {
        var bandwidth = PublisherBandwidth()
        #expect(bandwidth.due(wanted: 2_500_000, now: at(0)) == PublisherBandwidth.start)
        #expect(bandwidth.due(wanted: 2_500_000, now: at(500)) == nil)
        for packet in 0..<1_000 { bandwidth.receive(byteCount: 1_000, now: at(10.0 * Double(packet))) }
        #expect(bandwidth.bitrate >= 2_400_000, "three times of 800 kbit/s")
        let told = bandwidth.due(wanted: 900_000, now: at(10_000))
        #expect(told == 900_000, "no more than anyone takes")
        for packet in 0..<500 {
            bandwidth.receive(
                byteCount: 1_000, lostCount: packet % 3 == 0 ? 1 : 0, now: at(10_000 + 10.0 * Double(packet)))
        }
        #expect(bandwidth.bitrate < 1_100_000)
        #expect(bandwidth.bitrate >= BandwidthEstimator.minimum)
    }
}
