package import MediaSecurity

/// Whether a link cannot carry even the least of the pictures that are seen, so that they should pause to keep sound whole.
/// An estimate alone may be wrong, and a picture that stands still is worse than one that is late: it has to be far too low
/// for a while, and the link has to show that it is full. Owned by the participant.
package struct VideoStarvation: Sendable {
    /// The share of what is needed below which an estimate counts.
    package static let share = 0.5
    /// For how long without a break.
    package static let patience = Duration.seconds(3)
    /// What shows that a link is full: so many packets lost beyond what it always loses, or so long a queue.
    package static let loss = 0.1
    package static let queueDelay = Duration.milliseconds(100)
    /// Where nothing probes the link, the pictures themselves do: after this long without a sign, and each time it was in
    /// vain after twice as long, up to `longestRetry`.
    package static let retry = Duration.seconds(8)
    package static let longestRetry = Duration.seconds(64)
    /// A sign stands for so long.
    package static let signHold = Duration.seconds(1)

    private var since: MediaTime?
    private var lastSign: MediaTime?
    private var starvedAt: MediaTime?
    private var nextRetry = VideoStarvation.retry
    /// Whether pictures get no more than the estimate has room for, be it nothing.
    package private(set) var isStarved = false

    /// A link that carries what is needed.
    package init() {}

    /// Looks again.
    /// - Parameters:
    ///   - budget: what may be sent, in bits/s.
    ///   - need: sound and the least of all pictures that are seen, in bits/s.
    ///   - loss: the share of packets lost beyond what the link always loses.
    ///   - isProbed: whether padding finds out when there is room again.
    /// - Returns: ``isStarved``.
    package mutating func update(
        budget: Int, need: Int, loss: Double, queueDelay: Duration, isProbed: Bool = true, now: MediaTime
    ) -> Bool {
        if loss >= Self.loss || queueDelay >= Self.queueDelay { lastSign = now }
        if budget >= need { nextRetry = Self.retry }
        if isStarved {
            isStarved = budget < need
            since = nil
            if isStarved, !isProbed { tryAgain(now: now) }
            return isStarved
        }
        let hasSign = lastSign.map { now < $0 + Self.signHold } ?? false
        guard hasSign, Double(budget) < Self.share * Double(need) else {
            since = nil
            return false
        }
        let begin = since ?? now
        since = begin
        isStarved = now >= begin + Self.patience
        if isStarved { starvedAt = now }
        return isStarved
    }

    private mutating func tryAgain(now: MediaTime) {
        guard let starvedAt, now >= max(starvedAt, lastSign ?? starvedAt) + nextRetry else { return }
        isStarved = false
        nextRetry = min(nextRetry * 2, Self.longestRetry)
    }
}
