/// The size of the picture in a sequence parameter set (ITU-T H.264 §7.3.2.1.1).
enum H264SequenceParameters {
    /// Profiles whose set begins with the format of chroma.
    private static let highProfiles: Set<UInt8> = [100, 110, 122, 244, 44, 83, 86, 118, 128]

    /// Pixels; `nil` for what is cut short, or has more than 4:2:0 in eight bits needs.
    static func size(in unit: [UInt8]) -> (width: Int, height: Int)? {
        var reader = BitReader(bytes: unescaped(unit))
        guard let profile = reader.skip(8).flatMap({ reader.bits(8) }), reader.skip(16) != nil, reader.golomb() != nil
        else { return nil }
        if highProfiles.contains(UInt8(profile)) {
            guard let chroma = reader.golomb(), chroma == 1, reader.golomb() != nil, reader.golomb() != nil,
                reader.skip(1) != nil, let hasMatrices = reader.bits(1), hasMatrices == 0
            else { return nil }
        }
        guard reader.golomb() != nil, skipOrder(&reader), reader.golomb() != nil, reader.skip(1) != nil,
            let columns = reader.golomb(), let rows = reader.golomb(), let isFrameOnly = reader.bits(1)
        else { return nil }
        if isFrameOnly == 0, reader.skip(1) == nil { return nil }
        guard reader.skip(1) != nil, let isCropped = reader.bits(1) else { return nil }
        guard columns < 1024, rows < 1024 else { return nil }
        var (width, height) = ((columns + 1) * 16, (rows + 1) * 16 * (2 - isFrameOnly))
        if isCropped == 1 {
            guard let left = reader.golomb(), let right = reader.golomb(), let top = reader.golomb(),
                let bottom = reader.golomb(), max(left, right, top, bottom) < 16_384
            else { return nil }
            width -= (left + right) * 2
            height -= (top + bottom) * 2 * (2 - isFrameOnly)
        }
        return width > 0 && height > 0 ? (width, height) : nil
    }

    /// Skips how pictures are put in order (pic_order_cnt_type).
    private static func skipOrder(_ reader: inout BitReader) -> Bool {
        guard let kind = reader.golomb() else { return false }
        switch kind {
        case 0: return reader.golomb() != nil
        case 1:
            guard reader.skip(1) != nil, reader.golomb() != nil, reader.golomb() != nil, let count = reader.golomb(),
                count < 256
            else { return false }
            for _ in 0..<count {
                guard reader.golomb() != nil else { return false }
            }
            return true
        default: return true
        }
    }

    /// Without the bytes that keep start codes out (§7.4.1.1): the 3 of 00 00 03.
    private static func unescaped(_ unit: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        for byte in unit {
            if byte == 3, bytes.count >= 2, bytes[bytes.count - 1] == 0, bytes[bytes.count - 2] == 0 { continue }
            bytes.append(byte)
        }
        return bytes
    }
}

private struct BitReader {
    let bytes: [UInt8]
    private var offset = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func bits(_ count: Int) -> Int? {
        guard offset + count <= bytes.count * 8 else { return nil }
        var value = 0
        for _ in 0..<count {
            value = value << 1 | Int(bytes[offset / 8] >> UInt8(7 - offset % 8) & 1)
            offset += 1
        }
        return value
    }

    mutating func skip(_ count: Int) -> Void? { bits(count).map { _ in () } }

    /// An Exp-Golomb code (§9.1), of 31 bits at most. Signed ones are skipped by it as well: they have the same form.
    mutating func golomb() -> Int? {
        var zeros = 0
        while true {
            guard let bit = bits(1), zeros < 31 else { return nil }
            if bit == 1 { break }
            zeros += 1
        }
        return bits(zeros).map { (1 << zeros) - 1 + $0 }
    }
}
