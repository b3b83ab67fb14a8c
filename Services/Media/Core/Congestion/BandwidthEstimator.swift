package import MediaSecurity

/// How much may be sent to a receiver that gives transport-wide feedback: what the growth of delay allows (additive increase,
/// multiplicative decrease; draft-ietf-rmcat-gcc-02 §5), and no more than loss allows (``LossBound``). A sender with layers
/// rarely sends as much as it may, so time alone raises the estimate only a little above what is in fact sent; the rest has to
/// be measured by the ``Prober``. Owned by what sends; no clock, no allocation per packet.
package struct BandwidthEstimator: Sendable {
    /// All rates are in bits/s.
    package static let minimum = 50_000
    package static let maximum = 30_000_000
    package static let start = 500_000
    /// What is left of the delivered bitrate when a queue grows.
    package static let decrease = 0.85
    /// Of the target per second, while the capacity is unknown.
    package static let multiplicativeIncrease = 0.08
    /// How far time alone raises the target above what is delivered.
    package static let unprobedHeadroom = 1.15
    /// What of a rate at which the link was seen full is used.
    package static let probedShare = 0.95
    /// Without feedback for so long, and a round trip, the target halves; and again as often as it passes.
    package static let feedbackTimeout = Duration.milliseconds(1_500)
    /// Of queueing, in ms, from which on delivered bitrate is the link's capacity rather than what we chose to send.
    private static let backlogDelay = 40.0
    /// Of the target; who sends less does so because there is no more to send.
    private static let limitedShare = 0.92
    /// A queue of our own bursts is no longer than this, in ms, and lasts no longer than the time below.
    private static let burstDelay = 100.0
    private static let burstPatience = Duration.milliseconds(250)
    /// Of what is delivered; a target below it is low enough for a queue to drain.
    private static let drainingShare = 0.92
    /// A delay that is so much, in ms, above the least is a queue even if it does not grow; so many decreases should end it.
    private static let standingDelay = 200.0
    private static let standingLimit = 3
    /// The same, if packets are lost too.
    private static let fullDelay = 60.0
    /// What one decrease leaves at least: after a burst of loss hardly anything seems to arrive.
    private static let steepestDecrease = 0.3
    /// Between two decreases at least.
    private static let decreaseInterval = Duration.milliseconds(200)

    private var trend = DelayTrend()
    private var delivered = DeliveredBitrate()
    private var loss = LossBound()
    private var delayBased: Double
    /// Mean and mean deviation of what was delivered when the link was full.
    private var capacity: (mean: Double, deviation: Double)?
    /// What the last probe measured, if that was less than the target.
    private var doubt: Double?
    private var sawOver = false
    private var overSince: MediaTime?
    private var standingCount = 0
    private var roundTrip = Duration.milliseconds(200)
    private var lastUpdate: MediaTime?
    private var lastDecrease: MediaTime?
    private var firstUnanswered: MediaTime?
    private var receiverBitrate = Int.max
    /// How often the target fell because of delay.
    package private(set) var decreaseCount = 0

    /// - Parameter start: the target until something is known.
    package init(start: Int = Self.start) { delayBased = Double(start) }

    /// What may be sent altogether, all headers of RTP included.
    package var target: Int {
        let bound = min(Int(delayBased), loss.bitrate ?? Int.max, receiverBitrate)
        return min(max(bound, Self.minimum), Self.maximum)
    }

    /// What was delivered in the mean when the link was full, in bits/s; `nil` if it never was, or carries more by now.
    package var capacityBitrate: Double? { capacity?.mean }

    /// What arrived in the last half second; `nil` if that is not known.
    package var deliveredBitrate: Int? { delivered.bitrate }

    /// The share of packets the link loses however little is sent, 0–0.45.
    package var ownLoss: Double { loss.own }

    /// The share of packets lost beyond ``ownLoss`` in the last half second or more.
    package var excessLoss: Double { loss.excess }

    /// What the last packets waited in queues on the way.
    package var queueDelay: Duration { .microseconds(Int64(trend.queueDelay * 1_000)) }

    /// By how much the delay differs from burst to burst, in the mean.
    package var jitter: Duration { .microseconds(Int64(trend.jitter * 1_000)) }

    /// Whether a queue grows now.
    package var isOverused: Bool { trend.usage == .over }

    /// A packet leaves: if nothing is heard in the time that follows, the way there or back is broken.
    package mutating func sent(now: MediaTime) {
        if firstUnanswered == nil { firstUnanswered = now }
    }

    /// A packet was reported on. ``update(now:roundTrip:)`` follows after the last of a feedback.
    package mutating func receive(_ result: PacketResult) {
        loss.receive(result)
        guard let arrival = result.arrival else { return }
        delivered.receive(byteCount: result.byteCount, arrival: arrival)
        guard result.cluster == nil else { return trend.receiveProbe(sent: result.sent, arrival: arrival) }
        trend.receive(sent: result.sent, arrival: arrival)
        if trend.usage == .over { sawOver = true }
    }

    /// Feedback was lost: what became of some packets is not known, but most will have arrived.
    package mutating func receive(_ gap: FeedbackGap) {
        let byteCount = Double(gap.byteCount) * (1 - loss.own)
        delivered.receive(byteCount: Int(byteCount), from: gap.from, to: gap.to)
    }

    /// All packets of a feedback were given.
    ///
    /// - Parameter roundTrip: ``SendHistory/roundTrip``.
    package mutating func update(now: MediaTime, roundTrip: Duration?) {
        if let roundTrip { self.roundTrip = roundTrip }
        let elapsed = min(now - (lastUpdate ?? now), .seconds(1)) / .seconds(1)
        (lastUpdate, firstUnanswered) = (now, nil)
        loss.update(
            now: now, roundTrip: self.roundTrip, isQueueing: trend.queueDelay > Self.backlogDelay + 2 * trend.jitter,
            ceiling: Self.unprobedHeadroom * (carried ?? 0))
        let isOver = (sawOver || isQueueStanding) && trend.usage != .under
        sawOver = false
        overSince = isOver ? overSince ?? now : nil
        if isOver {
            fall(now: now)
        } else if trend.usage == .normal, !loss.isHolding {
            rise(elapsed)
        }
    }

    /// A cluster of packets was sent at one rate and arrived at another.
    package mutating func receive(_ probe: ProbeResult, now: MediaTime) {
        let measured = Double(min(probe.sentBitrate, probe.receivedBitrate))
        if probe.isLinkFull { noteCapacity(Double(probe.receivedBitrate)) }
        let usable = probe.isLinkFull ? measured * Self.probedShare : measured
        if probe.isLinkFull, usable < Self.drainingShare * Double(target) {
            // The target was never true, or is no longer, if two say so; but what is carried is carried.
            if let doubt { delayBased = max(usable, doubt, min(carried ?? usable, Double(target))) }
            doubt = doubt == nil ? usable : nil
            return
        }
        doubt = nil
        guard usable > Double(target) else { return }
        delayBased = max(delayBased, min(usable, Double(Self.maximum)))
        loss.raise(to: Int(usable))
        if let capacity, usable > capacity.mean + 3 * capacity.deviation { self.capacity = nil }
    }

    /// What the receiver says it can take (REMB).
    package mutating func receive(_ estimate: ReceiverEstimate) { receiverBitrate = estimate.bitrate }

    /// Time passes: call it at least twice a second.
    package mutating func advance(now: MediaTime) {
        guard let since = firstUnanswered, now - since > Self.feedbackTimeout + roundTrip else { return }
        firstUnanswered = now
        delayBased = max(Double(target) / 2, Double(Self.minimum))
    }

    /// What is delivered, and what the link loses of itself: so much was sent and did no harm.
    private var carried: Double? { delivered.bitrate.map { Double($0) / (1 - loss.own) } }

    private mutating func fall(now: MediaTime) {
        let carried = self.carried ?? Double(target)
        // It fell already below what still arrives: the queue is draining.
        guard Double(target) >= Self.drainingShare * carried else { return }
        let isLimited = carried < Self.limitedShare * Double(target)
        if isLimited, trend.queueDelay < Self.burstDelay {
            // We send less than we might, and yet a queue grows: if a burst of our own made it, it is gone in a moment.
            guard let overSince, now - overSince >= Self.burstPatience else { return }
        }
        if let lastDecrease, now - lastDecrease < max(Self.decreaseInterval, min(roundTrip, .seconds(1))) { return }
        let peak = delivered.peakBitrate.map { Double($0) / (1 - loss.own) } ?? 0
        let sample = max(carried, peak)
        if !isLimited { noteCapacity(sample) }
        let factor = isLimited ? Self.probedShare : Self.decrease
        let next = max(factor * min(sample, Double(target)), Self.steepestDecrease * Double(target))
        delayBased = max(next, Double(Self.minimum))
        lastDecrease = now
        decreaseCount += 1
        doubtFloor()
    }

    /// A queue that is full grows no more, and yet is one: it is very long, or long and loses packets.
    private var isQueueStanding: Bool {
        trend.queueDelay > Self.standingDelay + 4 * trend.jitter
            || loss.isHolding && trend.queueDelay > Self.fullDelay + 4 * trend.jitter
    }

    /// A delay that stays however little is sent is no queue, but another route.
    private mutating func doubtFloor() {
        standingCount = isQueueStanding && trend.usage == .normal ? standingCount + 1 : 0
        guard standingCount > Self.standingLimit else { return }
        trend.forgetFloor()
        standingCount = 0
    }

    private mutating func rise(_ seconds: Double) {
        guard let carried, Double(target) < Self.unprobedHeadroom * carried else { return }
        if let known = capacity, carried > known.mean + 3 * known.deviation { capacity = nil }
        let step: Double
        if capacity == nil {
            step = max(Self.multiplicativeIncrease * delayBased * seconds, 100)
        } else {
            // A packet more in each time it takes to learn about it.
            let response = roundTrip / .seconds(1) + 0.1
            step = max(1_200 * 8 / response, 0.02 * delayBased) * seconds
        }
        delayBased = min(delayBased + step, max(delayBased, Self.unprobedHeadroom * carried), Double(Self.maximum))
    }

    private mutating func noteCapacity(_ sample: Double) {
        guard let known = capacity else {
            capacity = (sample, 0.08 * sample)
            return
        }
        let mean = known.mean + 0.2 * (sample - known.mean)
        let deviation = known.deviation + 0.2 * (abs(sample - mean) - known.deviation)
        capacity = (mean, max(deviation, 0.03 * mean))
    }
}
