/// The header of an RTP packet (RFC 3550 §5.1), read in place: the ranges are offsets in the packet it was read from.
///
/// | offset | size | header |
/// |---|---|---|
/// | 0 | 1 | version 2 (2 bits), padding (1), extension (1), number n of contributing sources (4) |
/// | 1 | 1 | marker (1), payload type (7) |
/// | 2 | 2 | sequence number |
/// | 4 | 4 | timestamp |
/// | 8 | 4 | SSRC |
/// | 12 | 4n | contributing sources |
/// | 12 + 4n | 2 | if extension: profile |
/// | 14 + 4n | 2 | if extension: number w of words |
/// | 16 + 4n | 4w | if extension: content |
/// | | | payload, then if padding: bytes of which the last tells how many they are |
package struct RTPHeader: Sendable {
    /// M: for video the last packet of a frame, for audio the first after silence (RFC 3551 §4.1).
    package let hasMarker: Bool
    /// 0–127.
    package let payloadType: UInt8
    /// Grows by one with each packet of an SSRC and wraps; see ``SequenceUnwrapper``.
    package let sequenceNumber: UInt16
    /// In ticks of the payload's clock.
    package let timestamp: UInt32
    /// The source within the session, as its sender chose it.
    package let ssrc: UInt32
    /// Tells the form of the extension; 0 without one.
    package let extensionProfile: UInt16
    /// The content of the extension after its four bytes of profile and length; empty without one.
    package let extensionRange: Range<Int>
    /// What is carried, without padding. It may be empty: a packet of padding alone probes for bandwidth.
    package let payloadRange: Range<Int>
    /// Bytes behind the payload, with the one that counts them; 0 without padding.
    package let paddingByteCount: Int
    /// Fixed header, contributing sources and extension: where the payload begins.
    package var headerByteCount: Int { payloadRange.lowerBound }

    private static let fixedByteCount = 12

    /// `nil` when it is not version 2 or header, extension and padding do not fit in the packet. Allocates nothing.
    package init?(_ packet: Span<UInt8>) {
        guard packet.count >= Self.fixedByteCount, packet[0] >> 6 == 2 else { return nil }
        var end = Self.fixedByteCount + 4 * Int(packet[0] & 0x0F)
        var profile: UInt16 = 0
        var content = end..<end
        if packet[0] & 0x10 != 0 {
            guard end + 4 <= packet.count else { return nil }
            profile = packet.uint16(at: end)
            let start = end + 4
            end = start + 4 * Int(packet.uint16(at: end + 2))
            content = start..<end
        }
        guard end <= packet.count else { return nil }
        var padding = 0
        if packet[0] & 0x20 != 0 {
            padding = Int(packet[packet.count - 1])
            guard padding > 0, padding <= packet.count - end else { return nil }
        }

        hasMarker = packet[1] & 0x80 != 0
        payloadType = packet[1] & 0x7F
        sequenceNumber = packet.uint16(at: 2)
        timestamp = packet.uint32(at: 4)
        ssrc = packet.uint32(at: 8)
        extensionProfile = profile
        extensionRange = content
        payloadRange = end..<(packet.count - padding)
        paddingByteCount = padding
    }
}

extension RTPHeader {
    /// Gives the elements of the header extension in their order (RFC 8285 §4), each with the range of its content in
    /// `packet`, the one this header was read from.
    ///
    /// | profile | element |
    /// |---|---|
    /// | 0xBEDE | id (4 bits, 1–14), length − 1 (4 bits), then 1–16 bytes |
    /// | 0x1000–0x100F | id (1 byte, 1–255), length (1 byte), then 0–255 bytes |
    ///
    /// A zero byte between elements is padding. In the one-byte form the id 15, and the id 0 with a length, end the
    /// extension (§4.2). An extension of another profile has no elements.
    /// - Returns: `false` when an element leaves the extension; what was given before stands.
    @discardableResult
    package func forEachExtension(
        in packet: Span<UInt8>, _ body: (_ id: UInt8, _ content: Range<Int>) -> Void
    ) -> Bool {
        guard extensionRange.upperBound <= packet.count else { return false }
        return switch extensionProfile {
        case 0xBEDE: forEachOneByteElement(in: packet, body)
        case 0x1000...0x100F: forEachTwoByteElement(in: packet, body)
        default: true
        }
    }

    private func forEachOneByteElement(in packet: Span<UInt8>, _ body: (UInt8, Range<Int>) -> Void) -> Bool {
        var offset = extensionRange.lowerBound
        while offset < extensionRange.upperBound {
            let (id, extra) = (packet[offset] >> 4, Int(packet[offset] & 0x0F))
            offset += 1
            if id == 0, extra == 0 { continue }
            if id == 0 || id == 15 { return true }
            let content = offset..<(offset + extra + 1)
            guard content.upperBound <= extensionRange.upperBound else { return false }
            body(id, content)
            offset = content.upperBound
        }
        return true
    }

    private func forEachTwoByteElement(in packet: Span<UInt8>, _ body: (UInt8, Range<Int>) -> Void) -> Bool {
        var offset = extensionRange.lowerBound
        while offset < extensionRange.upperBound {
            let id = packet[offset]
            offset += 1
            if id == 0 { continue }
            guard offset < extensionRange.upperBound else { return false }
            let content = (offset + 1)..<(offset + 1 + Int(packet[offset]))
            guard content.upperBound <= extensionRange.upperBound else { return false }
            body(id, content)
            offset = content.upperBound
        }
        return true
    }
}
