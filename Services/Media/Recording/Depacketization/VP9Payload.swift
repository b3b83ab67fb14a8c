/// Where the picture begins in a payload of VP9 (RFC 9628 §4.2).
///
/// | offset | field |
/// |---|---|
/// | 0 | I (0x80) picture id, P (0x40) predicted, L (0x20) layers, F (0x10) flexible, B (0x08) begin, E (0x04) end, V (0x02) structure |
/// | if I | picture id: 1 byte, or 2 when its first bit is set |
/// | if L | 1 byte; 1 more unless F |
/// | if F and P | up to 3 references, each but the last with its lowest bit set |
/// | if V | the scalability structure (§4.2.1) |
struct VP9Payload {
    let offset: Int
    /// Whether a frame begins here, and whether it is of the lowest spatial layer and a picture begins with it.
    let isFrameStart: Bool
    let isFirst: Bool
    let isPredicted: Bool

    /// `nil` for what is cut short.
    init?(_ payload: [UInt8]) {
        guard let first = payload.first else { return nil }
        var reader = ByteReader(bytes: payload, offset: 1)
        isPredicted = first & 0x40 != 0
        if first & 0x80 != 0 {
            guard let id = reader.byte() else { return nil }
            if id & 0x80 != 0, reader.byte() == nil { return nil }
        }
        var spatial: UInt8 = 0
        if first & 0x20 != 0 {
            guard let layers = reader.byte() else { return nil }
            spatial = layers >> 1 & 0x07
            if first & 0x10 == 0, reader.byte() == nil { return nil }
        }
        isFrameStart = first & 0x08 != 0
        isFirst = isFrameStart && spatial == 0
        if first & 0x50 == 0x50 {
            var count = 0
            while count < 3 {
                guard let reference = reader.byte() else { return nil }
                count += 1
                if reference & 0x01 == 0 { break }
            }
        }
        if first & 0x02 != 0, !reader.skipStructure() { return nil }
        guard reader.offset < payload.count else { return nil }
        offset = reader.offset
    }
}

private struct ByteReader {
    let bytes: [UInt8]
    var offset: Int

    mutating func byte() -> UInt8? {
        guard offset < bytes.count else { return nil }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// N_S (3 bits, layers less one), Y (sizes are there), G (a group of pictures is there); then 4 bytes a layer if Y, and
    /// if G a count and for each picture a byte with the number of its references in bits 2 and 3, and those.
    mutating func skipStructure() -> Bool {
        guard let head = byte() else { return false }
        if head & 0x10 != 0 { offset += 4 * (Int(head >> 5) + 1) }
        guard head & 0x08 != 0 else { return true }
        guard let count = byte() else { return false }
        for _ in 0..<count {
            guard let picture = byte() else { return false }
            offset += Int(picture >> 2 & 0x03)
        }
        return true
    }
}
