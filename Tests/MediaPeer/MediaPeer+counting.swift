import MediaCore
package import MediaSecurity

/// What the header of an encrypted packet says: SRTP leaves it legible (RFC 3711 §3.1).
package struct CountedPacket: Hashable, Sendable {
    /// The place of its section among those the peer receives on.
    package let section: Int
    package let sequenceNumber: UInt16
    /// Whether it is of the stream of retransmissions and padding.
    package let isRepair: Bool
}

extension MediaPeer {
    /// Takes note of a packet without decrypting it, so that a load of many peers costs little beside the server it
    /// measures: its feedback (transport-wide) tells of the packet as a browser's does. In place of ``receive(_:now:)``.
    /// - Parameter now: when it arrived.
    /// - Returns: `nil` for what is of no section.
    package func count(_ packet: UnsafeRawBufferPointer, now: MediaTime) -> CountedPacket? {
        if let number = transportNumber(of: packet) { noteArrival(number, byteCount: packet.count, now: now) }
        return peek(packet)
    }

    /// Of which section an encrypted packet is, without taking note of it.
    package func peek(_ packet: UnsafeRawBufferPointer) -> CountedPacket? {
        guard packet.count >= 12, packet[0] >> 6 == 2 else { return nil }
        let ssrc = UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        guard let index = sectionIndex[ssrc] else { return nil }
        return CountedPacket(
            section: index, sequenceNumber: UInt16(packet[2]) << 8 | UInt16(packet[3]),
            isRepair: sections[index].repairSSRC == ssrc)
    }

    /// How many sections it receives on.
    package var sectionCount: Int { sections.count }

    /// Among the one-byte elements behind the fixed header (RFC 8285 §4.2). A whole header parser would look at the padding,
    /// which is encrypted.
    private func transportNumber(of packet: UnsafeRawBufferPointer) -> UInt16? {
        guard packet.count >= 16, packet[0] & 0x10 != 0,
            let id = formats.extensions[PeerFormats.transportSequence]
        else { return nil }
        var offset = 12 + 4 * Int(packet[0] & 0x0F)
        guard offset + 4 <= packet.count, packet[offset] == 0xBE, packet[offset + 1] == 0xDE else { return nil }
        let end = offset + 4 + 4 * (Int(packet[offset + 2]) << 8 | Int(packet[offset + 3]))
        guard end <= packet.count else { return nil }
        offset += 4
        while offset < end {
            guard packet[offset] != 0 else {
                offset += 1
                continue
            }
            let byteCount = Int(packet[offset] & 0x0F) + 1
            if packet[offset] >> 4 == id, byteCount == 2, offset + 2 < end {
                return UInt16(packet[offset + 1]) << 8 | UInt16(packet[offset + 2])
            }
            offset += 1 + byteCount
        }
        return nil
    }
}
