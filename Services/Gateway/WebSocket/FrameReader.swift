package import NIOCore

/// Makes whole messages and control frames of a client's bytes (RFC 6455 §5, §6.2).
///
/// Owned by one connection. A few words long, and without an allocation of its own while no fragmented message is under way.
/// A frame is read when it is there as a whole, so a caller's buffer holds at most one frame of
/// `maximumMessageByteCount` and a little more.
package struct FrameReader {
    /// What a client said.
    package enum Input: Equatable, Sendable {
        /// A whole message of UTF-8, which has been checked.
        case text(ByteBuffer)
        /// A whole message of bytes.
        case binary(ByteBuffer)
        /// To be answered by a pong with the same payload, of at most 125 bytes.
        case ping(ByteBuffer)
        case pong(ByteBuffer)
        /// The client ends the conversation; nothing after it is read. Without a code the payload was empty; the reason is
        /// UTF-8, of at most 123 bytes.
        case close(code: UInt16?, reason: ByteBuffer)
        /// The bytes make no sense; nothing after them is read.
        case failure(ReadFailure)
    }

    /// A message whose parts are coming in.
    private struct Fragments {
        let opcode: Opcode
        let isCompressed: Bool
        var bytes = ByteBuffer()
        var validator = UTF8Validator()
    }

    /// One frame, unmasked.
    private struct Frame {
        let header: FrameHeader
        let payload: ByteBuffer
        let isASCII: Bool
    }

    private let maximumMessageByteCount: Int
    private let mayBeCompressed: Bool
    private var hasEnded = false
    private var fragments: Fragments?

    /// - Parameters:
    ///   - maximumMessageByteCount: the most bytes a message may have, all its parts together and decompressed.
    ///   - deflate: what the handshake agreed on; `nil` means that a compressed message is an error.
    package init(maximumMessageByteCount: Int, deflate: DeflateAgreement?) {
        precondition(maximumMessageByteCount >= 0, "A bound of bytes is not negative.")
        self.maximumMessageByteCount = maximumMessageByteCount
        mayBeCompressed = deflate != nil
    }

    /// The next message or control frame in the buffer, or `nil` when more bytes are needed. Consumes what it used.
    ///
    /// It unmasks in place, and what it returns is a slice of the buffer where the message was neither fragmented nor
    /// compressed. So the bytes of the buffer are the reader's from then on: a copy of the buffer sees them change.
    ///
    /// - Parameter inflater: of this connection's event loop.
    package mutating func next(_ buffer: inout ByteBuffer, inflater: MessageInflater) -> Input? {
        guard !hasEnded else {
            buffer.moveReaderIndex(to: buffer.writerIndex)
            return nil
        }
        do throws(ReadFailure) {
            while let frame = try readFrame(&buffer) {
                if let input = try receive(frame, inflater) { return input }
            }
            return nil
        } catch {
            hasEnded = true
            fragments = nil
            buffer.moveReaderIndex(to: buffer.writerIndex)
            return .failure(error)
        }
    }

    /// Takes one frame out of the buffer, if it is there as a whole.
    private mutating func readFrame(_ buffer: inout ByteBuffer) throws(ReadFailure) -> Frame? {
        switch buffer.withUnsafeReadableBytes({ FrameHeader.parse($0) }) {
        case .incomplete: return nil
        case .malformed: throw .protocolError
        case .header(let header):
            // Before the payload has come: what cannot be read is not waited for.
            try check(header)
            guard buffer.readableBytes >= header.byteCount + header.payloadByteCount else { return nil }
            buffer.moveReaderIndex(forwardBy: header.byteCount)
            guard let payload = buffer.readSlice(length: header.payloadByteCount) else { return nil }
            return Frame(header: header, payload: payload, isASCII: unmask(payload, with: header.mask))
        }
    }

    /// Whether the frame may come here (RFC 6455 §5.4; RFC 7692 §6.1), and fits.
    private func check(_ header: FrameHeader) throws(ReadFailure) {
        if header.opcode.isControl { return }
        let isContinuation = header.opcode == .continuation
        guard isContinuation == (fragments != nil), !header.isCompressed || (mayBeCompressed && !isContinuation) else {
            throw .protocolError
        }
        let isCompressed = fragments?.isCompressed ?? header.isCompressed
        let room = byteCountBound(isCompressed: isCompressed) - (fragments?.bytes.readableBytes ?? 0)
        guard header.payloadByteCount <= room else { throw .tooLarge }
    }

    /// How long a message may be as it comes. What does not compress grows by the headers of DEFLATE's blocks, which are
    /// small where the sender's buffers are; the message itself is measured as it is inflated.
    private func byteCountBound(isCompressed: Bool) -> Int {
        isCompressed ? maximumMessageByteCount + maximumMessageByteCount / 16 + 64 : maximumMessageByteCount
    }

    /// What a frame completes; `nil` if it is a part of a message and not the last.
    private mutating func receive(_ frame: Frame, _ inflater: MessageInflater) throws(ReadFailure) -> Input? {
        switch frame.header.opcode {
        case .ping: return .ping(frame.payload)
        case .pong: return .pong(frame.payload)
        case .close:
            hasEnded = true
            return try close(frame.payload)
        case .text, .binary:
            let isCompressed = frame.header.isCompressed
            if frame.header.isFinal {
                if !isCompressed, frame.header.opcode == .text, frame.isASCII { return .text(frame.payload) }
                return try complete(frame.header.opcode, frame.payload, isCompressed, inflater)
            }
            fragments = Fragments(opcode: frame.header.opcode, isCompressed: isCompressed)
            try append(frame.payload)
            return nil
        case .continuation:
            if !frame.header.isFinal {
                try append(frame.payload)
                return nil
            }
            return try completeFragments(with: frame.payload, inflater)
        }
    }

    /// Adds a part to the message under way. Text that can no longer become UTF-8 fails at once.
    private mutating func append(_ payload: ByteBuffer) throws(ReadFailure) {
        guard var message = fragments.take() else { throw .protocolError }
        if message.opcode == .text, !message.isCompressed {
            guard payload.withUnsafeReadableBytes({ message.validator.append($0) }) else { throw .invalidUTF8 }
        }
        message.bytes.writeImmutableBuffer(payload)
        fragments = message
    }

    private mutating func completeFragments(
        with payload: ByteBuffer, _ inflater: MessageInflater
    ) throws(ReadFailure) -> Input {
        try append(payload)
        guard let message = fragments.take() else { throw .protocolError }
        if message.opcode == .text, !message.isCompressed {
            // Every byte has been through the validator.
            guard message.validator.isComplete else { throw .invalidUTF8 }
            return .text(message.bytes)
        }
        return try complete(message.opcode, message.bytes, message.isCompressed, inflater)
    }

    /// Decompresses and checks the bytes of a whole message.
    private func complete(
        _ opcode: Opcode, _ payload: ByteBuffer, _ isCompressed: Bool, _ inflater: MessageInflater
    ) throws(ReadFailure) -> Input {
        let bytes =
            isCompressed ? try inflater.inflate(payload, maximumByteCount: maximumMessageByteCount) : payload
        guard opcode == .text else { return .binary(bytes) }
        guard bytes.isUTF8 else { throw .invalidUTF8 }
        return .text(bytes)
    }

    /// Reads what a close frame says (RFC 6455 §5.5.1).
    private func close(_ payload: ByteBuffer) throws(ReadFailure) -> Input {
        var reason = payload
        guard reason.readableBytes > 0 else { return .close(code: nil, reason: reason) }
        guard let code = reason.readInteger(as: UInt16.self), Self.maySend(code) else { throw .protocolError }
        guard reason.isUTF8 else { throw .invalidUTF8 }
        return .close(code: code, reason: reason)
    }

    /// Whether a close frame may have the code (RFC 6455 §7.4, and IANA's registry up to 1014). 1004 has no meaning, and
    /// 1005, 1006 and 1015 stand for what was never sent.
    private static func maySend(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

extension ByteBuffer {
    /// Whether the readable bytes are whole characters of UTF-8.
    fileprivate var isUTF8: Bool {
        withUnsafeReadableBytes { bytes in
            var validator = UTF8Validator()
            return validator.append(bytes) && validator.isComplete
        }
    }
}
