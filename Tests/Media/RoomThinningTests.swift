import MediaCore
import MediaPeer
import Testing

@Suite("Numbers of a stream of which layers are left out")
struct ThinnedSequenceTests {
    @Test("What is left out leaves no hole; what is lost keeps its place, and comes late or empty")
    func places() {
        var thinned = ThinnedSequence()
        func take(_ sequence: Int64, _ isWanted: Bool = true) -> ThinnedSequence.Outcome {
            thinned.take(sequence, isWanted: isWanted)
        }
        let outcomes = [
            take(10), take(11, false), take(12), take(15), take(13, false), take(14), take(16, false), take(17),
            take(16, false), take(13, false),
        ]
        #expect(
            outcomes == [
                .whole(10), .nothing, .whole(11), .whole(14), .empty(12), .whole(13), .nothing, .whole(15), .nothing,
                .empty(12),
            ])
        #expect((10...15).map { thinned.original(of: $0)?.sequence } == [10, 12, 13, 14, 15, 17])
        #expect(thinned.original(of: 12)?.isEmpty == true && thinned.original(of: 13)?.isEmpty == false)
    }

    @Test("A place that is kept open leads to its packet until that has come")
    func awaited() {
        var thinned = ThinnedSequence()
        for (sequence, isWanted) in [(20, true), (21, false), (24, true)] as [(Int64, Bool)] {
            _ = thinned.take(sequence, isWanted: isWanted)
        }
        #expect((19...24).map { thinned.awaited(under: $0) } == [nil, nil, 22, 23, nil, nil])
        #expect(thinned.original(of: 21) == nil)
        let outcomes = [thinned.take(22, isWanted: true), thinned.take(23, isWanted: false)]
        #expect(outcomes == [.whole(21), .empty(22)])
        #expect((19...24).allSatisfy { thinned.awaited(under: $0) == nil })
    }

    @Test("The packet that is given a marker is sent again with it")
    func marker() {
        var thinned = ThinnedSequence()
        _ = thinned.take(5, isWanted: true)
        _ = thinned.take(6, isWanted: true, isMarked: true)
        _ = thinned.take(7, isWanted: false)
        _ = thinned.take(8, isWanted: true)
        #expect((5...7).map { thinned.original(of: $0)?.isMarked } == [false, true, false])
    }

    @Test("In any disorder, each number is given once, and leads back to its packet", arguments: 1...40)
    func disorder(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var thinned = ThinnedSequence()
        // By place of arrival: some late by up to 40, some lost.
        var order: [(at: Int64, sequence: Int64)] = []
        for sequence in Int64(0)..<3_000 where !random.chance(0.02) {
            order.append((sequence + (random.chance(0.1) ? .random(in: 0...40, using: &random) : 0), sequence))
        }
        order.sort { ($0.at, $0.sequence) < ($1.at, $1.sequence) }
        var given: [Int64: Int64] = [:]
        var highest: Int64 = -1
        var wantedCount = 0
        for (_, sequence) in order {
            let isWanted = sequence % 7 < 3 || sequence < 50
            switch thinned.take(sequence, isWanted: isWanted) {
            case .whole(let number), .empty(let number):
                #expect(given[number] == nil, "seed \(seed)")
                given[number] = sequence
                highest = max(highest, number)
                let origin = thinned.original(of: number)
                #expect(origin?.sequence == sequence, "seed \(seed)")
                if isWanted { wantedCount += 1 }
            case .nothing: #expect(!isWanted, "seed \(seed)")
            }
        }
        let lost = 3_000 - order.count
        #expect(wantedCount > 1_000)
        // A hole is a packet that was lost, and nothing else.
        #expect(Int(highest) + 1 - given.count <= lost, "seed \(seed)")
    }
}

@Suite("Which layers a subscriber gets")
struct LayerFilterTests {
    /// The packets of pictures in two or three layers, one a frame, as an encoder sends them.
    private func pictures(
        _ count: Int, from first: Int = 0, keyAt keys: Set<Int> = [0]
    ) -> [(picture: UInt32, layer: PacketLayer)] {
        var layers: [(picture: UInt32, layer: PacketLayer)] = []
        var position = first
        for picture in first..<(first + count) {
            if keys.contains(picture) { position = 0 }
            let temporal = LayeredPicture(position: position, byteCounts: []).temporal
            for spatial in UInt8(0)...2 {
                layers.append(
                    (
                        UInt32(picture) * 3_000,
                        PacketLayer(
                            spatial: spatial, temporal: temporal, isFrameStart: true, isFrameEnd: true,
                            isIndependent: position == 0, switches: temporal < 2 ? .all : LayerSet())
                    ))
            }
            position += 1
        }
        return layers
    }

    @Test("It begins with all that is wanted of the key frame, and what is above never comes")
    func begins() {
        let target = LayerFilter.Target(spatial: 1, temporal: 1)
        var filter = LayerFilter(target)
        for (picture, layer) in pictures(8) {
            let isTaken = filter.takes(layer, target, of: picture)
            #expect(isTaken == (layer.spatial <= 1 && layer.temporal <= 1))
        }
    }

