import MediaCore

/// What a sequence header says of a stream of AV1 (bitstream specification §5.5): the size of its pictures, and what files
/// repeat of it.
struct AV1SequenceHeader: Hashable, Sendable {
    /// Pixels of the largest picture.
    let width: Int
    let height: Int
    private let profile: UInt8
    /// Of the first operating point, which has all layers.
    private let point: OperatingPoint
    private let color: Color

    private struct OperatingPoint: Hashable {
        var level: UInt8 = 0
        var tier: UInt8 = 0
    }

    private struct Color: Hashable {
        var isDeep = false
        var isTwelveBit = false
        var isMonochrome = false
        /// Whether chroma has half as many columns, and rows.
        var halvesColumns = true
        var halvesRows = true
        var position: UInt8 = 0
    }

    /// Reads the content of a sequence header. `nil` for what is cut short.
    init?(_ content: [UInt8]) {
        var reader = ContentReader(content)
        profile = UInt8(reader.bits(3))
        reader.skip(1)
        let isReduced = reader.flag()
        if isReduced {
            point = OperatingPoint(level: UInt8(reader.bits(5)))
        } else {
            point = Self.readOperatingPoints(&reader)
        }
        let (columnBits, rowBits) = (reader.bits(4) + 1, reader.bits(4) + 1)
        width = reader.bits(columnBits) + 1
        height = reader.bits(rowBits) + 1
        // Lengths of frame ids.
        if !isReduced, reader.flag() { reader.skip(7) }
        Self.skipTools(&reader, isReduced: isReduced)
        color = Self.readColor(&reader, profile: profile)
        guard !reader.isPastEnd else { return nil }
    }

    /// `timing_info` and the operating points, of which the first counts.
    private static func readOperatingPoints(_ reader: inout ContentReader) -> OperatingPoint {
        /// Of the delays in what a decoder's buffer is told; `nil` where it is told none.
        var delayBits: Int?
        if reader.flag() {
            reader.skip(64)
            if reader.flag() { reader.skipVariableLength() }
            if reader.flag() {
                delayBits = reader.bits(5) + 1
                reader.skip(42)
            }
        }
        let hasDisplayDelay = reader.flag()
        var first: OperatingPoint?
        for _ in 0...reader.bits(5) {
            reader.skip(12)
            var point = OperatingPoint(level: UInt8(reader.bits(5)))
            if point.level > 7 { point.tier = UInt8(reader.bits(1)) }
            if let delayBits, reader.flag() { reader.skip(2 * delayBits + 1) }
            if hasDisplayDelay, reader.flag() { reader.skip(4) }
            first = first ?? point
        }
        return first ?? OperatingPoint()
    }

    /// Which tools the frames may use.
    private static func skipTools(_ reader: inout ContentReader, isReduced: Bool) {
        reader.skip(3)
        if !isReduced {
            reader.skip(4)
            let hasOrder = reader.flag()
            if hasOrder { reader.skip(2) }
            let choosesScreenTools = reader.flag()
            let hasScreenTools = choosesScreenTools || reader.flag()
            if hasScreenTools, !reader.flag() { reader.skip(1) }
            if hasOrder { reader.skip(3) }
        }
        reader.skip(3)
    }

    /// `color_config` (§5.5.2).
    private static func readColor(_ reader: inout ContentReader, profile: UInt8) -> Color {
        var color = Color()
        color.isDeep = reader.flag()
        if profile == 2, color.isDeep { color.isTwelveBit = reader.flag() }
        if profile != 1 { color.isMonochrome = reader.flag() }
        // Primaries, transfer and matrix: BT.709, sRGB and none mean RGB.
        let isRGB = reader.flag() && reader.bits(24) == 0x01_0D_00
        guard !color.isMonochrome else {
            reader.skip(1)
            return color
        }
        if isRGB {
            (color.halvesColumns, color.halvesRows) = (false, false)
            return color
        }
        reader.skip(1)
        switch profile {
        case 0: break
        case 1: (color.halvesColumns, color.halvesRows) = (false, false)
        default:
            color.halvesColumns = !color.isTwelveBit || reader.flag()
            color.halvesRows = color.isTwelveBit && color.halvesColumns && reader.flag()
        }
        if color.halvesColumns, color.halvesRows { color.position = UInt8(reader.bits(2)) }
        return color
    }

    /// An AV1CodecConfigurationRecord without the OBUs behind it (AV1 in ISOBMFF §2.3.3).
    ///
    /// | offset | field |
    /// |---|---|
    /// | 0 | 1 bit set; 7 bits: version 1 |
    /// | 1 | profile (3 bits), level (5) |
    /// | 2 | tier, more than eight bits, twelve bits, monochrome, half the columns, half the rows (1 each), position (2) |
    /// | 3 | no delay of presentation |
    var configuration: [UInt8] {
        var flags = point.tier << 7
        for (place, flag) in [
            (6, color.isDeep), (5, color.isTwelveBit), (4, color.isMonochrome), (3, color.halvesColumns),
            (2, color.halvesRows),
        ] where flag { flags |= 1 << UInt8(place) }
        return [0x81, profile << 5 | point.level, flags | color.position, 0]
    }
}
