import CZlib
package import NIOCore

/// Compresses messages, each on its own, so that one compressed frame serves all receivers (RFC 7692 §7.2.1, without
/// context takeover).
///
/// One serves all connections of an event loop. Not thread-safe: it is that loop's. Holds about 36 KiB, and room for the
/// largest message so far.
///
/// The defaults are measured on events of 435 bytes, of which identifiers are more than half, and of 2.5 kB: 64 % and 40 %
/// remain after 10 and 30 µs. A larger window or a higher level gains at most one percent; most of the time goes to the
/// Huffman codes, whose cost no parameter changes. Fixed codes save no time and leave 78 %.
package final class MessageDeflater {
    /// The window, as an exponent of two: what a client must be able to hold. Every agreement of `Handshake` allows it.
    package static let windowBits = 12

    // SAFETY: Both are allocated here and freed in deinit, and nothing else has them. zlib's state points back at the
    // z_stream, so that may not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private var scratch: UnsafeMutableRawBufferPointer

    /// - Parameters:
    ///   - level: 1, quick, to 9, small.
    ///   - windowBits: at most what the handshakes agree on; at least 9, as zlib has no smaller window for raw DEFLATE.
    ///   - memoryLevel: 1 to 9: how large the table of what was seen is, which is cleared for every message.
    package init(level: Int = 3, windowBits: Int = MessageDeflater.windowBits, memoryLevel: Int = 5) {
        precondition((9...Self.windowBits).contains(windowBits), "The window is one that every agreement allows.")
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        scratch = .allocate(byteCount: 4 * 1024, alignment: 16)
        let status = deflateInit2_(
            stream, Int32(level), Z_DEFLATED, -Int32(windowBits), Int32(memoryLevel), Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib cannot be set up: a parameter out of range, or out of memory.")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
        scratch.deallocate()
    }

    /// The compressed payload of a message, without the trailing 00 00 FF FF. It can be longer than the message.
    package func deflate(_ payload: ByteBuffer) -> ByteBuffer { ByteBuffer(bytes: compress(payload)) }

    /// A whole frame with the message compressed, or `nil` if it does not get smaller: then the plain frame serves.
    package func frame(_ opcode: Opcode, _ payload: ByteBuffer) -> ByteBuffer? {
        let compressed = compress(payload)
        guard compressed.count < payload.readableBytes else { return nil }
        var frame = FrameWriter.start(opcode, payloadByteCount: compressed.count, isCompressed: true)
        frame.writeBytes(compressed)
        return frame
    }

    /// Compresses into the scratch memory; what it returns holds until the next call.
    private func compress(_ payload: ByteBuffer) -> UnsafeRawBufferPointer {
        deflateReset(stream)
        let count = payload.readableBytes
        // Room for the end of the last block, and the empty one of a flush.
        reserve(Int(deflateBound(stream, uLong(count))) + 16, keeping: 0)
        var written = 0
        payload.withUnsafeReadableBytes { bytes in
            // zlib does not write through next_in; its type only says so in builds with ZLIB_CONST.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: Bytef.self).baseAddress)
            stream.pointee.avail_in = uInt(count)
            while true {
                let room = UnsafeMutableRawBufferPointer(rebasing: scratch[written...])
                stream.pointee.next_out = room.bindMemory(to: Bytef.self).baseAddress
                stream.pointee.avail_out = uInt(room.count)
                let status = CZlib.deflate(stream, Z_SYNC_FLUSH)
                precondition(status == Z_OK || status == Z_BUF_ERROR, "zlib's state is sound.")
                written = scratch.count - Int(stream.pointee.avail_out)
                // A flush is over when it left room (zlib.h, deflate).
                if stream.pointee.avail_out > 0 { break }
                reserve(scratch.count * 2, keeping: written)
            }
        }
        let output = UnsafeRawBufferPointer(rebasing: scratch[..<written])
        precondition(output.suffix(4).elementsEqual([0, 0, 0xFF, 0xFF]), "A flush ends with an empty stored block.")
        return UnsafeRawBufferPointer(rebasing: output.dropLast(4))
    }

    private func reserve(_ byteCount: Int, keeping kept: Int) {
        guard scratch.count < byteCount else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: scratch[..<kept]))
        scratch.deallocate()
        scratch = larger
    }
}
