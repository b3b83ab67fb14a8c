package import MediaSecurity

/// Everything that decides how much is sent to one receiver with transport-wide feedback: history, estimator, prober and
/// pacer, joined. Owned by the participant; pure, and no allocation per packet.
///
/// 1. Before a packet leaves, ``sent(_:byteCount:now:)`` gives the number to write into it.
/// 2. Every compound of RTCP goes through ``receive(_:now:)``.
/// 3. At ``due(after:)``, and at least every 100 ms, ``advance(now:)`` tells how much padding should leave now.
/// 4. ``LayerAllocator`` divides ``mediaBudget``; what it would take if there were no limit is written to ``wanted``.
package struct CongestionController: Sendable {
    /// Between two calls of ``advance(now:)`` at most.
    package static let tick = Duration.milliseconds(100)
    /// Between two moments at which video that waits leaves.
    package static let step = Duration.milliseconds(5)
    /// The most padding to send at once.
    package static let paddingByteCount = 12_000
    /// How much of what may be sent is kept for retransmissions at most.
    private static let retransmissionLimit = 0.35

    /// How many packets one compound may tell of; what is beyond is passed over, since a few bytes could cost much time.
    private static let statusLimit = 2 * TransportFeedback.packetLimit

    /// What would be sent if the link carried everything, in bits/s, audio included. The prober looks for no more.
    package var wanted = 0
    private var history = SendHistory()
    private var estimator: BandwidthEstimator
    private var prober = Prober()
    private var pacer = Pacer()

    /// Knows nothing yet.
    /// - Parameter start: what may be sent until something is known, in bits/s.
    package init(start: Int = BandwidthEstimator.start) { estimator = BandwidthEstimator(start: start) }

    /// What may be sent altogether, in bits/s.
    package var target: Int { estimator.target }

    /// What of ``target`` is for audio and video; the rest is kept to send again what the link loses.
    package var mediaBudget: Int {
        Int(Double(target) * (1 - min(estimator.ownLoss, Self.retransmissionLimit)))
    }

    /// For reports: what was delivered lately in bits/s, the share of packets lost, what waits in queues, and the time there
    /// and back.
    package var deliveredBitrate: Int? { estimator.deliveredBitrate }
    package var loss: Double { estimator.ownLoss + estimator.excessLoss }
    /// The share of packets lost beyond what the link always loses.
    package var excessLoss: Double { estimator.excessLoss }
    package var queueDelay: Duration { estimator.queueDelay }
    package var roundTrip: Duration? { history.roundTrip }

    /// A packet leaves now.
    ///
    /// - Parameter byteCount: with all headers of RTP.
    /// - Returns: its transport-wide sequence number.
    package mutating func sent(_ kind: SentKind, byteCount: Int, now: MediaTime) -> UInt16 {
        pacer.sent(kind, byteCount: byteCount, link, now: now)
        estimator.sent(now: now)
        let cluster = prober.active
        prober.sent(byteCount: byteCount, now: now)
        return history.sent(byteCount: byteCount, now: now, isProbe: cluster)
    }

    /// How long something has to wait from now on, by ``Pacer/wait(for:_:now:)``.
    package func wait(for kind: SentKind, now: MediaTime) -> Duration {
        pacer.wait(for: kind, link, now: now)
    }

    private var link: Pacer.Link { Pacer.Link(target: target, capacity: estimator.capacityBitrate) }

    /// Whether a packet of video may leave now; if not, it waits, and all that comes behind it.
    @inline(__always)
    package func hasRoom(now: MediaTime) -> Bool { pacer.hasRoom(link, now: now) }

    /// A packet of video begins to wait.
    ///
    /// - Parameter waitingByteCount: of all that wait now, this one included.
    package mutating func keepBack(waitingByteCount: Int, now: MediaTime) {
        pacer.keepBack(waitingByteCount: waitingByteCount, link, now: now)
    }

    /// No packet waits any more.
    package mutating func noneWaits(now: MediaTime) { pacer.noneWaits(link, now: now) }

    /// RTCP came. Reads transport-wide feedback and receiver's estimates; the rest is not looked at.
    ///
    /// - Returns: whether there was feedback in it, and so the target may be another.
    @discardableResult
    package mutating func receive(_ compound: Span<UInt8>, now: MediaTime) -> Bool {
        let hasFeedback = Self.read(compound, &history, &estimator, &prober, now: now)
        if hasFeedback { probe(now: now) }
        return hasFeedback
    }

    /// Apart from `self`, because the parts are changed while others are being called.
    private static func read(
        _ compound: Span<UInt8>, _ history: inout SendHistory, _ estimator: inout BandwidthEstimator,
        _ prober: inout Prober, now: MediaTime
    ) -> Bool {
        var hasFeedback = false
        var rest = Self.statusLimit
        TransportFeedback.forEach(in: compound) { feedback in
            guard feedback.packetCount <= rest else { return }
            rest -= feedback.packetCount
            hasFeedback = true
            let gap = history.receive(feedback, in: compound, now: now) { result in
                estimator.receive(result)
                prober.receive(result)
            }
            if let gap { estimator.receive(gap) }
            estimator.update(now: now, roundTrip: history.roundTrip)
        }
        ReceiverEstimate.forEach(in: compound) { estimator.receive($0) }
        return hasFeedback
    }

    /// Time passes.
    ///
    /// - Returns: how many bytes of padding should leave now, headers of RTP included; 0 most of the time.
    package mutating func advance(now: MediaTime) -> Int {
        estimator.advance(now: now)
        probe(now: now)
        return min(prober.padding(now: now), Self.paddingByteCount)
    }

    /// When ``advance(now:)`` has something to do again.
    package func due(after now: MediaTime) -> MediaTime {
        let latest = now + Self.tick
        return min(prober.due(after: now).map { max($0, now + .milliseconds(1)) } ?? latest, latest)
    }

    private mutating func probe(now: MediaTime) {
        let decreases = estimator.decreaseCount
        if decreases != seenDecreases {
            seenDecreases = decreases
            prober.reset(now: now)
        }
        let kept = 1 - min(estimator.ownLoss, Self.retransmissionLimit)
        let result = prober.update(
            target: target, wanted: Int(Double(wanted) / kept), jitter: estimator.jitter, ownLoss: estimator.ownLoss,
            isQuiet: estimator.queueDelay < Self.quietDelay + estimator.jitter * 2, now: now)
        if let result { estimator.receive(result, now: now) }
    }

    /// Queues shorter than this do not disturb a probe.
    private static let quietDelay = Duration.milliseconds(40)
    private var seenDecreases = 0
}
