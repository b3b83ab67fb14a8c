/// One packet of a compound RTCP datagram (RFC 3550 §6, RFC 4585 §6, RFC 5104 §4.3).
package enum RTCPPacket: Hashable, Sendable {
    /// What `ssrc` has sent. `ntp` is its wall clock in 1/2³² s since 1900, `rtpTimestamp` the same moment in its stream.
    case senderReport(
        ssrc: UInt32, ntp: UInt64, rtpTimestamp: UInt32, packetCount: UInt32, byteCount: UInt32, reports: [ReportBlock])
    case receiverReport(ssrc: UInt32, reports: [ReportBlock])
    /// `sender` asks for packets of `media` again (RFC 4585 §6.2.1), in the order of the packet: a hostile one may name a
    /// number often, and 17 numbers for each 4 bytes.
    case nack(sender: UInt32, media: UInt32, sequenceNumbers: [UInt16])
    /// `sender` cannot decode `media` and wants a key frame (RFC 4585 §6.3.1).
    case pictureLoss(sender: UInt32, media: UInt32)
    /// The same by RFC 5104 §4.3.1: one for each entry of the packet, `media` being that of the entry.
    case fullIntra(sender: UInt32, media: UInt32)
    case bye(ssrcs: [UInt32])
    /// A well-formed packet of a type that is not read here, SDES and transport feedback among them.
    case other(type: UInt8, format: UInt8)

    /// Gives the packets of a datagram in their order. A reduced-size one, without a report in front, is fine (RFC 5506).
    ///
    /// - Returns: `false` when the datagram is empty or a packet is of another version, leaves the datagram or is too short
    ///   for its type; what was given before stands.
    @discardableResult
    package static func forEach(in compound: Span<UInt8>, _ body: (RTCPPacket) -> Void) -> Bool {
        var offset = 0
        repeat {
            guard let header = RTCPHeader(compound, at: offset),
                read(header, compound.extracting(header.content), body)
            else { return false }
            offset = header.end
        } while offset < compound.count
        return true
    }
}

/// | offset | size | RTCP header (RFC 3550 §6.4.1) |
/// |---|---|---|
/// | 0 | 1 | version 2 (2 bits), padding (1), count or format (5) |
/// | 1 | 1 | packet type |
/// | 2 | 2 | length in words, less one |
/// | 4 | | content, then if padding: bytes of which the last tells how many they are |
///
/// RFC 3550 wants padding by a multiple of 4, in the last packet only. Chromium fills up each transport-wide feedback with
/// 1–3 bytes, so neither is asked for.
struct RTCPHeader {
    static let byteCount = 4

    /// Number of report blocks or sources, or the format of a feedback packet: 0–31.
    let format: UInt8
    let type: UInt8
    /// Offsets of what follows the header, without padding.
    let content: Range<Int>
    /// Where the next packet begins.
    let end: Int

    init?(_ compound: Span<UInt8>, at offset: Int) {
        guard offset + Self.byteCount <= compound.count, compound[offset] >> 6 == 2 else { return nil }
        let end = offset + 4 * (Int(compound.uint16(at: offset + 2)) + 1)
        guard end <= compound.count else { return nil }
        var padding = 0
        if compound[offset] & 0x20 != 0 {
            padding = Int(compound[end - 1])
            guard padding > 0, padding <= end - offset - Self.byteCount else { return nil }
        }
        format = compound[offset] & 0x1F
        type = compound[offset + 1]
        content = (offset + Self.byteCount)..<(end - padding)
        self.end = end
    }
}

/// Packet types (RFC 3550 §12.1, RFC 4585 §6.1).
enum RTCPType {
    static let senderReport: UInt8 = 200
    static let receiverReport: UInt8 = 201
    static let sourceDescription: UInt8 = 202
    static let goodbye: UInt8 = 203
    static let transportFeedback: UInt8 = 205
    static let payloadFeedback: UInt8 = 206
}

/// The formats of feedback packets (RFC 4585 §6.2, §6.3, RFC 5104 §4.3).
enum RTCPFormat {
    /// With ``RTCPType/transportFeedback``.
    static let nack: UInt8 = 1
    /// With ``RTCPType/payloadFeedback``.
    static let pictureLoss: UInt8 = 1
    /// With ``RTCPType/payloadFeedback``.
    static let fullIntra: UInt8 = 4
}

extension RTCPPacket {
    private static func read(_ header: RTCPHeader, _ content: Span<UInt8>, _ body: (RTCPPacket) -> Void) -> Bool {
        switch (header.type, header.format) {
        case (RTCPType.senderReport, let count):
            readSenderReport(content, count: Int(count), body)
        case (RTCPType.receiverReport, let count):
            readReceiverReport(content, count: Int(count), body)
        case (RTCPType.goodbye, let count):
            readGoodbye(content, count: Int(count), body)
        case (RTCPType.transportFeedback, RTCPFormat.nack):
            readNack(content, body)
        case (RTCPType.payloadFeedback, RTCPFormat.pictureLoss):
            readPictureLoss(content, body)
        case (RTCPType.payloadFeedback, RTCPFormat.fullIntra):
            readFullIntra(content, body)
        default:
            give(.other(type: header.type, format: header.format), to: body)
        }
    }

