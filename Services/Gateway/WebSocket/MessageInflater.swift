import CZlib
package import NIOCore

/// Decompresses messages, each on its own: without context takeover nothing is kept between two (RFC 7692 §7.2.2).
///
/// One serves all connections of an event loop. Not thread-safe: it is that loop's. Holds about 56 KiB: zlib's state and
/// window, and the memory that is inflated into.
package final class MessageInflater {
    /// What DEFLATE inflates into before it is copied to the message. A longer message takes more than one turn.
    private static let scratchByteCount = 16 * 1024
    /// What a sender takes off the end of a message: the rest of an empty block (RFC 7692 §7.2.1).
    private static let tail = ByteBuffer(bytes: [0x00, 0x00, 0xFF, 0xFF])

    // SAFETY: Both are allocated here and freed in deinit, and nothing else has them. zlib's state points back at the
    // z_stream, so that may not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private let scratch: UnsafeMutableRawBufferPointer

    package init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        scratch = .allocate(byteCount: Self.scratchByteCount, alignment: 16)
        // Raw DEFLATE with the largest window: whatever window a client has, this reads it.
        let status = inflateInit2_(stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib cannot be set up: out of memory, or another version than the header's.")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        scratch.deallocate()
    }

    /// The message that was compressed.
    ///
    /// - Parameters:
    ///   - payload: as it came, without the four bytes that the sender took off.
    ///   - maximumByteCount: the most bytes the message may have. Inflating stops at the bound, so a small frame of a large
    ///     message (a zip bomb) costs no more than the bound.
    /// - Throws: `tooLarge` over the bound, `invalidCompression` for what is not DEFLATE or ends inside a block.
    package func inflate(_ payload: ByteBuffer, maximumByteCount: Int) throws(ReadFailure) -> ByteBuffer {
        inflateReset(stream)
        var message = ByteBuffer()
        try feed(payload, &message, maximumByteCount)
        try feed(Self.tail, &message, maximumByteCount)
        // zlib says by this bit that it stands between two blocks (zlib.h, inflate, on data_type).
        guard stream.pointee.data_type & 128 != 0 else { throw .invalidCompression }
        return message
    }

    private func feed(
        _ part: ByteBuffer, _ message: inout ByteBuffer, _ maximumByteCount: Int
    ) throws(ReadFailure) {
        try part.withUnsafeReadableBytes { bytes throws(ReadFailure) in
            try feed(bytes, &message, maximumByteCount)
        }
    }

    /// Inflates all of the bytes into the message.
    private func feed(
        _ bytes: UnsafeRawBufferPointer, _ message: inout ByteBuffer, _ maximumByteCount: Int
    ) throws(ReadFailure) {
        guard let input = bytes.bindMemory(to: Bytef.self).baseAddress else { return }
        // zlib does not write through next_in; its type only says so in builds with ZLIB_CONST.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input)
        stream.pointee.avail_in = uInt(bytes.count)
        repeat {
            stream.pointee.next_out = scratch.bindMemory(to: Bytef.self).baseAddress
            stream.pointee.avail_out = uInt(scratch.count)
            let status = CZlib.inflate(stream, Z_SYNC_FLUSH)
            let inflated = scratch.count - Int(stream.pointee.avail_out)
            guard message.readableBytes + inflated <= maximumByteCount else { throw .tooLarge }
            message.writeBytes(UnsafeRawBufferPointer(rebasing: scratch[..<inflated]))
            switch status {
            case Z_OK: break
            // Nothing is left to do before more input comes.
            case Z_BUF_ERROR: return
            // A final block need not be the last (RFC 7692 §7.2.3.4): go on, and keep what later blocks may refer to.
            case Z_STREAM_END: inflateResetKeep(stream)
            default: throw .invalidCompression
            }
        } while stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0
    }
}