    @Test("It goes down with the next picture, and up to a larger one with a key frame alone")
    func spatial() {
        let large = LayerFilter.Target(spatial: 2, temporal: .max)
        let small = LayerFilter.Target(spatial: 0, temporal: .max)
        var filter = LayerFilter(large)
        for (picture, layer) in pictures(4) { _ = filter.takes(layer, large, of: picture) }
        #expect(filter.spatial == 2)
        let rest = PacketLayer(
            spatial: 2, temporal: 0, isFrameStart: false, isFrameEnd: true, isIndependent: false)
        let isRestTaken = filter.takes(rest, small, of: 9_000)
        #expect(isRestTaken, "the picture that has begun is sent to its end")
        for (picture, layer) in pictures(4, from: 4) { _ = filter.takes(layer, small, of: picture) }
        #expect(filter.spatial == 0)
        for (picture, layer) in pictures(8, from: 8) { _ = filter.takes(layer, large, of: picture) }
        #expect(filter.spatial == 0, "no key frame")
        for (picture, layer) in pictures(1, from: 16, keyAt: [16]) { _ = filter.takes(layer, large, of: picture) }
        #expect(filter.spatial == 2)
    }

    @Test("More pictures a second come from a switching point on, or layer by layer where each can begin")
    func temporal() {
        let all = LayerFilter.Target(spatial: 0, temporal: 2)
        var filter = LayerFilter(LayerFilter.Target(spatial: 0, temporal: 0))
        let low = pictures(1)[0].layer
        _ = filter.takes(low, LayerFilter.Target(spatial: 0, temporal: 0), of: 0)
        let above = PacketLayer(spatial: 0, temporal: 2, isFrameStart: true, isFrameEnd: true, isIndependent: false)
        let isTakenEarly = filter.takes(above, all, of: 3_000)
        #expect(!isTakenEarly, "it may refer to what was left out")
        var first = PacketLayer(spatial: 0, temporal: 1, isFrameStart: true, isFrameEnd: true, isIndependent: false)
        first.isSync = true
        let isFirstTaken = filter.takes(first, all, of: 6_000)
        #expect(isFirstTaken && filter.temporal == 1)
        var point = PacketLayer(spatial: 0, temporal: 0, isFrameStart: true, isFrameEnd: true, isIndependent: false)
        point.switches = .all
        _ = filter.takes(point, all, of: 9_000)
        let isTaken = filter.takes(above, all, of: 12_000)
        #expect(isTaken && filter.temporal == 2)
    }

    /// Two packets of each of the three frames of a key picture: first and last.
    private var keyPackets: [PacketLayer] {
        (UInt8(0)...2).flatMap { spatial in
            [true, false].map { isFirst in
                PacketLayer(
                    spatial: spatial, temporal: 0, isFrameStart: isFirst, isFrameEnd: !isFirst, isIndependent: true)
            }
        }
    }

    @Test("Packets of a key picture in any order begin the same layers, and all of what was wanted is sent")
    func disorder() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<200 {
            let target = LayerFilter.Target(spatial: .random(in: 0...2, using: &random), temporal: .max)
            var filter = LayerFilter(target)
            for layer in keyPackets.shuffled(using: &random) {
                let isTaken = filter.takes(layer, target, of: 3_000)
                #expect(isTaken == (layer.spatial <= target.spatial))
            }
            #expect(filter.spatial == target.spatial)
        }
    }

    @Test("Of what was left out of a key picture nothing begins any more, with whatever of it comes late")
    func refused() {
        let (small, large) = (
            LayerFilter.Target(spatial: 0, temporal: .max), LayerFilter.Target(spatial: 2, temporal: .max)
        )
        var filter = LayerFilter(small)
        for layer in keyPackets.dropLast() { _ = filter.takes(layer, small, of: 3_000) }
        let isLateTaken = filter.takes(keyPackets[5], large, of: 3_000)
        #expect(!isLateTaken && filter.spatial == 0)
        for layer in keyPackets { _ = filter.takes(layer, large, of: 6_000) }
        #expect(filter.spatial == 2)

        // It goes down with a picture: what is sent again of the key picture before does not raise it.
        _ = filter.takes(
            PacketLayer(spatial: 0, temporal: 0, isFrameStart: true, isFrameEnd: true, isIndependent: false), small,
            of: 9_000)
        let isOldTaken = filter.takes(keyPackets[3], large, of: 6_000)
        #expect(!isOldTaken && filter.spatial == 0)
        // Hours later it does, whatever the clock says by then.
        for layer in keyPackets { _ = filter.takes(layer, large, of: 9_000 &- 500_000) }
        #expect(filter.spatial == 2)
    }

    @Test("The last packet of the highest frame that is sent ends the picture")
    func marker() {
        let target = LayerFilter.Target(spatial: 1, temporal: .max)
        var filter = LayerFilter(target)
        var ends: [UInt8] = []
        for (picture, layer) in pictures(2)
        where filter.takes(layer, target, of: picture) && filter.endsPicture(layer, target) {
            ends.append(layer.spatial)
        }
        #expect(ends == [1, 1])
    }
}
