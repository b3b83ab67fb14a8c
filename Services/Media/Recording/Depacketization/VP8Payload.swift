/// Where the picture begins in a payload of VP8 (RFC 7741 §4.2).
///
/// | offset | field |
/// |---|---|
/// | 0 | X (0x80), N (0x20), S (0x10) start of a partition, PID (0x07) its number |
/// | 1, if X | I (0x80), L (0x40), T (0x20), K (0x10) |
/// | if I | picture id: 1 byte, or 2 when its first bit is set |
/// | if L | 1 byte |
/// | if T or K | 1 byte |
struct VP8Payload {
    let offset: Int
    /// Whether a picture begins here.
    let isFirst: Bool

    /// `nil` for what is cut short.
    init?(_ payload: [UInt8]) {
        guard let first = payload.first else { return nil }
        isFirst = first & 0x17 == 0x10
        var offset = 1
        if first & 0x80 != 0 {
            guard payload.count > 1 else { return nil }
            let fields = payload[1]
            offset = 2
            if fields & 0x80 != 0 {
                guard payload.count > 2 else { return nil }
                offset += payload[2] & 0x80 != 0 ? 2 : 1
            }
            if fields & 0x40 != 0 { offset += 1 }
            if fields & 0x30 != 0 { offset += 1 }
        }
        guard payload.count > offset else { return nil }
        self.offset = offset
    }

    /// The size that a key frame tells (RFC 6386 §9.1): after three bytes of tag the start code 9D 01 2A, then width and
    /// height, 14 bits each with two of scaling above, little-endian.
    static func size(ofKeyFrame frame: [UInt8]) -> (width: Int, height: Int)? {
        guard frame.count >= 10, frame[3] == 0x9D, frame[4] == 0x01, frame[5] == 0x2A else { return nil }
        let width = (Int(frame[7]) << 8 | Int(frame[6])) & 0x3FFF
        let height = (Int(frame[9]) << 8 | Int(frame[8])) & 0x3FFF
        return width > 0 && height > 0 ? (width, height) : nil
    }
}
