import MediaCore
import MediaSecurity
import Testing

private func at(_ milliseconds: Int) -> MediaTime { MediaTime(nanoseconds: Int64(milliseconds) * 1_000_000) }

private let camera = [(0, 150_000), (1, 500_000), (2, 1_700_000)].map {
    LayerChoice(spatial: UInt8($0.0), temporal: 2, bitrate: $0.1)
}

private func demand(_ id: UInt32, _ priority: VideoPriority = .normal, most: UInt8 = 2) -> LayerDemand {
    LayerDemand(id: id, priority: priority, maximumSpatial: most, layers: camera)
}

/// Calls an allocator ten times a second.
private struct AllocatorBench {
    var allocator = LayerAllocator()
    var clock = 0

    mutating func run(
        _ demands: [LayerDemand], budget: Int, audio: Int = 0, seconds: Double = 0.1
    ) -> [Int] {
        var result: [Int] = []
        for _ in 0..<max(1, Int(seconds * 10)) {
            clock += 100
            result = allocator.update(demands, budget: budget, audio: audio, now: at(clock))
                .map { $0.map { Int($0.spatial) } ?? -1 }
        }
        return result
    }
}

@Suite("Division of bandwidth among pictures")
struct LayerAllocatorTests {
    @Test(
        "Each gets the least in the order of priority, then the important ones more",
        arguments: [
            (100_000, [-1, -1, -1]), (200_000, [0, -1, -1]), (400_000, [0, 0, -1]), (520_000, [0, 0, 0]),
            (920_000, [1, 0, 0]), (2_300_000, [2, 0, 0]), (3_100_000, [2, 1, 1]), (6_000_000, [2, 2, 2]),
        ])
    func priorities(budget: Int, expected: [Int]) {
        var bench = AllocatorBench()
        let demands = [demand(1, .pinned), demand(2, .normal), demand(3, .normal)]
        #expect(bench.run(demands, budget: budget) == expected)
        // The order in which they are given does not matter.
        var other = AllocatorBench()
        #expect(other.run(demands.reversed(), budget: budget) == expected.reversed())
    }

    @Test("Nobody gets a picture while a more important one has none")
    func inversion() {
        var bench = AllocatorBench()
        let large = LayerDemand(
            id: 1, priority: .screen, maximumSpatial: 0,
            layers: [LayerChoice(spatial: 0, temporal: 0, bitrate: 400_000)])
        #expect(bench.run([large, demand(2, .small)], budget: 300_000) == [-1, -1])
    }

    @Test("Audio is taken off first, hidden pictures get nothing, and a tile no more than it can show")
    func limits() {
        var bench = AllocatorBench()
        let demands = [demand(1, .hidden), demand(2, .normal, most: 0), demand(3, .normal, most: 1)]
        #expect(bench.run(demands, budget: 10_000_000) == [-1, 0, 1])
        #expect(LayerAllocator.wanted(demands) == 650_000)
        #expect(bench.run(demands, budget: 10_000_000, audio: 9_900_000) == [-1, -1, -1])
    }

    @Test("Of one sent only larger than the tile, the smallest is given; of one that is not sent, nothing")
    func available() {
        var bench = AllocatorBench()
        let large = LayerDemand(id: 1, priority: .normal, maximumSpatial: 0, layers: [camera[2]])
        let none = LayerDemand(id: 2, priority: .normal, maximumSpatial: 2, layers: [])
        #expect(bench.run([large, none], budget: 5_000_000) == [2, -1])
    }

    @Test("Frames are left out before the smallest picture is given up, and of a screen before its sharpness")
    func temporal() {
        func layers(_ rates: [(UInt8, UInt8, Int)]) -> [LayerChoice] {
            rates.map { LayerChoice(spatial: $0.0, temporal: $0.1, bitrate: $0.2) }
        }
        let rates = layers([(0, 0, 60_000), (0, 1, 150_000), (1, 0, 250_000), (1, 1, 500_000)])
        func choice(_ priority: VideoPriority, _ budget: Int) -> LayerChoice? {
            var allocator = LayerAllocator()
            let demand = LayerDemand(id: 1, priority: priority, maximumSpatial: 2, layers: rates)
            return allocator.update([demand], budget: budget, audio: 0, now: at(0))[0]
        }
        #expect(choice(.normal, 100_000) == rates[0])
        #expect(choice(.normal, 200_000) == rates[1])
        #expect(choice(.normal, 400_000) == rates[1], "half the frames of the larger picture are no gain")
        #expect(choice(.normal, 600_000) == rates[3])
        #expect(choice(.screen, 400_000) == rates[2])
    }

