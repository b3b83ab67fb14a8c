#if canImport(CZlib)
    import CZlib
#endif

/// Reads deflated frames without inflating each for each subscriber: a frame that is byte for byte what the first
/// subscriber got needs no look inside.
///
/// Owned by one thread at a time.
final class DeflatedFrames {
    /// The deflated payloads of the present run, by the numbers in them.
    private var known: [Int: [UInt8]] = [:]
    private var number = FrameNumber()
    /// Frames that had to be inflated: one a frame published where a server compresses once for all.
    private(set) var inflatedCount = 0

    /// A new run begins.
    func forget() {
        known = [:]
        inflatedCount = 0
    }

    /// The number in a deflated frame; `nil` in any that carries none.
    /// - Parameter expected: the number that it probably has.
    func find(in payload: UnsafeRawBufferPointer, expected: Int?) throws -> Int? {
        if let expected, let same = known[expected], same.elementsEqual(payload) { return expected }
        let text = try Self.inflate(payload)
        inflatedCount += 1
        guard let found = text.withUnsafeBytes({ number.find(in: $0) }) else { return nil }
        known[found] = Array(payload)
        return found
    }

    #if canImport(CZlib)
        /// The text of one message (RFC 7692 §7.2.2), of at most 1 MiB.
        static func inflate(_ payload: UnsafeRawBufferPointer) throws -> [UInt8] {
            var input = Array(payload) + [0, 0, 0xFF, 0xFF]
            var stream = z_stream()
            let size = Int32(MemoryLayout<z_stream>.size)
            guard inflateInit2_(&stream, -15, ZLIB_VERSION, size) == Z_OK else {
                throw LoadFailure("No zlib.")
            }
            defer { inflateEnd(&stream) }
            return try [UInt8](unsafeUninitializedCapacity: 1 << 20) { output, count in
                try input.withUnsafeMutableBufferPointer { input in
                    stream.next_in = input.baseAddress
                    stream.avail_in = UInt32(input.count)
                    stream.next_out = output.baseAddress
                    stream.avail_out = UInt32(output.count)
                    guard CZlib.inflate(&stream, Z_SYNC_FLUSH) == Z_OK, stream.avail_in == 0 else {
                        throw LoadFailure("The server sent a deflated frame that cannot be inflated.")
                    }
                }
                count = output.count - Int(stream.avail_out)
            }
        }
        static let isAvailable = true
    #else
        static func inflate(_ payload: UnsafeRawBufferPointer) throws -> [UInt8] {
            throw LoadFailure("This roost-load was built without zlib, so it reads no deflated frames.")
        }
        static let isAvailable = false
    #endif
}