    private static func give(_ packet: RTCPPacket, to body: (RTCPPacket) -> Void) -> Bool {
        body(packet)
        return true
    }

    /// | offset | size | sender report after the header (RFC 3550 §6.4.1) |
    /// |---|---|---|
    /// | 0 | 4 | SSRC of the sender |
    /// | 4 | 8 | NTP time |
    /// | 12 | 4 | RTP timestamp |
    /// | 16 | 4 | packets sent |
    /// | 20 | 4 | bytes of payload sent |
    /// | 24 | 24 each | report blocks, then extensions of a profile |
    private static func readSenderReport(_ content: Span<UInt8>, count: Int, _ body: (RTCPPacket) -> Void) -> Bool {
        guard let reports = reportBlocks(in: content, at: 24, count: count) else { return false }
        return give(
            .senderReport(
                ssrc: content.uint32(at: 0), ntp: content.uint64(at: 4), rtpTimestamp: content.uint32(at: 12),
                packetCount: content.uint32(at: 16), byteCount: content.uint32(at: 20), reports: reports),
            to: body)
    }

    /// SSRC of the receiver (4 bytes), report blocks, extensions of a profile (RFC 3550 §6.4.2).
    private static func readReceiverReport(_ content: Span<UInt8>, count: Int, _ body: (RTCPPacket) -> Void) -> Bool {
        guard let reports = reportBlocks(in: content, at: 4, count: count) else { return false }
        return give(.receiverReport(ssrc: content.uint32(at: 0), reports: reports), to: body)
    }

    /// `nil` when the content ends before `offset` or before the last block.
    private static func reportBlocks(in content: Span<UInt8>, at offset: Int, count: Int) -> [ReportBlock]? {
        guard content.count >= offset + count * ReportBlock.byteCount else { return nil }
        var blocks: [ReportBlock] = []
        blocks.reserveCapacity(count)
        for index in 0..<count { blocks.append(ReportBlock(content, at: offset + index * ReportBlock.byteCount)) }
        return blocks
    }

    /// SSRCs (4 bytes each), then perhaps a reason, which is not read (RFC 3550 §6.6).
    private static func readGoodbye(_ content: Span<UInt8>, count: Int, _ body: (RTCPPacket) -> Void) -> Bool {
        guard content.count >= 4 * count else { return false }
        var ssrcs: [UInt32] = []
        for index in 0..<count { ssrcs.append(content.uint32(at: 4 * index)) }
        return give(.bye(ssrcs: ssrcs), to: body)
    }

    /// | offset | size | generic NACK after the header (RFC 4585 §6.2.1) |
    /// |---|---|---|
    /// | 0 | 4 | SSRC of the sender of this packet |
    /// | 4 | 4 | SSRC of the media source |
    /// | 8 | 2 | PID: a lost packet |
    /// | 10 | 2 | BLP: bit i (the lowest is 0) says that PID + i + 1 is lost too |
    /// | 12 | 4 each | more such pairs |
    private static func readNack(_ content: Span<UInt8>, _ body: (RTCPPacket) -> Void) -> Bool {
        guard content.count >= 12 else { return false }
        var numbers: [UInt16] = []
        for offset in stride(from: 8, through: content.count - 4, by: 4) {
            let first = content.uint16(at: offset)
            numbers.append(first)
            var mask = content.uint16(at: offset + 2)
            var number = first
            while mask != 0 {
                number &+= 1
                if mask & 1 != 0 { numbers.append(number) }
                mask >>= 1
            }
        }
        return give(
            .nack(sender: content.uint32(at: 0), media: content.uint32(at: 4), sequenceNumbers: numbers), to: body)
    }

    /// SSRC of the sender of this packet, SSRC of the media source (RFC 4585 §6.3.1).
    private static func readPictureLoss(_ content: Span<UInt8>, _ body: (RTCPPacket) -> Void) -> Bool {
        guard content.count >= 8 else { return false }
        return give(.pictureLoss(sender: content.uint32(at: 0), media: content.uint32(at: 4)), to: body)
    }

    /// | offset | size | full intra request after the header (RFC 5104 §4.3.1) |
    /// |---|---|---|
    /// | 0 | 4 | SSRC of the sender of this packet |
    /// | 4 | 4 | 0 |
    /// | 8 | 4 | SSRC of the media source |
    /// | 12 | 1 | number of the request |
    /// | 13 | 3 | 0 |
    /// | 16 | 8 each | more such entries |
    private static func readFullIntra(_ content: Span<UInt8>, _ body: (RTCPPacket) -> Void) -> Bool {
        guard content.count >= 16, content.count % 8 == 0 else { return false }
        for offset in stride(from: 8, to: content.count, by: 8) {
            body(.fullIntra(sender: content.uint32(at: 0), media: content.uint32(at: offset)))
        }
        return true
    }
}
