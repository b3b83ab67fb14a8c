/// Packets that are sent again in a stream of their own (RFC 4588 §4): the payload is the sequence number that the packet had
/// (2 bytes), then its payload. Header extensions and marker are those of the packet.
package enum Retransmission {
    /// Bytes in front of the repeated payload.
    package static let headerByteCount = 2

    /// Makes of a retransmission the packet that it repeats, in place.
    ///
    /// - Parameters:
    ///   - packet: what `header` was read from.
    ///   - payloadType, ssrc: those of the stream that is repeated.
    /// - Returns: where the packet is now; `nil` when it repeats nothing, as those do that only probe the path.
    package static func restore(
        _ packet: UnsafeMutableRawBufferPointer, _ header: RTPHeader, payloadType: UInt8, ssrc: UInt32
    ) -> UnsafeMutableRawBufferPointer? {
        guard header.payloadRange.count > headerByteCount else { return nil }
        let (first, second) = (packet[header.headerByteCount], packet[header.headerByteCount + 1])
        let restored = UnsafeMutableRawBufferPointer(rebasing: packet[headerByteCount...])
        // The header moves up to the payload; the regions overlap, as memmove allows.
        restored.copyMemory(from: UnsafeRawBufferPointer(rebasing: packet[..<header.headerByteCount]))
        restored[1] = (header.hasMarker ? 0x80 : 0) | payloadType
        restored[2] = first
        restored[3] = second
        restored.storeBytes(of: ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
        return restored
    }
}
