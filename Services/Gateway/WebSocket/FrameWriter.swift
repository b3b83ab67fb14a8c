package import NIOCore

/// Writes the frames of a server: whole, final and unmasked (RFC 6455 §5.1, §5.2).
package enum FrameWriter {
    /// The longest header of an unmasked frame.
    static let maximumHeaderByteCount = 10
    /// What is left for the reason of a close frame (RFC 6455 §5.5, §5.5.1).
    private static let reasonByteCount = 125 - 2

    /// A whole unmasked final frame, header and payload in one buffer of just that size.
    ///
    /// - Parameter isCompressed: whether the payload comes from `MessageDeflater`, and the receiver agreed to that.
    package static func frame(_ opcode: Opcode, _ payload: ByteBuffer, isCompressed: Bool = false) -> ByteBuffer {
        precondition(
            !opcode.isControl || payload.readableBytes <= 125 && !isCompressed,
            "A control frame is plain and has at most 125 bytes of payload.")
        var frame = start(opcode, payloadByteCount: payload.readableBytes, isCompressed: isCompressed)
        frame.writeImmutableBuffer(payload)
        return frame
    }

    /// A close frame. A reason of more than 123 bytes is cut between two characters.
    package static func close(code: UInt16, reason: String = "") -> ByteBuffer {
        var cut = reason[...]
        while cut.utf8.count > reasonByteCount { cut.removeLast() }
        var frame = start(.close, payloadByteCount: 2 + cut.utf8.count, isCompressed: false)
        frame.writeInteger(code)
        frame.writeSubstring(cut)
        return frame
    }

    /// A buffer that has the header and room for the payload.
    static func start(_ opcode: Opcode, payloadByteCount count: Int, isCompressed: Bool) -> ByteBuffer {
        var frame = ByteBufferAllocator().buffer(capacity: maximumHeaderByteCount + count)
        frame.writeInteger(0x80 | (isCompressed ? 0x40 : 0) | opcode.rawValue)
        switch count {
        case ...125: frame.writeInteger(UInt8(count))
        case ...65_535: frame.writeMultipleIntegers(UInt8(126), UInt16(count))
        default: frame.writeMultipleIntegers(UInt8(127), UInt64(count))
        }
        return frame
    }
}
