/// Packets in a TCP connection (RFC 4571 §2), each behind its length:
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 2 | length of the packet, in network order |
/// | 2 | length | packet |
package enum StreamFraming {
    package static let headerByteCount = 2
    /// Bytes of a packet at most, as many as a received datagram may have. A peer that announces more is not followed.
    package static let packetByteCount = 2048

    /// Gives each whole packet in `bytes` to `body`, which may work in its memory. Empty packets, which only keep
    /// connections open, are left out.
    /// - Returns: the bytes that are done with; the rest is the beginning of a packet. `nil` when a packet is too long:
    ///   what follows has no meaning then.
    package static func forEach(
        in bytes: UnsafeMutableRawBufferPointer, _ body: (UnsafeMutableRawBufferPointer) -> Void
    ) -> Int? {
        var offset = 0
        while offset + headerByteCount <= bytes.count {
            let byteCount = Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
            guard byteCount <= packetByteCount else { return nil }
            let start = offset + headerByteCount
            guard start + byteCount <= bytes.count else { break }
            if byteCount > 0 { body(UnsafeMutableRawBufferPointer(rebasing: bytes[start..<(start + byteCount)])) }
            offset = start + byteCount
        }
        return offset
    }
}

/// What waits to be written to one connection. It is bounded: who reads too slowly misses media, as by UDP, and costs no
/// memory. Checks and DTLS have some room of their own behind the media, so that a full queue does not end the path.
package struct StreamQueue {
    /// Bytes after which no RTP and RTCP is taken: a second of two sharp pictures.
    package static let mediaByteCount = 256 * 1024
    /// Bytes after which nothing is taken.
    package static let byteCount = mediaByteCount + 16 * 1024

    private var bytes: [UInt8] = []
    private var start = 0
    /// Packets that found no room.
    package private(set) var droppedCount = 0

    package init() {}

    /// Bytes that wait.
    package var count: Int { bytes.count - start }
    package var isEmpty: Bool { count == 0 }

    /// Frames a packet and puts it behind the others, or drops it whole.
    package mutating func append(_ packet: UnsafeRawBufferPointer) {
        let limit =
            switch DatagramKind(packet.assumingMemoryBound(to: UInt8.self).span) {
            case .rtp, .rtcp: Self.mediaByteCount
            case .stun, .dtls, .unknown: Self.byteCount
            }
        guard count + StreamFraming.headerByteCount + packet.count <= limit, packet.count <= UInt16.max else {
            droppedCount += 1
            return
        }
        bytes.append(UInt8(packet.count >> 8))
        bytes.append(UInt8(packet.count & 0xFF))
        bytes.append(contentsOf: packet)
    }

    /// Offers what waits to `write`, which answers how many bytes of it are gone.
    package mutating func write(_ write: (UnsafeRawBufferPointer) -> Int) {
        guard !isEmpty else { return }
        start += bytes.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        if isEmpty {
            bytes.removeAll(keepingCapacity: true)
            start = 0
        } else if start > Self.mediaByteCount / 2 {
            bytes.removeFirst(start)
            start = 0
        }
    }
}
