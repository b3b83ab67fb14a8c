package import MediaSecurity

/// Writes RTCP packets one behind the other into one compound datagram; the layouts are those of ``RTCPPacket``.
///
/// A compound that is not of reduced size begins with a report and has a source description (RFC 3550 §6.1). The writer
/// neither orders packets nor splits datagrams: the caller knows the room there is.
package struct RTCPWriter: Sendable {
    /// What was written since ``removeAll(keepingCapacity:)``.
    package private(set) var bytes: [UInt8] = []

    /// Report blocks that fit in one packet: its count has 5 bits (RFC 3550 §6.4.1).
    private static let reportLimit = 31
    /// The type of the CNAME item in a source description (RFC 3550 §6.5.1).
    private static let cnameItem: UInt8 = 1

    /// Begins with an empty compound.
    package init() {}

    /// Begins anew; with `keepingCapacity` the next compound of this size allocates nothing.
    package mutating func removeAll(keepingCapacity: Bool) {
        bytes.removeAll(keepingCapacity: keepingCapacity)
    }

    /// Appends a sender report; what is beyond 31 report blocks follows in receiver reports (RFC 3550 §6.1).
    /// - Parameters:
    ///   - ntp: the sender's wall clock in 1/2³² s since 1900.
    ///   - rtpTimestamp: the same moment in the stream's ticks.
    ///   - byteCount: of payload, modulo 2³².
    package mutating func senderReport(
        ssrc: UInt32, ntp: UInt64, rtpTimestamp: UInt32, packetCount: UInt32, byteCount: UInt32,
        reports: [ReportBlock] = []
    ) {
        let first = reports.prefix(Self.reportLimit)
        begin(RTCPType.senderReport, format: first.count, byteCount: 24 + first.count * ReportBlock.byteCount)
        bytes.append(bigEndian: ssrc)
        bytes.append(bigEndian: ntp)
        bytes.append(bigEndian: rtpTimestamp)
        bytes.append(bigEndian: packetCount)
        bytes.append(bigEndian: byteCount)
        for report in first { report.append(to: &bytes) }
        if reports.count > first.count { receiverReports(ssrc, reports.dropFirst(first.count)) }
    }

    /// Appends a receiver report, an empty one if there is nothing to report, several if there are more than 31 blocks.
    package mutating func receiverReport(ssrc: UInt32, reports: [ReportBlock]) {
        receiverReports(ssrc, reports[...])
    }

    private mutating func receiverReports(_ ssrc: UInt32, _ reports: ArraySlice<ReportBlock>) {
        var rest = reports
        repeat {
            let part = rest.prefix(Self.reportLimit)
            begin(RTCPType.receiverReport, format: part.count, byteCount: 4 + part.count * ReportBlock.byteCount)
            bytes.append(bigEndian: ssrc)
            for report in part { report.append(to: &bytes) }
            rest = rest.dropFirst(part.count)
        } while !rest.isEmpty
    }

    /// Appends a source description of one source with its canonical name (RFC 3550 §6.5): SSRC, then the item as type (1),
    /// length (1) and text, then 1–4 zeros up to a whole word.
    /// - Parameter cname: at most 255 bytes of UTF-8.
    package mutating func sourceDescription(ssrc: UInt32, cname: String) {
        let text = Array(cname.utf8)
        precondition(text.count <= 255, "a CNAME has at most 255 bytes")
        let chunkByteCount = (4 + 2 + text.count) / 4 * 4 + 4
        begin(RTCPType.sourceDescription, format: 1, byteCount: chunkByteCount)
        let end = bytes.count + chunkByteCount
        bytes.append(bigEndian: ssrc)
        bytes.append(Self.cnameItem)
        bytes.append(UInt8(text.count))
        bytes += text
        bytes += repeatElement(0, count: end - bytes.count)
    }

    /// Appends a generic NACK (RFC 4585 §6.2.1), 17 numbers in 4 bytes at best; nothing if there are no numbers.
    /// - Parameter sequenceNumbers: in the order they were sent, so ascending past the wrap. Others are written too, but take
    ///   more room. At most 65,000.
    package mutating func nack(sender: UInt32, media: UInt32, sequenceNumbers: [UInt16]) {
        precondition(sequenceNumbers.count <= 65_000, "the length of a NACK has 16 bits")
        guard let first = sequenceNumbers.first else { return }
        let start = bytes.count
        begin(RTCPType.transportFeedback, format: Int(RTCPFormat.nack), byteCount: 8)
        bytes.append(bigEndian: sender)
        bytes.append(bigEndian: media)
        var (base, mask) = (first, UInt16(0))
        for number in sequenceNumbers.dropFirst() {
            let distance = number &- base
            if distance == 0 { continue }
            if distance <= 16 {
                mask |= 1 << (distance - 1)
            } else {
                nackEntry(base, mask)
                (base, mask) = (number, 0)
            }
        }
        nackEntry(base, mask)
        bytes.overwrite(UInt16((bytes.count - start) / 4 - 1), at: start + 2)
    }

    private mutating func nackEntry(_ base: UInt16, _ mask: UInt16) {
        bytes.append(bigEndian: base)
        bytes.append(bigEndian: mask)
    }

    /// Appends a picture loss indication (RFC 4585 §6.3.1).
    package mutating func pictureLoss(sender: UInt32, media: UInt32) {
        begin(RTCPType.payloadFeedback, format: Int(RTCPFormat.pictureLoss), byteCount: 8)
        bytes.append(bigEndian: sender)
        bytes.append(bigEndian: media)
    }

    /// Appends a full intra request with one entry (RFC 5104 §4.3.1).
    /// - Parameter number: one more with each request to this source, the same when a request is repeated.
    package mutating func fullIntra(sender: UInt32, media: UInt32, number: UInt8) {
        begin(RTCPType.payloadFeedback, format: Int(RTCPFormat.fullIntra), byteCount: 16)
        bytes.append(bigEndian: sender)
        bytes.append(bigEndian: UInt32(0))
        bytes.append(bigEndian: media)
        bytes.append(bigEndian: UInt32(number) << 24)
    }

    /// Appends feedback on the packets of a transport, if it is due (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    /// - Returns: whether there was any; then there may be more, for a datagram of its own.
    package mutating func transportFeedback(
        of arrivals: inout ArrivalRecorder, sender: UInt32, media: UInt32, now: MediaTime
    ) -> Bool {
        arrivals.write(now: now, sender: sender, media: media, into: &bytes)
    }

    /// Appends how much may be sent to the node (REMB), in bits/s, over all of these streams; at most 255.
    package mutating func receiverEstimate(sender: UInt32, bitrate: Int, ssrcs: [UInt32]) {
        ReceiverEstimate.write(sender: sender, bitrate: bitrate, ssrcs: ssrcs, into: &bytes)
    }

    /// Appends that a source has left (RFC 3550 §6.6).
    package mutating func goodbye(ssrc: UInt32) {
        begin(RTCPType.goodbye, format: 1, byteCount: 4)
        bytes.append(bigEndian: ssrc)
    }

    /// Appends the header of a packet of `byteCount` more bytes, a multiple of 4. Its length in words, less one, is that of
    /// what follows the header.
    private mutating func begin(_ type: UInt8, format: Int, byteCount: Int) {
        bytes.append(0x80 | UInt8(format))
        bytes.append(type)
        bytes.append(bigEndian: UInt16(byteCount / 4))
    }
}
