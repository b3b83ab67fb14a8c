/// What a packet of a layered stream says in its header extension of the frame that it is of (AV1 RTP specification,
/// appendix A): its layers, what it refers to and who needs it. Any codec can have it.
///
/// | bits | field |
/// |---|---|
/// | 1, 1 | first and last packet of the frame |
/// | 6 | id of the template |
/// | 16 | number of the frame, which wraps |
/// | 1, 1, 1, 1, 1 | if there is more: structure, active decode targets, own indications, own differences, own chains |
/// | | then each of these, in that order |
package struct DependencyDescriptor: Sendable {
    package let isFrameStart: Bool
    package let isFrameEnd: Bool
    package let frameNumber: UInt16
    /// Whether it brings the structure, as the first packet of a key frame does.
    package let hasStructure: Bool
    package let spatial: UInt8
    package let temporal: UInt8
    package let indications: DecodeTargetIndications
    package let activeTargets: ActiveTargets
    /// How many frames back those are that it refers to: the first ``differenceCount`` of them count.
    package private(set) var differences = InlineArray<8, UInt16>(repeating: 0)
    package private(set) var differenceCount = 0
    /// By chain, how many frames back the one before it in the chain is; 0 for the first.
    package private(set) var chainDifferences = InlineArray<32, UInt8>(repeating: 0)

    /// The numbers of its frames that a frame refers to reach at most so far back, if it is of the same picture: one frame
    /// a spatial layer.
    package var refersToNoEarlierPicture: Bool {
        for index in 0..<differenceCount where differences[index] > UInt16(spatial) { return false }
        return true
    }

    fileprivate struct Flags {
        var hasStructure = false
        var hasActiveTargets = false
        var hasIndications = false
        var hasDifferences = false
        var hasChains = false
    }

    /// `frame_dependency_definition`. `nil` when the template is unknown, a limit is crossed or the bits do not suffice.
    fileprivate init?(
        _ mandatory: UInt32, _ flags: Flags, _ structure: DependencyStructure, _ activeTargets: ActiveTargets,
        _ reader: inout BitReader, _ bytes: Span<UInt8>
    ) {
        self.activeTargets = activeTargets
        isFrameStart = mandatory >> 23 & 1 == 1
        isFrameEnd = mandatory >> 22 & 1 == 1
        frameNumber = UInt16(truncatingIfNeeded: mandatory)
        hasStructure = flags.hasStructure
        guard let index = structure.template(UInt8(mandatory >> 16 & 0x3F)) else { return nil }
        spatial = structure.templates[index].spatial
        temporal = structure.templates[index].temporal
        indications =
            flags.hasIndications
            ? DecodeTargetIndications(&reader, bytes, count: structure.targets.count)
            : structure.templates[index].indications
        if flags.hasDifferences {
            guard readDifferences(&reader, bytes) else { return nil }
        } else {
            for difference in structure.templates[index].differences { append(difference) }
        }
        for chain in 0..<structure.chainCount {
            chainDifferences[chain] =
                flags.hasChains
                ? UInt8(reader.bits(8, of: bytes)) : structure.templates[index].chainDifferences[chain]
        }
        guard !reader.isPastEnd else { return nil }
    }

    /// `frame_fdiffs`: 4, 8 or 12 bits each.
    private mutating func readDifferences(_ reader: inout BitReader, _ bytes: Span<UInt8>) -> Bool {
        while case let size = Int(reader.bits(2, of: bytes)), size > 0 {
            guard differenceCount < DependencyStructure.differenceCount else { return false }
            append(UInt16(reader.bits(4 * size, of: bytes)) + 1)
        }
        return true
    }

    private mutating func append(_ difference: UInt16) {
        differences[differenceCount] = difference
        differenceCount += 1
    }
}

/// Reads the descriptors of one stream, and keeps of them what later ones leave out. Owned by the encoding.
package struct DependencyReader: Sendable {
    /// Bytes of a descriptor at most: those of a two-byte header extension (RFC 8285 §4.3).
    package static let byteCount = 255
    /// The fields that are always there.
    private static let mandatoryByteCount = 3

    /// That of the last key frame; `nil` before.
    package private(set) var structure: DependencyStructure?
    /// Bit n tells whether decode target n is sent now.
    package private(set) var activeTargets: UInt32 = 0
    /// By layer, as ``targets(upTo:_:)`` finds them.
    private var targetsByLayer = InlineArray<16, UInt32>(repeating: 0)

    /// A stream of which nothing was read.
    package init() {}

    /// Reads the content of one header extension. `nil` when it is cut short, crosses a limit, or names a template of a
    /// structure that was not read; nothing is kept of it then. Allocates nothing but for a structure that is new.
    package mutating func read(_ bytes: Span<UInt8>) -> DependencyDescriptor? {
        guard Self.mandatoryByteCount...Self.byteCount ~= bytes.count else { return nil }
        var reader = BitReader(byteCount: bytes.count)
        let mandatory = reader.bits(24, of: bytes)
        var flags = DependencyDescriptor.Flags()
        var active = activeTargets
        guard bytes.count > Self.mandatoryByteCount else {
            guard let structure else { return nil }
            let targets = ActiveTargets(
                offset: reader.position, isPresent: false, count: structure.targets.count, sent: active)
            return DependencyDescriptor(mandatory, flags, structure, targets, &reader, bytes)
        }
        flags.hasStructure = reader.flag(of: bytes)
        flags.hasActiveTargets = reader.flag(of: bytes)
        flags.hasIndications = reader.flag(of: bytes)
        flags.hasDifferences = reader.flag(of: bytes)
        flags.hasChains = reader.flag(of: bytes)
        var own: DependencyStructure?
        if flags.hasStructure {
            guard let new = DependencyStructure(&reader, bytes) else { return nil }
            own = new
            active = .max >> UInt32(DependencyStructure.targetCount - new.targets.count)
        }
        guard let known = own ?? structure else { return nil }
        let offset = reader.position
        if flags.hasActiveTargets { active = reader.bits(known.targets.count, of: bytes) }
        let targets = ActiveTargets(
            offset: offset, isPresent: flags.hasActiveTargets, count: known.targets.count, sent: active)
        guard let descriptor = DependencyDescriptor(mandatory, flags, known, targets, &reader, bytes) else {
            return nil
        }
        if let own, own != structure { take(own) }
        activeTargets = active
        return descriptor
    }

    private mutating func take(_ own: DependencyStructure) {
        structure = own
        for spatial in 0..<PacketLayer.spatialCount {
            for temporal in 0..<PacketLayer.temporalCount {
                var targets: UInt32 = 0
                for (index, target) in own.targets.enumerated()
                where min(Int(target.spatial), PacketLayer.spatialCount - 1) <= spatial
                    && min(Int(target.temporal), PacketLayer.temporalCount - 1) <= temporal
                {
                    targets |= 1 << UInt32(index)
                }
                targetsByLayer[spatial * PacketLayer.temporalCount + temporal] = targets
            }
        }
    }

    /// The decode targets of which nothing is left out where only these layers are sent, a bit each.
    package func targets(upTo spatial: UInt8, _ temporal: UInt8) -> UInt32 {
        let row = min(Int(spatial), PacketLayer.spatialCount - 1)
        return targetsByLayer[row * PacketLayer.temporalCount + min(Int(temporal), PacketLayer.temporalCount - 1)]
    }
}
