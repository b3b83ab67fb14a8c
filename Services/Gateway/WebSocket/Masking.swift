import NIOCore

/// Unmasks the payload of a frame where it lies, and tells whether all of it is ASCII (RFC 6455 §5.3).
///
/// Eight bytes at a time. The bytes change under every buffer that shares their storage, so that a frame costs no
/// allocation: NIO keeps a reference to the buffer of a read, and any mutation through `ByteBuffer` would copy it whole.
///
/// - Parameter mask: as it lies in memory.
func unmask(_ payload: ByteBuffer, with mask: UInt32) -> Bool {
    payload.withUnsafeReadableBytes { readable in
        // SAFETY: The storage of a ByteBuffer is memory that was allocated to be written. Whoever calls FrameReader.next
        // gives up the bytes that it consumes, and these are consumed: nobody reads them at the same time, or later as
        // what they were.
        unmask(UnsafeMutableRawBufferPointer(mutating: readable), with: mask)
    }
}

private func unmask(_ bytes: UnsafeMutableRawBufferPointer, with mask: UInt32) -> Bool {
    let wide = UInt64(mask) << 32 | UInt64(mask)
    var seen: UInt64 = 0
    var index = 0
    while index + 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ wide
        bytes.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
        seen |= word
        index += 8
    }
    // Here the index is a multiple of eight, so the mask begins at its first byte.
    withUnsafeBytes(of: mask) { mask in
        while index < bytes.count {
            bytes[index] ^= mask[index & 3]
            seen |= UInt64(bytes[index])
            index += 1
        }
    }
    return seen & 0x8080_8080_8080_8080 == 0
}
