/// Which layers of one encoding a subscriber gets: what is above them is left out, and they change only where a decoder can
/// follow. All layers below those that are sent are sent too, so that it can go down with any picture. Owned by the section.
package struct LayerFilter: Sendable {
    /// Up to where; more than there is stands for all.
    package struct Target: Hashable, Sendable {
        package static let all = Target(spatial: .max, temporal: .max)

        package var spatial: UInt8
        package var temporal: UInt8

        package init(spatial: UInt8, temporal: UInt8) {
            self.spatial = spatial
            self.temporal = temporal
        }
    }

    /// What is sent now.
    package private(set) var spatial: UInt8 = 0
    package private(set) var temporal: UInt8
    /// The newest picture of which something that layers could have begun with was left out, and the lowest of these layers.
    private var refused: (picture: UInt32, spatial: UInt8)?
    /// Pictures of which packets may still come, in ticks: 5 s.
    private static let lateness: UInt32 = 450_000

    /// Begins with a key frame, whose upper spatial layers follow.
    package init(_ target: Target = .all) { temporal = target.temporal }

    /// Whether a packet is sent.
    /// - Parameter picture: what it has in common with the others of its picture alone: the timestamp.
    package mutating func takes(_ layer: PacketLayer, _ target: Target, of picture: UInt32) -> Bool {
        if layer.isIndependent, layer.spatial > spatial { begin(layer, target, of: picture) }
        if layer.isFrameStart { change(layer, target, of: picture) }
        return layer.spatial <= spatial && layer.temporal <= temporal
    }

    /// Whether it is the last packet of its picture that is sent, because the frames above are not: then it gets the marker
    /// (RFC 9628 §4.1, AV1 RTP specification §4.2). Those above in a key picture are yet to begin.
    package func endsPicture(_ layer: PacketLayer, _ target: Target) -> Bool {
        layer.isFrameEnd && layer.spatial == (layer.isIndependent ? target.spatial : spatial)
    }

    private mutating func change(_ layer: PacketLayer, _ target: Target, of picture: UInt32) {
        if layer.spatial == 0 {
            if target.spatial < spatial {
                spatial = target.spatial
                refused = (picture, spatial + 1)
            }
            temporal = layer.isIndependent ? target.temporal : min(temporal, target.temporal)
        }
        guard temporal < target.temporal, layer.spatial == spatial else { return }
        if layer.isSync, layer.temporal == temporal + 1 {
            temporal = layer.temporal
        } else if layer.temporal <= temporal {
            raise(layer.switches, target)
        }
    }

    /// A layer above those that are sent begins with any packet of a frame that refers to nothing earlier than the picture
    /// it is in, since packets come in any order; unless some of it was left out already. Then what is below is sent too.
    private mutating func begin(_ layer: PacketLayer, _ target: Target, of picture: UInt32) {
        let known = refused.flatMap { $0.picture &- picture < Self.lateness ? $0 : nil }
        if layer.spatial <= target.spatial, layer.spatial < known?.spatial ?? .max {
            spatial = layer.spatial
        } else {
            refused = (known?.picture ?? picture, min(layer.spatial, known?.spatial ?? .max))
        }
    }

    /// As high as the frame that is sent next lets it.
    private mutating func raise(_ switches: LayerSet, _ target: Target) {
        var next = min(target.temporal, UInt8(PacketLayer.temporalCount - 1))
        while next > temporal {
            if switches.contains(spatial: spatial, temporal: next) {
                temporal = next
                return
            }
            next -= 1
        }
    }
}
