/// What the frames of a stream have in common, so that each frame need only name a template (AV1 RTP specification,
/// appendix A.8.2, `template_dependency_structure`). It comes with a key frame and holds until the next one.
///
/// A *decode target* is what a receiver may want: all frames up to a spatial and a temporal layer. A *chain* is the frames
/// that a decode target cannot do without.
package struct DependencyStructure: Hashable, Sendable {
    /// Most decode targets (five bits), templates (six bits) and chains (one a decode target).
    package static let targetCount = 32
    package static let templateCount = 64
    /// Most frames that a template may name as those it refers to; AV1 has seven references.
    package static let differenceCount = 8
    /// A decoder's spatial and temporal layers: two and three bits in AV1 (§5.3.3).
    package static let spatialCount = 4
    package static let temporalCount = 8

    /// A frame like others.
    package struct Template: Hashable, Sendable {
        package fileprivate(set) var spatial: UInt8
        package fileprivate(set) var temporal: UInt8
        package fileprivate(set) var indications = DecodeTargetIndications()
        /// How many frames back those are that it refers to.
        package fileprivate(set) var differences: [UInt16] = []
        /// By chain, how many frames back the one before it in the chain is; 0 for the first.
        package fileprivate(set) var chainDifferences: [UInt8] = []
    }

    /// A layer, as what a decode target goes up to.
    package struct Layer: Hashable, Sendable {
        package fileprivate(set) var spatial: UInt8 = 0
        package fileprivate(set) var temporal: UInt8 = 0
    }

    package struct Resolution: Hashable, Sendable {
        package let width: Int
        package let height: Int
    }

    /// The id of the first template.
    package let templateOffset: UInt8
    package private(set) var templates: [Template] = []
    /// By decode target, up to where it goes.
    package private(set) var targets: [Layer]
    package private(set) var chainCount = 0
    /// By decode target, the chain that protects it; empty without chains.
    package private(set) var protectingChains: [UInt8] = []
    /// By spatial layer, how large pictures are shown at most; empty where it does not say.
    package private(set) var resolutions: [Resolution] = []

    /// Reads on behind the five flags. It allocates: structures come with key frames alone. `nil` when a limit is crossed
    /// or the bits do not suffice.
    init?(_ reader: inout BitReader, _ bytes: Span<UInt8>) {
        templateOffset = UInt8(reader.bits(6, of: bytes))
        targets = Array(repeating: Layer(), count: Int(reader.bits(5, of: bytes)) + 1)
        guard readLayers(&reader, bytes), !reader.isPastEnd else { return nil }
        readIndications(&reader, bytes)
        guard readDifferences(&reader, bytes) else { return nil }
        readChains(&reader, bytes)
        findTargetLayers()
        if reader.flag(of: bytes) { readResolutions(&reader, bytes) }
        guard !reader.isPastEnd else { return nil }
    }

    /// The template of a frame by the id that the frame names; `nil` if there is none.
    package func template(_ id: UInt8) -> Int? {
        let index = (Int(id) + 64 - Int(templateOffset)) % 64
        return index < templates.count ? index : nil
    }

    /// `template_layers`: after each template, 0 same layer, 1 next temporal, 2 next spatial, 3 the end.
    private mutating func readLayers(_ reader: inout BitReader, _ bytes: Span<UInt8>) -> Bool {
        var template = Template(spatial: 0, temporal: 0)
        while true {
            guard templates.count < Self.templateCount else { return false }
            templates.append(template)
            switch reader.bits(2, of: bytes) {
            case 0: if reader.isPastEnd { return false }
            case 1: template.temporal += 1
            case 2:
                template.temporal = 0
                template.spatial += 1
            default: return true
            }
            guard template.spatial < Self.spatialCount, template.temporal < Self.temporalCount else { return false }
        }
    }

    /// `template_dtis`.
    private mutating func readIndications(_ reader: inout BitReader, _ bytes: Span<UInt8>) {
        for index in templates.indices {
            templates[index].indications = DecodeTargetIndications(&reader, bytes, count: targets.count)
        }
    }

    /// `template_fdiffs`.
    private mutating func readDifferences(_ reader: inout BitReader, _ bytes: Span<UInt8>) -> Bool {
        for index in templates.indices {
            while reader.flag(of: bytes) {
                guard templates[index].differences.count < Self.differenceCount else { return false }
                templates[index].differences.append(UInt16(reader.bits(4, of: bytes)) + 1)
            }
        }
        return true
    }

    /// `template_chains`.
    private mutating func readChains(_ reader: inout BitReader, _ bytes: Span<UInt8>) {
        chainCount = Int(reader.number(below: UInt32(targets.count + 1), of: bytes))
        guard chainCount > 0 else { return }
        for _ in targets { protectingChains.append(UInt8(reader.number(below: UInt32(chainCount), of: bytes))) }
        for index in templates.indices {
            for _ in 0..<chainCount {
                templates[index].chainDifferences.append(UInt8(reader.bits(4, of: bytes)))
            }
        }
    }

    /// `decode_target_layers`: the highest layers of the frames that are in it.
    private mutating func findTargetLayers() {
        for index in targets.indices {
            for template in templates where template.indications[index] != .notPresent {
                targets[index].spatial = max(targets[index].spatial, template.spatial)
                targets[index].temporal = max(targets[index].temporal, template.temporal)
            }
        }
    }

    /// `render_resolutions`.
    private mutating func readResolutions(_ reader: inout BitReader, _ bytes: Span<UInt8>) {
        let spatialCount = Int(templates.last?.spatial ?? 0) + 1
        for _ in 0..<spatialCount {
            let width = Int(reader.bits(16, of: bytes)) + 1
            resolutions.append(Resolution(width: width, height: Int(reader.bits(16, of: bytes)) + 1))
        }
    }
}

/// What a frame is to each decode target (appendix A.4): two bits each, up to 32 of them.
package struct DecodeTargetIndications: Hashable, Sendable {
    /// What a frame is to one of them.
    package enum Indication: UInt8, Sendable {
        /// Not part of it.
        case notPresent
        /// Nothing else in it refers to the frame.
        case discardable
        /// All that follows can be decoded if this can.
        case `switch`
        case required
    }

    private var bits: UInt64 = 0

    init() {}

    init(_ reader: inout BitReader, _ bytes: Span<UInt8>, count: Int) {
        for index in 0..<count { bits |= UInt64(reader.bits(2, of: bytes)) << (2 * UInt64(index)) }
    }

    package subscript(target: Int) -> Indication {
        Indication(rawValue: UInt8(truncatingIfNeeded: bits >> (2 * UInt64(target))) & 3) ?? .notPresent
    }
}
