/// Sound with copies of earlier packets in front, so that one that is lost is there after all (RFC 2198).
///
/// | offset | field |
/// |---|---|
/// | 0 | of each copy four bytes: 1 (1 bit), payload type (7), how much earlier it was (14), its bytes (10) |
/// | | of the sound itself one byte: 0 (1 bit), payload type (7) |
/// | | the copies, then the sound itself |
package enum RedundantAudio {
    /// Copies in one packet at most; browsers send one or two.
    package static let copyCount = 8

    /// Where the sound itself is; `nil` for what is cut short or has more copies than the limit. Allocates nothing.
    package static func primary(in payload: Span<UInt8>) -> Range<Int>? {
        var (offset, copied, count) = (0, 0, 0)
        while offset < payload.count, payload[offset] & 0x80 != 0 {
            count += 1
            guard count <= copyCount, offset + 4 <= payload.count else { return nil }
            copied += Int(payload.uint16(at: offset + 2) & 0x3FF)
            offset += 4
        }
        let start = offset + 1 + copied
        return start <= payload.count ? start..<payload.count : nil
    }

    /// Writes another payload type into all headers of a payload that ``primary(in:)`` could read.
    package static func name(_ payloadType: UInt8, in payload: UnsafeMutableRawBufferPointer) {
        var offset = 0
        while offset < payload.count, payload[offset] & 0x80 != 0 {
            payload[offset] = 0x80 | payloadType
            offset += 4
        }
        if offset < payload.count { payload[offset] = payloadType }
    }
}
