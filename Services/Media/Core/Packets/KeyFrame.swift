/// Whether a payload begins a key frame: a picture that is decoded without an earlier one. A receiver can be switched to a
/// stream there and nowhere else.
package enum KeyFrame {
    /// The first packet of a VP8 key frame (RFC 7741 §4.2, §4.3).
    ///
    /// | offset | payload descriptor |
    /// |---|---|
    /// | 0 | X (0x80) extended, N (0x20), S (0x10) start of partition, PID (0x07) its number |
    /// | 1, if X | I (0x80) picture id, L (0x40) TL0PICIDX, T (0x20) or K (0x10) layer and key index |
    /// | if I | picture id: 7 bits, or 15 when its first bit is set |
    /// | if L | 1 byte |
    /// | if T or K | 1 byte |
    ///
    /// The payload header follows; the lowest bit of its first byte, P, is 0 for a key frame.
    /// `false` for what is cut short.
    package static func isVP8(_ payload: Span<UInt8>) -> Bool {
        guard !payload.isEmpty, payload[0] & 0x10 != 0, payload[0] & 0x07 == 0 else { return false }
        var offset = 1
        if payload[0] & 0x80 != 0 {
            guard payload.count > 1 else { return false }
            let fields = payload[1]
            offset = 2
            if fields & 0x80 != 0 {
                guard payload.count > 2 else { return false }
                offset += payload[2] & 0x80 != 0 ? 2 : 1
            }
            if fields & 0x40 != 0 { offset += 1 }
            if fields & 0x30 != 0 { offset += 1 }
        }
        guard payload.count > offset else { return false }
        return payload[offset] & 0x01 == 0
    }

    /// A packet with a sequence parameter set or the start of an IDR picture (RFC 6184 §5.2). With both in packets of their
    /// own, as encoders send them, both are told: the parameter set comes first.
    ///
    /// | NAL type (low 5 bits) | payload |
    /// |---|---|
    /// | 5 IDR, 7 SPS | one NAL unit |
    /// | 24 STAP-A (§5.7.1) | then any number of: size (2 bytes), NAL unit |
    /// | 28 FU-A (§5.8) | then start (0x80), end (0x40), type of the fragmented unit (0x1F) |
    ///
    /// `false` for what is cut short, unless the NAL unit that tells it stands before the cut.
    package static func isH264(_ payload: Span<UInt8>) -> Bool {
        guard !payload.isEmpty else { return false }
        switch payload[0] & 0x1F {
        case 24:
            return hasKeyUnit(aggregate: payload)
        case 28:
            return payload.count > 1 && payload[1] & 0x80 != 0 && isKeyUnit(payload[1])
        default:
            return isKeyUnit(payload[0])
        }
    }

    /// The first packet of a coded video sequence of AV1, as its aggregation header says: N (0x08) without Z (0x80), the
    /// mark of a fragment that continues (AV1 RTP specification §4.4).
    package static func isAV1(_ payload: Span<UInt8>) -> Bool { !payload.isEmpty && payload[0] & 0x88 == 0x08 }

    private static func hasKeyUnit(aggregate payload: Span<UInt8>) -> Bool {
        var offset = 1
        while offset + 2 < payload.count {
            let end = offset + 2 + Int(payload.uint16(at: offset))
            guard end > offset + 2, end <= payload.count else { return false }
            if isKeyUnit(payload[offset + 2]) { return true }
            offset = end
        }
        return false
    }

    private static func isKeyUnit(_ header: UInt8) -> Bool { header & 0x1F == 5 || header & 0x1F == 7 }
}
