/// What a frame is (RFC 6455 §5.2, §11.8).
package enum Opcode: UInt8, Sendable {
    /// The next part of a fragmented message.
    case continuation = 0
    /// A message of UTF-8, or its first part.
    case text
    /// A message of bytes, or its first part.
    case binary
    /// The end of the conversation, with a code and a reason or with nothing.
    case close = 8
    /// A question that is answered by a pong with the same payload.
    case ping
    /// The answer to a ping, or a sign of life unasked.
    case pong

    /// Whether this is a control frame: at most 125 bytes, never fragmented, allowed between the parts of a message
    /// (RFC 6455 §5.5).
    package var isControl: Bool { rawValue >= 8 }
}

/// The fixed part of a frame (RFC 6455 §5.2).
///
/// | bytes | what |
/// |---|---|
/// | 1 | FIN, RSV1, RSV2, RSV3, four bits of opcode |
/// | 1 | MASK, seven bits of length: up to 125, or 126, or 127 |
/// | 0, 2 or 8 | the longer length, big-endian |
/// | 0 or 4 | the mask |
struct FrameHeader {
    /// Whether the frame is the last of its message.
    let isFinal: Bool
    /// RSV1: with permessage-deflate, the message is compressed (RFC 7692 §6).
    let isCompressed: Bool
    let opcode: Opcode
    /// How many bytes of payload follow; not checked against anything but the sign bit.
    let payloadByteCount: Int
    /// The mask, as it lies in memory.
    let mask: UInt32
    /// How long the header itself is.
    let byteCount: Int

    /// What the first bytes of a buffer are.
    enum Parsed {
        case incomplete
        /// A reserved bit or opcode, a frame of a client without a mask, a length of more than 63 bits, or a control
        /// frame that is too long or fragmented.
        case malformed
        case header(FrameHeader)
    }

    /// Reads the header of a client's frame. What is wrong is found in the earliest byte that shows it.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> Parsed {
        guard bytes.count >= 2 else {
            guard let first = bytes.first else { return .incomplete }
            return isWellFormed(first) ? .incomplete : .malformed
        }
        let first = bytes[0]
        let length = bytes[1] & 0x7F
        guard isWellFormed(first), let opcode = Opcode(rawValue: first & 0x0F), bytes[1] & 0x80 != 0 else {
            return .malformed
        }
        let isFinal = first & 0x80 != 0
        let isCompressed = first & 0x40 != 0
        if opcode.isControl, !isFinal || isCompressed || length > 125 { return .malformed }
        let lengthByteCount = length == 126 ? 2 : length == 127 ? 8 : 0
        let byteCount = 2 + lengthByteCount + 4
        guard bytes.count >= byteCount else { return .incomplete }
        let payloadByteCount: UInt64 =
            switch length {
            case 126: UInt64(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            case 127: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            default: UInt64(length)
            }
        guard let payloadByteCount = Int(exactly: payloadByteCount) else { return .malformed }
        return .header(
            FrameHeader(
                isFinal: isFinal, isCompressed: isCompressed, opcode: opcode, payloadByteCount: payloadByteCount,
                mask: bytes.loadUnaligned(fromByteOffset: 2 + lengthByteCount, as: UInt32.self), byteCount: byteCount))
    }

    private static func isWellFormed(_ first: UInt8) -> Bool {
        first & 0x30 == 0 && Opcode(rawValue: first & 0x0F) != nil
    }
}
