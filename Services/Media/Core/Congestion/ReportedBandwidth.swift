package import MediaSecurity

/// How much may be sent to a receiver without transport-wide feedback: what it says itself (REMB), and what the loss in its
/// receiver reports allows: below 2 % it rises, above 10 % it falls, between it stays (draft-ietf-rmcat-gcc-02 §6). Owned by
/// what sends.
package struct ReportedBandwidth: Sendable {
    /// Between two decreases at least: a report tells of loss that came before the last one took effect.
    package static let decreaseInterval = Duration.seconds(1)
    /// How far it rises above what is sent.
    package static let headroom = 1.5

    /// When there was no loss for so long it rises whatever is sent: what is sent may be little because it is low.
    package static let patience = Duration.seconds(10)
    /// What a report tells of loss stands for so long: of what is not sent there are no reports.
    package static let reportHold = Duration.seconds(3)

    private var lossBased: Double
    private var loss = 0.0
    private var lastLoss: MediaTime?
    private var receiverBitrate = Int.max
    private var lastReport: MediaTime?
    private var lastDecrease: MediaTime?

    /// - Parameter start: the target until something is known, in bits/s.
    package init(start: Int = BandwidthEstimator.start) { lossBased = Double(start) }

    /// What may be sent altogether, in bits/s.
    package var target: Int {
        min(max(min(Int(lossBased), receiverBitrate), BandwidthEstimator.minimum), BandwidthEstimator.maximum)
    }

    /// The share of packets lost by the last report; 0 when that is too long ago.
    package func loss(now: MediaTime) -> Double {
        lastReport.map { now < $0 + Self.reportHold } ?? false ? loss : 0
    }

    /// Whether it is the receiver's own estimate that bounds it.
    package var isLimitedByReceiver: Bool { Double(receiverBitrate) < lossBased }

    /// What the receiver says it can take. It has measured, so the target may rise there at once.
    package mutating func receive(_ estimate: ReceiverEstimate) {
        receiverBitrate = estimate.bitrate
        let measured = min(estimate.bitrate, BandwidthEstimator.maximum)
        if lastDecrease == nil, Double(measured) > lossBased { lossBased = Double(measured) }
    }

    /// A report block came.
    ///
    /// - Parameters:
    ///   - fractionLost: of all streams the receiver reports on, weighed by their packets, in 1/256.
    ///   - sentBitrate: what was sent since the report before, in bits/s.
    package mutating func receive(fractionLost: UInt8, sentBitrate: Int, now: MediaTime) {
        let elapsed = min(now - (lastReport ?? now), .seconds(5)) / .seconds(1)
        lastReport = now
        loss = Double(fractionLost) / 256
        if loss >= LossBound.risesBelow { lastLoss = now }
        let isQuiet = lastLoss.map { now >= $0 + Self.patience } ?? false
        if loss > LossBound.fallsAbove {
            if let lastDecrease, now - lastDecrease < Self.decreaseInterval { return }
            lastDecrease = now
            let basis = sentBitrate > 0 ? min(lossBased, Self.headroom * Double(sentBitrate)) : lossBased
            lossBased = max(basis * (1 - loss / 2), Double(BandwidthEstimator.minimum))
        } else if loss < LossBound.risesBelow, isQuiet || lossBased < Self.headroom * Double(sentBitrate) {
            lossBased = min(lossBased * (1 + LossBound.rise * elapsed), Double(BandwidthEstimator.maximum))
        }
    }
}
