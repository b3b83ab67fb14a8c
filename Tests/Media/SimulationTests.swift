import Foundation
import MediaCore
import MediaSecurity
import Testing

/// More seeds with `ROOST_TEST_FULL`.
private let isFull = ProcessInfo.processInfo.environment["ROOST_TEST_FULL"] != nil

private func seeds(_ count: Int) -> ClosedRange<UInt64> { 1...UInt64(isFull ? 20 * count : count) }

extension SimulatedViewer {
    /// The samples from a second on.
    fileprivate func samples(from second: Int, to end: Int = .max) -> ArraySlice<Sample> {
        samples.drop { $0.time < .seconds(second) }.prefix { end == .max || $0.time < .seconds(end) }
    }

    /// The target in the mean, as a share of the link.
    fileprivate func meanTarget(from second: Int, link: Int) -> Double {
        let tail = samples(from: second)
        return tail.reduce(0) { $0 + Double($1.target) } / Double(tail.count) / Double(link)
    }

    /// How much of the time the target is within 20 % of the link.
    fileprivate func accuracy(from second: Int, link: Int) -> Double {
        let tail = samples(from: second)
        return Double(tail.filter { abs($0.target - link) * 5 <= link }.count) / Double(tail.count)
    }

    /// What arrived of sound and pictures, as a share of what the link could have brought.
    fileprivate func deliveredShare(from second: Int) -> Double {
        let tail = samples(from: second)
        guard let first = tail.first, let last = tail.last else { return 0 }
        let bits = Double(last.deliveredByteCount - first.deliveredByteCount) * 8
        let kept = 1 - link.conditions.meanLoss
        return bits / ((last.time - first.time) / .seconds(1)) / (Double(link.bitrate) * kept)
    }

    /// Of the first publisher's picture.
    fileprivate func layerChanges(from second: Int, publisher: Int = 0) -> Int {
        let tail = samples(from: second).map { $0.layers[publisher] }
        return zip(tail, tail.dropFirst()).filter { $0 != $1 }.count
    }

    /// Seconds from a moment until the first picture's layer is as it should be.
    fileprivate func time(after second: Int, until isRight: (Int) -> Bool) -> Double {
        let sample = samples(from: second).first { isRight($0.layers[0]) }
        return sample.map { ($0.time - .seconds(second)) / .seconds(1) } ?? .infinity
    }
}

