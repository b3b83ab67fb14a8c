package import MediaSecurity

/// What a receiver's reports tell of loss, taken together over its streams by how many packets each had: some send one
/// report for all, others one for each stream, and a stream of few packets says little. Owned by what sends.
package struct ReportedLoss: Sendable {
    /// The least time that is judged at once: in less there are too few packets.
    package static let interval = Duration.milliseconds(500)

    private var packetCount = 0
    /// In 1/256 of a packet.
    private var lost = 0
    private var sentByteCount = 0
    private var since: MediaTime

    /// - Parameter since: when sending began.
    package init(since: MediaTime) { self.since = since }

    /// A report block came.
    /// - Parameters:
    ///   - fractionLost: of the stream's packets since the report before, in 1/256.
    ///   - packetCount: how many were sent of it since then.
    package mutating func add(fractionLost: UInt8, packetCount: Int) {
        self.packetCount += packetCount
        lost += Int(fractionLost) * packetCount
    }

    /// What was lost of all, in 1/256, and what was sent, in bits/s, since this was last answered; `nil` if that is too short
    /// ago, or nothing was reported on.
    /// - Parameter sentByteCount: since the beginning, over all streams.
    package mutating func take(sentByteCount: Int, now: MediaTime) -> (fractionLost: UInt8, bitrate: Int)? {
        guard packetCount > 0, now >= since + Self.interval else { return nil }
        let bitrate = Double(sentByteCount - self.sentByteCount) * 8 / ((now - since) / .seconds(1))
        let fraction = UInt8(clamping: lost / packetCount)
        (packetCount, lost, self.sentByteCount, since) = (0, 0, sentByteCount, now)
        return (fraction, Int(bitrate))
    }
}
