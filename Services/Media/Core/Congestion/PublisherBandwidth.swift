package import MediaSecurity

/// What a publisher without transport-wide feedback is told it may send (REMB), by what arrives and what is lost of it.
/// Without it a browser never begins its larger layers. Owned by the participant.
package struct PublisherBandwidth: Sendable {
    /// In bits/s, until something is known: enough for a browser to begin its middle layer.
    package static let start = 1_000_000
    /// How far above what arrives it is told it may go, so that it can begin the next layer.
    package static let headroom = 3.0
    /// Between two estimates that are much the same.
    package static let interval = Duration.seconds(1)
    /// A change by this share is told at once.
    package static let change = 0.05
    /// Loss is judged over at least this time, and this many packets.
    private static let window = Duration.milliseconds(500)
    private static let leastPacketCount = 20

    private var estimate = Double(Self.start)
    private var byteCount = 0
    private var received = 0
    private var lost = 0
    private var since: MediaTime?
    private var told: (bitrate: Double, time: MediaTime)?

    /// Nothing arrived yet.
    package init() {}

    /// What the publisher may send, in bits/s.
    package var bitrate: Int { Int(estimate) }

    /// A packet arrived, or some were found missing.
    package mutating func receive(byteCount: Int, lostCount: Int = 0, now: MediaTime) {
        if since == nil { since = now }
        self.byteCount += byteCount
        received += byteCount > 0 ? 1 : 0
        lost += lostCount
        guard let since, now - since >= Self.window, received + lost >= Self.leastPacketCount else { return }
        judge((now - since) / .seconds(1))
        (self.byteCount, received, lost, self.since) = (0, 0, 0, now)
    }

    /// What to write into an estimate now; `nil` while there is no need.
    ///
    /// - Parameter wanted: the most that anyone would take of this publisher, in bits/s.
    package mutating func due(wanted: Int, now: MediaTime) -> Int? {
        let next = max(min(estimate, Double(wanted)), Double(BandwidthEstimator.minimum))
        if let told, now - told.time < Self.interval, abs(next - told.bitrate) < Self.change * told.bitrate {
            return nil
        }
        told = (next, now)
        return Int(next)
    }

    private mutating func judge(_ seconds: Double) {
        let arriving = Double(byteCount) * 8 / seconds
        let loss = Double(lost) / Double(lost + received)
        if loss > LossBound.fallsAbove {
            estimate = max(min(estimate, arriving / (1 - loss)) * (1 - loss / 2), Double(BandwidthEstimator.minimum))
        } else if loss < LossBound.risesBelow {
            let risen = estimate * (1 + LossBound.rise * min(seconds, 2))
            estimate = min(max(risen, Self.headroom * arriving), Double(BandwidthEstimator.maximum))
        }
    }
}
