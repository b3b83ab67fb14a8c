import NIOCore

/// Splits what a WebSocket server sends into frames, without looking inside (RFC 6455 §5.2).
struct FrameScanner {
    /// The kinds of frame that a server of ours sends.
    enum Kind: UInt8 {
        case text = 0x1
        case close = 0x8
        case ping = 0x9
        case pong = 0xA
    }

    /// One whole frame.
    struct Frame {
        let kind: Kind
        let payload: ByteBuffer
    }

    private var buffer = ByteBuffer()

    /// Takes bytes as they come from the socket.
    mutating func append(_ bytes: ByteBuffer) {
        if buffer.readableBytes == 0 {
            buffer = bytes
        } else {
            buffer.writeImmutableBuffer(bytes)
        }
    }

    /// The next whole frame; `nil` until more bytes come.
    ///
    /// | bytes | what |
    /// |---|---|
    /// | 1 | FIN and opcode |
    /// | 1 | length up to 125, or 126, or 127; no mask, as servers do not mask |
    /// | 0, 2 or 8 | the longer length, big-endian |
    /// | n | payload |
    mutating func next() throws -> Frame? {
        let start = buffer.readerIndex
        guard let first = buffer.getInteger(at: start, as: UInt8.self),
            let second = buffer.getInteger(at: start + 1, as: UInt8.self)
        else {
            releaseEmptyBuffer()
            return nil
        }
        guard first & 0x80 != 0, let kind = Kind(rawValue: first & 0x0F), second & 0x80 == 0 else {
            throw LoadFailure("The server sent a frame that begins with the bytes \(first) and \(second).")
        }
        let header: Int
        let length: Int
        switch second {
        case 126:
            guard let long = buffer.getInteger(at: start + 2, as: UInt16.self) else { return nil }
            (header, length) = (4, Int(long))
        case 127:
            guard let long = buffer.getInteger(at: start + 2, as: UInt64.self) else { return nil }
            (header, length) = (10, Int(clamping: long))
        default: (header, length) = (2, Int(second))
        }
        guard let payload = buffer.getSlice(at: start + header, length: length) else { return nil }
        buffer.moveReaderIndex(forwardBy: header + length)
        return Frame(kind: kind, payload: payload)
    }

    /// Gives the memory back to the channel, which reads into it again.
    private mutating func releaseEmptyBuffer() {
        if buffer.readableBytes == 0 { buffer = ByteBuffer() }
    }
}