@Suite("Congestion control over virtual links")
struct SimulationTests {
    @Test("The estimate is within 20 % of a constant link, from 0.3 to 10 Mbit/s", arguments: seeds(40))
    func constant(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        // Evenly distributed by order of magnitude: each of five doublings as likely.
        var (bitrate, doublings) = (300_000.0, 5.058 * random.unit())
        while doublings > 1 { (bitrate, doublings) = (2 * bitrate, doublings - 1) }
        bitrate *= 1 + doublings
        var link = LinkConditions(Int(bitrate))
        link.delay = .milliseconds(10 + Int(190 * random.unit()))
        link.queue = .milliseconds(100 + Int(500 * random.unit()))
        link.jitter = .milliseconds(Int(20 * random.unit()))
        for demand in [SimulatedViewer.Demand.elastic, .layers(count: 8)] {
            let viewer = Simulation.run(demand, link, isPaced: seed % 2 == 0, seconds: 50, seed: seed)
            let mean = viewer.meanTarget(from: 20, link: Int(bitrate))
            #expect(abs(mean - 1) < 0.2, "seed \(seed), \(Int(bitrate)) bit/s, \(demand)")
            #expect(
                viewer.accuracy(from: 20, link: Int(bitrate)) >= 0.75, "seed \(seed), \(Int(bitrate)) bit/s, \(demand)")
        }
    }

    @Test(
        "From 5 to 0.5 Mbit/s a fitting layer is sent in 3 s; back at 5, the large one again in 8 s",
        arguments: seeds(20), [true, false])
    func steps(seed: UInt64, isPaced: Bool) {
        var random = SeededGenerator(seed: seed)
        var link = LinkConditions(rates: [(.zero, 5_000_000), (.seconds(20), 500_000), (.seconds(50), 5_000_000)])
        link.delay = .milliseconds(10 + Int(140 * random.unit()))
        link.queue = .milliseconds(100 + Int(400 * random.unit()))
        link.jitter = .milliseconds(Int(5 * random.unit()))
        let viewer = Simulation.run(.layers(count: 1), link, isPaced: isPaced, seconds: 70, seed: seed)
        #expect(viewer.samples(from: 19, to: 20).allSatisfy { $0.layers == [2] }, "seed \(seed)")
        #expect(viewer.time(after: 20) { $0 == 0 } <= 3, "seed \(seed)")
        #expect(viewer.samples(from: 25, to: 50).allSatisfy { $0.layers == [0] }, "seed \(seed)")
        #expect(viewer.time(after: 50) { $0 == 2 } <= 8, "seed \(seed)")
    }

    @Test("In a steady minute no picture changes its layer more than twice, whatever the link", arguments: 5...80)
    func steady(step: Int) {
        let bitrate = 50_000 * step
        for (publishers, seed) in [(1, UInt64(step)), (3, UInt64(step + 1_000))] {
            let viewer = Simulation.run(
                .layers(count: publishers), LinkConditions(bitrate), isPaced: step % 2 == 0, seconds: 90, seed: seed)
            for publisher in 0..<publishers {
                let changes = viewer.layerChanges(from: 30, publisher: publisher)
                #expect(changes <= 2, "\(bitrate) bit/s, seed \(seed), publisher \(publisher)")
            }
        }
    }

    @Test(
        "Loss by chance leaves what of the link its packets can use",
        arguments: [(0, 0.85), (0.02, 0.82), (0.05, 0.8), (0.1, 0.75), (0.2, 0.7), (0.3, 0.65)] as [(Double, Double)],
        [1_000_000, 4_000_000])
    func loss(_ loss: (share: Double, used: Double), bitrate: Int) {
        for seed in seeds(4) {
            var link = LinkConditions(bitrate)
            link.loss = loss.share
            let elastic = Simulation.run(.elastic, link, seconds: 60, seed: seed)
            #expect(elastic.deliveredShare(from: 20) >= loss.used, "seed \(seed)")
            #expect(elastic.meanTarget(from: 20, link: bitrate) < 1.2, "seed \(seed)")
            // One picture: the layer that fits, without flapping.
            let layered = Simulation.run(.layers(count: 1), link, seconds: 90, seed: seed)
            let most = bitrate > 3_000_000 ? 2 : 1
            let right = layered.samples(from: 30).filter { $0.layers == [most] }.count
            let share = Double(right) / Double(layered.samples(from: 30).count)
            #expect(share >= (loss.share < 0.3 ? 0.75 : 0.7), "seed \(seed)")
            #expect(layered.layerChanges(from: 30, publisher: 0) <= 6, "seed \(seed)")
            #expect(Double(layered.lostForGood) < 0.01 * Double(layered.mediaCount), "seed \(seed)")
        }
    }

    @Test(
        "Loss in bursts does not collapse it",
        arguments: [(0.002, 10.0, 0.75), (0.005, 10, 0.7), (0.005, 30, 0.5)])
    func bursts(begins: Double, length: Double, used: Double) {
        for seed in seeds(4) {
            var link = LinkConditions(3_000_000)
            link.burst = (begins, length)
            let viewer = Simulation.run(.elastic, link, seconds: 60, seed: seed)
            #expect(viewer.deliveredShare(from: 20) >= used, "seed \(seed)")
            #expect(viewer.samples(from: 20).allSatisfy { $0.target >= 150_000 }, "seed \(seed)")
        }
    }

    @Test("Delay of 10 to 400 ms does not collapse it", arguments: [10, 50, 100, 200, 400])
    func delay(milliseconds: Int) {
        for seed in seeds(3) {
            var link = LinkConditions(3_000_000)
            link.delay = .milliseconds(milliseconds)
            let elastic = Simulation.run(.elastic, link, seconds: 60, seed: seed)
            #expect(elastic.deliveredShare(from: 20) >= 0.85, "seed \(seed)")
            let layered = Simulation.run(.layers(count: 1), link, seconds: 60, seed: seed)
            #expect(layered.samples(from: 20).allSatisfy { $0.layers == [2] }, "seed \(seed)")
        }
    }

    @Test("Jitter up to 80 ms does not collapse it", arguments: [5, 10, 20, 40, 80])
    func jitter(milliseconds: Int) {
        for seed in seeds(3) {
            var link = LinkConditions(3_000_000)
            link.jitter = .milliseconds(milliseconds)
            let elastic = Simulation.run(.elastic, link, seconds: 60, seed: seed)
            // Packets that are spread over time by 80 ms of jitter beside the pacing look a little like a full link.
            #expect(elastic.deliveredShare(from: 20) >= (milliseconds < 80 ? 0.8 : 0.75), "seed \(seed)")
            let layered = Simulation.run(.layers(count: 1), link, seconds: 90, seed: seed)
            let samples = layered.samples(from: 40)
            let right = samples.filter { $0.layers == [2] }.count
            #expect(right >= samples.count * (milliseconds < 80 ? 100 : 90) / 100, "seed \(seed)")
            #expect(layered.layerChanges(from: 40) <= 2, "seed \(seed)")
        }
    }

    @Test(
        "Reordering, and loss of feedback, do not collapse it",
        arguments: [(0.01, 0.0), (0.05, 0), (0.2, 0), (0, 0.1), (0, 0.3), (0, 0.5)])
    func disorder(reordering: Double, feedbackLoss: Double) {
        for seed in seeds(3) {
            var link = LinkConditions(3_000_000)
            (link.reordering, link.feedbackLoss) = (reordering, feedbackLoss)
            let elastic = Simulation.run(.elastic, link, seconds: 60, seed: seed)
            #expect(elastic.deliveredShare(from: 20) >= 0.8, "seed \(seed)")
            let layered = Simulation.run(.layers(count: 1), link, seconds: 90, seed: seed)
            #expect(layered.samples(from: 45).allSatisfy { $0.layers == [2] }, "seed \(seed)")
        }
    }

    @Test("A queue of 50 ms or of seconds is kept short in the mean", arguments: [50, 100, 300, 1_000, 3_000])
    func queues(milliseconds: Int) {
        for seed in seeds(3) {
            var link = LinkConditions(3_000_000)
            link.queue = .milliseconds(milliseconds)
            let viewer = Simulation.run(.elastic, link, seconds: 60, seed: seed)
            let tail = viewer.samples(from: 20)
            let mean = tail.reduce(Duration.zero) { $0 + $1.queueDelay } / tail.count
            #expect(mean < .milliseconds(80), "seed \(seed)")
            #expect(viewer.deliveredShare(from: 20) >= 0.85, "seed \(seed)")
        }
    }

    @Test("One viewer on a bad link costs those on good ones nothing", arguments: seeds(3))
    func oneBadViewer(seed: UInt64) {
        var bad = LinkConditions(rates: [(.zero, 1_500_000), (.seconds(20), 250_000), (.seconds(40), 1_500_000)])
        bad.loss = 0.1
        bad.jitter = .milliseconds(30)
        let good = LinkConditions(5_000_000)
        let viewers = [bad, good, good].enumerated().map {
            SimulatedViewer(.layers(count: 2), $0.element, seed: seed &* 10 &+ UInt64($0.offset))
        }
        var simulation = Simulation(publisherCount: 2, seed: seed, viewers: viewers)
        simulation.run(seconds: 60)
        for viewer in simulation.viewers.dropFirst() {
            #expect(viewer.samples(from: 15).allSatisfy { $0.layers == [2, 2] }, "seed \(seed)")
            #expect(viewer.link.overflowCount == 0, "seed \(seed)")
        }
        let narrow = simulation.viewers[0].samples(from: 25, to: 40)
        let low = narrow.filter { ($0.layers.max() ?? 0) <= 0 }.count
        #expect(low >= narrow.count * 9 / 10, "seed \(seed)")
        #expect(simulation.viewers[0].samples(from: 58).allSatisfy { ($0.layers.min() ?? 0) >= 0 }, "seed \(seed)")
    }

    @Test("An hour of a link that wanders stays between use and overload", arguments: seeds(1))
    func wandering(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var (rates, bitrate) = ([(from: Duration, bitrate: Int)](), 2_000_000.0)
        for second in stride(from: 0, to: 3_600, by: 20) {
            rates.append((.seconds(second), Int(bitrate)))
            bitrate = min(max(bitrate * (0.6 + 1.07 * random.unit()), 400_000), 6_000_000)
        }
        let viewer = Simulation.run(.elastic, LinkConditions(rates: rates), seconds: 3_600, seed: seed)
        let capacity = rates.reduce(0) { $0 + Double($1.bitrate) } / Double(rates.count)
        let bits = Double(viewer.samples.last?.deliveredByteCount ?? 0) * 8 / 3_600
        #expect(bits >= 0.75 * capacity, "seed \(seed)")
        let queued = viewer.samples.filter { $0.queueDelay > .milliseconds(150) }.count
        #expect(queued < viewer.samples.count / 10, "seed \(seed)")
    }
}

