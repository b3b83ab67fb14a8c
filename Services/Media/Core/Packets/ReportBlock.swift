/// What a receiver tells of one source (RFC 3550 §6.4.1).
///
/// | offset | size | report block |
/// |---|---|---|
/// | 0 | 4 | SSRC of the source |
/// | 4 | 1 | fraction lost |
/// | 5 | 3 | cumulative number lost, signed |
/// | 8 | 4 | extended highest sequence number |
/// | 12 | 4 | jitter |
/// | 16 | 4 | last SR |
/// | 20 | 4 | delay since last SR |
package struct ReportBlock: Hashable, Sendable {
    static let byteCount = 24
    /// The range of ``cumulativeLost``.
    static let cumulativeLostRange: ClosedRange<Int32> = -0x80_0000...0x7F_FFFF

    /// Of the source reported on.
    package let ssrc: UInt32
    /// Of the packets expected since the report before, in 1/256.
    package let fractionLost: UInt8
    /// Packets expected less packets received since the beginning; duplicates can make it negative.
    package let cumulativeLost: Int32
    /// The highest sequence number received in the lower 16 bits, the count of wraps above.
    package let extendedHighestSequence: UInt32
    /// Interarrival jitter in ticks of the RTP timestamp.
    package let jitter: UInt32
    /// The middle 32 bits of the NTP time in the last sender report; 0 when none came.
    package let lastSenderReport: UInt32
    /// From the arrival of that sender report to this one, in 1/65,536 s; 0 when none came.
    package let delaySinceLastSenderReport: UInt32

    /// - Parameter cumulativeLost: held within 24 bits with sign, as the field saturates (RFC 3550 appendix A.3).
    package init(
        ssrc: UInt32, fractionLost: UInt8, cumulativeLost: Int32, extendedHighestSequence: UInt32, jitter: UInt32,
        lastSenderReport: UInt32, delaySinceLastSenderReport: UInt32
    ) {
        self.ssrc = ssrc
        self.fractionLost = fractionLost
        let range = Self.cumulativeLostRange
        self.cumulativeLost = min(max(cumulativeLost, range.lowerBound), range.upperBound)
        self.extendedHighestSequence = extendedHighestSequence
        self.jitter = jitter
        self.lastSenderReport = lastSenderReport
        self.delaySinceLastSenderReport = delaySinceLastSenderReport
    }

    /// Reads the block at `offset`, where ``byteCount`` bytes exist.
    init(_ packet: Span<UInt8>, at offset: Int) {
        ssrc = packet.uint32(at: offset)
        fractionLost = packet[offset + 4]
        // Shifted to the top and back, so that the sign fills the upper byte.
        cumulativeLost = Int32(bitPattern: packet.uint24(at: offset + 5) << 8) >> 8
        extendedHighestSequence = packet.uint32(at: offset + 8)
        jitter = packet.uint32(at: offset + 12)
        lastSenderReport = packet.uint32(at: offset + 16)
        delaySinceLastSenderReport = packet.uint32(at: offset + 20)
    }

    func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: ssrc)
        bytes.append(bigEndian: UInt32(fractionLost) << 24 | UInt32(bitPattern: cumulativeLost) & 0xFF_FFFF)
        bytes.append(bigEndian: extendedHighestSequence)
        bytes.append(bigEndian: jitter)
        bytes.append(bigEndian: lastSenderReport)
        bytes.append(bigEndian: delaySinceLastSenderReport)
    }
}
