import MediaCore

/// The dependency descriptor of a frame of a ``LayeredPicture`` (AV1 RTP specification, appendix A): nine decode targets, one
/// for each layer, and three chains, of the frames of the lowest temporal layer up to each spatial one.
struct PeerDescriptor {
    static let layerCount = 3
    /// Kinds of frames in each spatial layer: of a key picture, then those of the four positions by temporal layer.
    private static let positions = [nil, 0, 2, 1, 3]

    let picture: LayeredPicture
    let spatial: Int
    let isFirst: Bool
    let isLast: Bool
    let number: UInt16

    var bytes: [UInt8] {
        var writer = PeerBits()
        writer.write(isFirst ? 1 : 0, 1)
        writer.write(isLast ? 1 : 0, 1)
        let kind = Self.positions.firstIndex { $0 == (picture.isKeyFrame ? nil : picture.position % 4) } ?? 0
        writer.write(spatial * Self.positions.count + kind, 6)
        writer.write(Int(number), 16)
        guard picture.isKeyFrame, spatial == 0, isFirst else { return writer.bytes }
        writer.write(0b10000, 5)
        Self.writeStructure(to: &writer)
        return writer.bytes
    }

    private static var templates: [(spatial: Int, position: Int?)] {
        (0..<layerCount).flatMap { spatial in positions.map { (spatial, $0) } }
    }

    private static func temporal(_ position: Int?) -> Int { [0, 2, 1, 2][position ?? 0] }

    private static func writeStructure(to writer: inout PeerBits) {
        writer.write(0, 6)
        writer.write(layerCount * layerCount - 1, 5)
        let templates = templates
        for (template, next) in zip(templates, templates.dropFirst()) {
            let isHigher = temporal(next.position) > temporal(template.position)
            writer.write(next.spatial > template.spatial ? 2 : isHigher ? 1 : 0, 2)
        }
        writer.write(3, 2)
        for template in templates {
            for target in 0..<(layerCount * layerCount) {
                writer.write(indication(template.spatial, template.position, target), 2)
            }
        }
        for template in templates {
            for difference in differences(template.spatial, template.position) {
                writer.write(1, 1)
                writer.write(difference - 1, 4)
            }
            writer.write(0, 1)
        }
        // ns(10) of 3: the first six values take three bits.
        writer.write(layerCount, 3)
        // ns(3) of each target's chain: 0 takes one bit, 1 and 2 take two.
        for target in 0..<(layerCount * layerCount) {
            let chain = target / layerCount
            writer.write(chain == 0 ? 0 : chain + 1, chain == 0 ? 1 : 2)
        }
        for template in templates {
            for chain in 0..<layerCount { writer.write(chainDifference(template.spatial, template.position, chain), 4) }
        }
        writer.write(0, 1)
    }

    /// 0 not present, 1 discardable, 2 switch, 3 required.
    private static func indication(_ spatial: Int, _ position: Int?, _ target: Int) -> Int {
        let (upper, highest, own) = (target / layerCount, target % layerCount, temporal(position))
        if spatial > upper || own > highest { return 0 }
        // To a spatial layer above one goes up in a key picture alone.
        if spatial < upper, position != nil { return 3 }
        return own == 2 ? (spatial == upper ? 1 : 3) : 2
    }

    private static func differences(_ spatial: Int, _ position: Int?) -> [Int] {
        let earlier = position.map { [LayeredPicture.reference(at: $0) * layerCount] } ?? []
        return earlier + (spatial > 0 ? [1] : [])
    }

    private static func chainDifference(_ spatial: Int, _ position: Int?, _ chain: Int) -> Int {
        if temporal(position) == 0, spatial > 0 { return spatial - min(chain, spatial - 1) }
        guard let position else { return 0 }
        return layerCount * (position == 0 ? 4 : position) + spatial - chain
    }
}

/// Bits, the highest of each byte first.
private struct PeerBits {
    private(set) var bytes: [UInt8] = []
    private var count = 0

    mutating func write(_ value: Int, _ width: Int) {
        for place in stride(from: width - 1, through: 0, by: -1) {
            if count % 8 == 0 { bytes.append(0) }
            bytes[count / 8] |= UInt8(value >> place & 1) << UInt8(7 - count % 8)
            count += 1
        }
    }
}

/// What a receiver that goes by dependency descriptors makes of the packets of one section.
package struct DescriptorReception: Sendable {
    /// Packets with a descriptor that could be read, and without.
    package private(set) var readCount = 0
    package private(set) var unreadCount = 0
    /// Frames that refer to one of which nothing came.
    package private(set) var undecodable = 0
    /// Key pictures whose number is not above all before.
    package private(set) var numberBreaks = 0
    /// Packets of a layer that is of no decode target that is said to be sent.
    package private(set) var unannounced = 0
    /// The decode targets that were last said to be sent.
    package var activeTargets: UInt32 { reader.activeTargets }
    private var reader = DependencyReader()
    private var numbers: Set<UInt16> = []
    private var highest: UInt16?

    mutating func receive(_ content: [UInt8]?) {
        guard let content, let descriptor = reader.read(content.span), let structure = reader.structure else {
            unreadCount += 1
            return
        }
        readCount += 1
        let number = descriptor.frameNumber
        let isNewer = highest.map { Int16(bitPattern: number &- $0) > 0 } ?? true
        if descriptor.hasStructure {
            if !isNewer, number != highest { numberBreaks += 1 }
            numbers = []
        }
        if isNewer { highest = number }
        for index in 0..<descriptor.differenceCount
        where !numbers.contains(number &- descriptor.differences[index]) { undecodable += 1 }
        numbers.insert(number)
        let isAnnounced = structure.targets.indices.contains { target in
            reader.activeTargets >> UInt32(target) & 1 == 1 && descriptor.indications[target] != .notPresent
        }
        if !isAnnounced { unannounced += 1 }
    }
}
