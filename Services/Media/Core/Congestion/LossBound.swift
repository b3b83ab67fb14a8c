import MediaSecurity

/// A bound on what to send, from loss: below 2 % it rises, above 10 % it falls to what arrives, between it stays
/// (draft-ietf-rmcat-gcc-02 §6). Loss that remains as it was when much less is sent is the link's own, by radio and the like;
/// it is learned and subtracted, so that it does not push the bound down again and again. Part of the
/// ``BandwidthEstimator``.
struct LossBound: Sendable {
    static let risesBelow = 0.02
    static let fallsAbove = 0.10
    /// Of the bound, per second.
    static let rise = 0.08
    /// The most that can be thought the link's own.
    static let ownLimit = 0.45
    private static let interval = Duration.milliseconds(500)
    private static let longestInterval = Duration.seconds(2)
    private static let leastPacketCount = 40

    /// In bits/s, `nil` while loss bounds nothing.
    private(set) var bitrate: Int?
    /// The share of packets that the link loses however little is sent.
    private(set) var own = 0.0
    /// The share of packets lost in the last interval beyond what the link loses anyway.
    private(set) var excess = 0.0

    /// Whether loss is too high for the rate to rise.
    private(set) var isHolding = false
    /// What of ``own`` a trial has shown. No more than `supposed` is believed without one, or else loss of a short queue
    /// would be taken for the link's own bit by bit.
    private var proven = 0.0
    private static let supposed = 0.08
    /// Of the loss that should have gone away; what stays beyond it was not of our making.
    private static let unmoved = 0.75
    private var expected = 0
    private var lost = 0
    private var byteCount = 0
    private var since: MediaTime?
    private var wasHigh = false
    /// What was sent, in bits/s, when the bound fell, the excess then, and from when on the less that is sent shows.
    private var trial: (bitrate: Double, excess: Double, loss: Double, from: MediaTime)?

    mutating func receive(_ result: PacketResult) {
        if result.wasReportedLost {
            if lost > 0 { lost -= 1 }
            return
        }
        expected += 1
        byteCount += result.byteCount
        if result.arrival == nil { lost += 1 }
    }

    /// A feedback is done.
    ///
    /// - Parameters:
    ///   - isQueueing: whether delay says that there is a queue, and so that loss may be of our making.
    ///   - ceiling: how far the bound may rise by time alone, in bits/s.
    mutating func update(now: MediaTime, roundTrip: Duration, isQueueing: Bool, ceiling: Double) {
        guard let since else {
            self.since = now
            return
        }
        let elapsed = now - since
        guard elapsed >= Self.interval, expected >= Self.leastPacketCount || elapsed >= Self.longestInterval else {
            return
        }
        if expected >= Self.leastPacketCount / 4 {
            judge(elapsed / .seconds(1), now: now, roundTrip: roundTrip, isQueueing: isQueueing, ceiling: ceiling)
        }
        (expected, lost, byteCount, self.since) = (0, 0, 0, now)
    }

    /// A probe measured so much: loss bounds nothing below it.
    mutating func raise(to measured: Int) {
        if let bitrate, bitrate < measured { self.bitrate = measured }
    }

    private mutating func judge(
        _ seconds: Double, now: MediaTime, roundTrip: Duration, isQueueing: Bool, ceiling: Double
    ) {
        let sent = Double(byteCount) * 8 / seconds
        let loss = Double(lost) / Double(expected)
        if let trial, now >= trial.from {
            self.trial = nil
            // What a full queue drops says nothing about the link.
            if !isQueueing { conclude(trial, sent: sent, loss: loss) }
        }
        excess = max(0, (loss - own) / (1 - own))
        let isHigh = isLoss(loss, above: Self.fallsAbove)
        isHolding = isLoss(loss, above: Self.risesBelow)
        if isHigh {
            // One interval may be a burst that passes.
            if wasHigh, trial == nil { fall(sent: sent, loss: loss, now: now, roundTrip: roundTrip) }
        } else {
            // Learned slowly when a little more, and quickly when less; the first only while nothing of ours queues.
            if loss < own { own += 0.3 * (loss - own) } else if !isQueueing { own += 0.05 * (loss - own) }
            proven = min(proven, own)
            own = min(own, proven + Self.supposed, Self.ownLimit)
            if !isHolding, let bound = bitrate, Double(bound) < ceiling {
                let risen = Double(bound) * (1 + Self.rise * seconds) + 1_000
                bitrate = risen < Double(BandwidthEstimator.maximum) ? Int(risen) : nil
            }
        }
        wasHigh = isHigh
    }

    /// Whether more is lost than `share` beyond the link's own. One standard deviation of what chance adds counts for nothing.
    private func isLoss(_ loss: Double, above share: Double) -> Bool {
        let beyond = loss - own - share * (1 - own)
        return beyond > 0 && beyond * beyond > own * (1 - own) / Double(expected)
    }

    private mutating func fall(sent: Double, loss: Double, now: MediaTime, roundTrip: Duration) {
        let arriving = sent * (1 - excess)
        bitrate = Int(min(Double(bitrate ?? Int.max), arriving))
        trial = (sent, excess, loss, now + roundTrip + Self.interval)
    }

    /// Whether sending less has lowered the loss by less than a quarter of what it had to if a full link made it.
    private mutating func conclude(
        _ trial: (bitrate: Double, excess: Double, loss: Double, from: MediaTime), sent: Double, loss: Double
    ) {
        guard sent < 0.92 * trial.bitrate else { return }
        let capacity = trial.bitrate * (1 - trial.excess)
        let predicted = own + (1 - own) * max(0, 1 - capacity / sent)
        guard loss > predicted + Self.unmoved * (trial.loss - predicted) else { return }
        own = min(min(loss, trial.loss), Self.ownLimit)
        proven = own
        bitrate = nil
        wasHigh = false
    }
}