@Suite("Pacing over virtual links")
struct SimulationPacingTests {
    /// One publisher's camera whose key frames are twelve times as large as other pictures, 20 to 30 packets in the size that
    /// fits, one each three seconds, from 20 s on.
    private func run(_ link: LinkConditions, isPaced: Bool, seed: UInt64) -> (lost: Int, viewer: SimulatedViewer) {
        var simulation = Simulation(
            publisherCount: 1, keyFrameSize: 12, seed: seed,
            viewers: [SimulatedViewer(.layers(count: 1), link, isPaced: isPaced, seed: seed)])
        simulation.run(seconds: 20)
        let before = simulation.viewers[0].link.overflowCount
        simulation.run(from: 20, seconds: 40) { millisecond, publishers in
            guard millisecond % 3_000 == 0 else { return }
            for layer in 0..<3 { publishers[0].requestKeyFrame(layer) }
        }
        return (simulation.viewers[0].link.overflowCount - before, simulation.viewers[0])
    }

    @Test("Key frames lose nothing on a link of 1.5 Mbit/s that holds 50 ms, and many packets if they are not paced")
    func burst() {
        for seed in seeds(4) {
            var link = LinkConditions(1_500_000)
            link.queue = .milliseconds(50)
            let paced = run(link, isPaced: true, seed: seed)
            #expect(paced.lost == 0, "seed \(seed)")
            #expect(paced.viewer.samples(from: 25).allSatisfy { $0.layers == [1] }, "seed \(seed)")
            #expect(run(link, isPaced: false, seed: seed).lost > 50, "seed \(seed)")
        }
    }

    @Test("Sound waits no longer than 10 ms beyond the way while key frames leave, and longer if they are not paced")
    func sound() {
        for seed in seeds(4) {
            let waits = [true, false].map { isPaced in
                let sounds = run(LinkConditions(1_500_000), isPaced: isPaced, seed: seed).viewer.soundDelays
                // Those that come upon a probe wait longer, key frame or not.
                let late = sounds.filter { $0.sent >= MediaTime(nanoseconds: 20_000_000_000) }.map(\.beyond).sorted()
                return late[late.count * 96 / 100]
            }
            #expect(waits[0] <= .milliseconds(10), "seed \(seed)")
            #expect(waits[1] > .milliseconds(30), "seed \(seed)")
        }
    }
}