    @Test("Lowered at once, raised only with room to spare for a second and a half")
    func hysteresis() {
        var bench = AllocatorBench()
        #expect(bench.run([demand(1)], budget: 2_000_000) == [2])
        #expect(bench.run([demand(1)], budget: 1_600_000) == [1])
        #expect(bench.run([demand(1)], budget: 1_800_000, seconds: 60) == [1], "it would fit, but barely")
        #expect(bench.run([demand(1)], budget: 2_000_000, seconds: 1) == [1])
        #expect(bench.run([demand(1)], budget: 1_800_000) == [1], "the room is gone again")
        #expect(bench.run([demand(1)], budget: 2_000_000, seconds: 1.5) == [1])
        #expect(bench.run([demand(1)], budget: 2_000_000, seconds: 0.2) == [2])
        #expect(bench.run([demand(1)], budget: 1_710_000, seconds: 60) == [2], "what fits stays")
    }

    @Test("An estimate that swings around a layer's need raises it ever more seldom")
    func swinging() {
        var bench = AllocatorBench()
        for second in 0..<300 {
            _ = bench.run([demand(1)], budget: second / 4 % 2 == 0 ? 2_000_000 : 1_000_000, seconds: 1)
        }
        #expect(bench.allocator.changeCount >= 2)
        #expect(bench.allocator.changeCount <= 16, "of 74 swings")
    }

    @Test("What the viewer changes needs no patience, and others keep what they have")
    func viewerChanges() {
        var bench = AllocatorBench()
        #expect(bench.run([demand(1, most: 1), demand(2, most: 1)], budget: 1_150_000) == [1, 1])
        #expect(bench.run([demand(1, .pinned), demand(2, most: 1)], budget: 3_000_000) == [2, 1])
        #expect(bench.run([demand(1, .small, most: 0), demand(2, .pinned)], budget: 3_000_000) == [0, 2])
        #expect(bench.run([demand(1, .pinned), demand(2, .small, most: 0)], budget: 2_200_000) == [2, 0])
    }

    @Test("A speaker who changes among nine costs nobody else a layer that fits", arguments: 0..<9)
    func speaker(index: Int) {
        var bench = AllocatorBench()
        let demands = (0..<9).map { demand(UInt32($0), $0 == index ? .speaker : .normal, most: $0 == index ? 2 : 0) }
        let expected = (0..<9).map { $0 == index ? 2 : 0 }
        #expect(
            bench.run((0..<9).map { demand(UInt32($0), most: 0) }, budget: 4_000_000) == Array(repeating: 0, count: 9))
        #expect(bench.run(demands, budget: 4_000_000) == expected)
    }

    @Test(
        "However the budget goes, it is never exceeded, and none is above a more important one in vain",
        arguments: 1...10 as ClosedRange<UInt64>)
    func random(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var allocator = LayerAllocator()
        var budget = 2_000_000.0
        let priorities = VideoPriority.allCases
        var demands = (0..<6).map { demand(UInt32($0), priorities[$0]) }
        for step in 0..<3_000 {
            budget = min(max(budget * (0.9 + 0.21 * random.unit()), 60_000), 10_000_000)
            if random.unit() < 0.02 {
                let index = Int(random.next() % 6)
                demands[index] = demand(
                    UInt32(index), priorities[Int(random.next() % 6)], most: UInt8(random.next() % 3))
            }
            let choices = allocator.update(demands, budget: Int(budget), audio: 40_000, now: at(step * 100))
            let spent = choices.reduce(0) { $0 + ($1?.bitrate ?? 0) }
            #expect(spent <= Int(budget) - 40_000)
            for (one, other) in zip(demands, choices) where one.priority == .hidden { #expect(other == nil) }
            for upper in 0..<6 where demands[upper].priority != .hidden && choices[upper] == nil {
                for lower in 0..<6 where demands[lower].priority > demands[upper].priority {
                    // Only for the moments until the raise of the more important one has had its patience.
                    guard choices[lower] != nil else { continue }
                    #expect(Int(budget) - 40_000 < Int(LayerAllocator.headroom * 150_000) + spent)
                }
            }
        }
    }
}
