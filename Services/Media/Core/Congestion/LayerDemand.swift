/// How important a picture is to who sees it; what is smaller comes first.
package enum VideoPriority: UInt8, Sendable, Comparable, CaseIterable {
    case pinned, speaker, screen, normal, small, hidden

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// One way to get a stream: an encoding or spatial layer, up to a temporal layer.
package struct LayerChoice: Hashable, Sendable {
    /// 0 is the smallest picture.
    package let spatial: UInt8
    /// 0 has the fewest frames.
    package let temporal: UInt8
    /// In bits/s now, everything it needs included, headers of RTP too.
    package let bitrate: Int

    package init(spatial: UInt8, temporal: UInt8, bitrate: Int) {
        self.spatial = spatial
        self.temporal = temporal
        self.bitrate = bitrate
    }

    func isSameLayer(as other: LayerChoice) -> Bool { spatial == other.spatial && temporal == other.temporal }
}

/// What one subscription would like to get.
package struct LayerDemand: Hashable, Sendable {
    /// Names the subscription from call to call; among equals the smaller comes first.
    package let id: UInt32
    package let priority: VideoPriority
    /// The largest picture of use in its tile; if only larger ones are sent, the smallest of those is.
    package let maximumSpatial: UInt8
    /// What is being sent now, in any order; empty while nothing is.
    package let layers: [LayerChoice]

    package init(id: UInt32, priority: VideoPriority, maximumSpatial: UInt8, layers: [LayerChoice]) {
        self.id = id
        self.priority = priority
        self.maximumSpatial = maximumSpatial
        self.layers = layers
    }

    /// The smallest picture with all that it needs, and the fewest frames; `nil` while nothing is sent.
    package var least: LayerChoice? {
        layers.min { ($0.spatial, $0.temporal) < ($1.spatial, $1.temporal) }
    }

    /// The choices worth making, each better and dearer than the one before. Frames are left out only where there is no
    /// smaller picture to fall to, but of a screen always: there sharpness is worth more than motion.
    var ladder: [LayerChoice] {
        guard priority != .hidden, let smallest = layers.map(\.spatial).min() else { return [] }
        let largest = max(maximumSpatial, smallest)
        let useful = layers.filter { layer in
            guard layer.spatial <= largest else { return false }
            return layer.spatial == smallest || priority == .screen
                || !layers.contains { $0.spatial == layer.spatial && $0.temporal > layer.temporal }
        }
        var ladder: [LayerChoice] = []
        for layer in useful.sorted(by: { ($0.bitrate, $0.spatial, $0.temporal) < ($1.bitrate, $1.spatial, $1.temporal) }
        ) {
            if let last = ladder.last {
                guard (layer.spatial, layer.temporal) > (last.spatial, last.temporal) else { continue }
                // For the same price the better one.
                if layer.bitrate == last.bitrate { ladder.removeLast() }
            }
            ladder.append(layer)
        }
        return ladder
    }
}
