/// Where a packet stands in a picture that is sent in layers, whatever the codec: what decides who gets it.
package struct PacketLayer: Hashable, Sendable {
    /// Layers that are told apart; a packet of a higher one counts as of the highest.
    package static let spatialCount = 4
    package static let temporalCount = 4

    /// The size of the picture, 0 for the smallest; each refines the one below.
    package var spatial: UInt8 = 0
    /// 0 for the pictures that no other rate leaves out.
    package var temporal: UInt8 = 0
    /// First and last packet of one frame: of what a picture has in one spatial layer.
    package var isFrameStart = false
    package var isFrameEnd = false
    /// Its frame refers to no earlier picture: what is above can begin with it.
    package var isIndependent = false
    /// Its frame refers to no temporal layer but the lowest: this layer can begin with it.
    package var isSync = false
    /// To which layers a receiver that gets this frame can go up with it.
    package var switches = LayerSet()

    /// The lowest layer.
    package init() {}

    package init(
        spatial: UInt8, temporal: UInt8, isFrameStart: Bool, isFrameEnd: Bool, isIndependent: Bool,
        isSync: Bool = false, switches: LayerSet = LayerSet()
    ) {
        self.spatial = min(spatial, UInt8(Self.spatialCount - 1))
        self.temporal = min(temporal, UInt8(Self.temporalCount - 1))
        self.isFrameStart = isFrameStart
        self.isFrameEnd = isFrameEnd
        self.isIndependent = isIndependent
        self.isSync = isSync
        self.switches = switches
    }

    /// From a dependency descriptor: one can go up to a decode target where the frame says so.
    package init(_ descriptor: DependencyDescriptor, _ structure: DependencyStructure) {
        var switches = LayerSet()
        for (index, target) in structure.targets.enumerated() where descriptor.indications[index] == .switch {
            switches.insert(spatial: target.spatial, temporal: target.temporal)
        }
        self.init(
            spatial: descriptor.spatial, temporal: descriptor.temporal, isFrameStart: descriptor.isFrameStart,
            isFrameEnd: descriptor.isFrameEnd, isIndependent: descriptor.refersToNoEarlierPicture, switches: switches)
    }
}

/// Some of the layers there can be.
package struct LayerSet: Hashable, Sendable {
    private var bits: UInt16 = 0

    package init() {}

    package static let all: LayerSet = {
        var set = LayerSet()
        set.bits = .max
        return set
    }()

    package mutating func insert(spatial: UInt8, temporal: UInt8) { bits |= Self.bit(spatial, temporal) }

    package func contains(spatial: UInt8, temporal: UInt8) -> Bool { bits & Self.bit(spatial, temporal) != 0 }

    private static func bit(_ spatial: UInt8, _ temporal: UInt8) -> UInt16 {
        let row = min(Int(spatial), PacketLayer.spatialCount - 1)
        return 1 << UInt16(row * PacketLayer.temporalCount + min(Int(temporal), PacketLayer.temporalCount - 1))
    }
}
