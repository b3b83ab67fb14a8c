package import MediaSecurity

/// What a receiver report says of one incoming stream (RFC 3550 §6.4.1, appendix A.3 and A.8). Owned by the publication.
package struct ReceptionStatistics {
    private let clockRate: UInt32
    private var unwrapper = SequenceUnwrapper()
    private var firstSequence: Int64?
    package private(set) var highestSequence: Int64 = 0
    package private(set) var receivedCount: Int64 = 0
    private var expectedAtLastReport: Int64 = 0
    private var receivedAtLastReport: Int64 = 0
    private var transit: Int64?
    /// In ticks of the clock, scaled by 16.
    private var scaledJitter: Int64 = 0
    private var lastSenderReport: (middle: UInt32, at: MediaTime)?

    package init(clockRate: UInt32) { self.clockRate = clockRate }

    /// Counts a packet and answers its unwrapped sequence number.
    package mutating func receive(sequenceNumber: UInt16, timestamp: UInt32, now: MediaTime) -> Int64 {
        let sequence = unwrapper.unwrap(sequenceNumber)
        if firstSequence == nil {
            firstSequence = sequence
            highestSequence = sequence
        }
        highestSequence = max(highestSequence, sequence)
        receivedCount += 1
        let arrival = ticks(at: now)
        let newTransit = Int64(Int32(truncatingIfNeeded: arrival &- Int64(timestamp)))
        if let transit {
            let difference = abs(Int64(Int32(truncatingIfNeeded: newTransit - transit)))
            scaledJitter += difference - ((scaledJitter + 8) >> 4)
        }
        transit = newTransit
        return sequence
    }

    /// Packets that have not arrived, whether or not they were sent again in another stream.
    package var lostCount: Int64 { max(0, firstSequence.map { highestSequence - $0 + 1 - receivedCount } ?? 0) }

    /// How unevenly packets arrive (RFC 3550 §6.4.1).
    package var jitterMilliseconds: Double { Double(scaledJitter) / 16 / Double(clockRate) * 1000 }

    /// The unwrapped number of a packet that was sent again in another stream: it counts as lost in this one
    /// (RFC 4588 §4).
    package mutating func unwrap(_ sequenceNumber: UInt16) -> Int64 { unwrapper.unwrap(sequenceNumber) }

    /// The time in ticks of the stream's clock; whole seconds apart, so that no uptime makes it overflow.
    private func ticks(at time: MediaTime) -> Int64 {
        let (seconds, rest) = time.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return seconds * Int64(clockRate) + rest * Int64(clockRate) / 1_000_000_000
    }

    package mutating func receiveSenderReport(ntp: UInt64, now: MediaTime) {
        lastSenderReport = (UInt32(truncatingIfNeeded: ntp >> 16), now)
    }

    /// The block about this stream, and the start of the next interval; `nil` before the first packet.
    package mutating func report(ssrc: UInt32, now: MediaTime) -> ReportBlock? {
        guard let firstSequence else { return nil }
        let expected = highestSequence - firstSequence + 1
        let expectedNow = expected - expectedAtLastReport
        let lostNow = expectedNow - (receivedCount - receivedAtLastReport)
        expectedAtLastReport = expected
        receivedAtLastReport = receivedCount
        let fraction = expectedNow > 0 && lostNow > 0 ? min(255, lostNow * 256 / expectedNow) : 0
        let delay = lastSenderReport.map { (now.nanoseconds - $0.at.nanoseconds) / 1_000_000 * 65_536 / 1000 } ?? 0
        return ReportBlock(
            ssrc: ssrc, fractionLost: UInt8(fraction),
            cumulativeLost: Int32(max(-0x80_0000, min(0x7F_FFFF, expected - receivedCount))),
            extendedHighestSequence: UInt32(truncatingIfNeeded: highestSequence),
            jitter: UInt32(truncatingIfNeeded: scaledJitter >> 4),
            lastSenderReport: lastSenderReport?.middle ?? 0,
            delaySinceLastSenderReport: UInt32(truncatingIfNeeded: delay))
    }
}
