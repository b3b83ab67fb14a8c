import MediaSecurity

/// How many bits a second each layer of an encoding has had of late. Owned by the encoding.
///
/// It takes memory once there is a second layer.
struct LayerMeters {
    /// Every viewer asks what there is; for this long the last answer stands.
    private static let freshness = Duration.milliseconds(50)

    private var meters: [BitrateMeter] = []
    private var counted: (at: MediaTime, choices: [LayerChoice])?
    /// How many spatial layers there have been.
    private(set) var spatialCount = 1
    /// The highest temporal layer there has been.
    private(set) var highestTemporal: UInt8 = 0

    mutating func receive(_ layer: PacketLayer, byteCount: Int, now: MediaTime) {
        if meters.isEmpty {
            guard layer.spatial > 0 || layer.temporal > 0 else { return }
            let count = PacketLayer.spatialCount * PacketLayer.temporalCount
            meters = Array(repeating: BitrateMeter(), count: count)
        }
        spatialCount = max(spatialCount, Int(layer.spatial) + 1)
        highestTemporal = max(highestTemporal, layer.temporal)
        meters[Self.index(Int(layer.spatial), Int(layer.temporal))].receive(byteCount: byteCount, now: now)
    }

    /// Every layer, with what it takes together with those that it needs: the lower ones. One that rests takes nothing more
    /// than these, and is there at once when it is sent again. `nil` where there are no layers.
    mutating func choices(now: MediaTime) -> [LayerChoice]? {
        guard !meters.isEmpty else { return nil }
        if let counted, now < counted.at + Self.freshness { return counted.choices }
        let choices = count(now: now)
        counted = (now, choices)
        return choices
    }

    private mutating func count(now: MediaTime) -> [LayerChoice] {
        var choices: [LayerChoice] = []
        var sums = [Int](repeating: 0, count: PacketLayer.temporalCount)
        for spatial in 0..<spatialCount {
            var own = 0
            for temporal in sums.indices {
                let place = Self.index(spatial, temporal)
                own += meters[place].bitrate(now: now)
                sums[temporal] += own
                guard meters[place].lastArrival != nil else { continue }
                choices.append(
                    LayerChoice(spatial: UInt8(spatial), temporal: UInt8(temporal), bitrate: sums[temporal]))
            }
        }
        return choices
    }

    private static func index(_ spatial: Int, _ temporal: Int) -> Int {
        spatial * PacketLayer.temporalCount + temporal
    }
}
