package import MediaSecurity

/// What is sent to a receiver, the most urgent first.
package enum SentKind: UInt8, Sendable {
    case audio, retransmission, video, padding
}

/// Says when what may leave, so that bursts do not fill the queues on the way: budgets that refill with time. It holds no
/// packets; who has some keeps them, audio before retransmissions before video. Owned by what sends.
package struct Pacer: Sendable {
    /// How much faster than the estimate may leave what is no video.
    package static let factor = 2.5
    /// What of retransmissions may leave at once, as time at that rate; and never less than some packets.
    package static let burst = Duration.milliseconds(40)
    package static let burstByteCount = 6_000
    /// Of video the same, on a link that was never seen full: the estimate says little of what it carries, and senders have
    /// paced already.
    package static let looseBurst = Duration.milliseconds(100)
    package static let looseBurstByteCount = 30_000
    /// How much faster than the estimate video may leave on a link that was seen full, and what of it at once, as time at that
    /// rate: faster, it would wait on the way, where sound cannot pass it, or be lost there.
    package static let videoFactor = 1.1
    package static let videoBurst = Duration.milliseconds(5)
    /// No video is to wait longer: it leaves faster if it has to. What is sent again meanwhile comes on top.
    package static let longestWait = Duration.milliseconds(250)
    /// What share of the estimate retransmissions may take, over ``retransmissionWindow``.
    package static let retransmissionShare = 0.5
    package static let retransmissionWindow = Duration.milliseconds(500)

    /// What the link is held for.
    package struct Link: Sendable {
        /// The estimate in bits/s.
        package let target: Int
        /// At what rate it was seen full, in bits/s; `nil` if it never was.
        package let capacity: Double?

        package init(target: Int, capacity: Double? = nil) {
            (self.target, self.capacity) = (target, capacity)
        }

        /// At which all but video leaves, in bytes/s.
        @inline(__always)
        fileprivate var rate: Double { Pacer.factor * Double(target) / 8 }

        /// What of that may leave at once.
        @inline(__always)
        fileprivate var burst: Double { max(rate * Pacer.burstSeconds, Double(Pacer.burstByteCount)) }

        /// At which video leaves, in bytes/s: a little faster than the estimate, but then no faster than the link was seen to
        /// be, since a queue that grows all through a key frame would be taken for too high an estimate.
        @inline(__always)
        fileprivate var videoRate: Double {
            guard let capacity else { return rate }
            return max(Double(target), min(Pacer.videoFactor * Double(target), capacity)) / 8
        }
    }

    private static let burstSeconds = burst / .seconds(1)
    private static let looseBurstSeconds = looseBurst / .seconds(1)
    private static let videoBurstSeconds = videoBurst / .seconds(1)
    private static let longestWaitSeconds = longestWait / .seconds(1)

    /// Bytes that left and that time has not yet made good.
    private var debt = 0.0
    /// The same at the rate of video; padding is left out, that is to arrive faster than the estimate.
    private var videoDebt = 0.0
    private var retransmitted = 0.0
    /// The least rate at which what waits has to leave, in bytes/s; 0 if nothing waits.
    private var urgency = 0.0
    private var last: MediaTime?

    /// Nothing has left yet.
    package init() {}

    /// Something leaves now.
    ///
    /// - Parameter byteCount: with all headers of RTP.
    package mutating func sent(_ kind: SentKind, byteCount: Int, _ link: Link, now: MediaTime) {
        settle(link, now)
        debt += Double(byteCount)
        if kind != .padding { videoDebt += Double(byteCount) }
        if kind == .retransmission { retransmitted += Double(byteCount) }
    }

    /// How long something of a kind has to wait from now on; zero if it may leave. Audio never waits.
    package func wait(for kind: SentKind, _ link: Link, now: MediaTime) -> Duration {
        let seconds: Double
        switch kind {
        case .audio: seconds = 0
        case .retransmission:
            let share = Self.retransmissionShare * Double(link.target) / 8
            let window = share * (Self.retransmissionWindow / .seconds(1))
            seconds = max((debt - link.burst) / link.rate, (retransmitted - window) / share) - elapsed(now)
        case .video: seconds = (videoDebt - videoBurst(link)) / videoRate(link) - elapsed(now)
        // Padding only fills up what media leaves free, by the prober's plan.
        case .padding: seconds = debt / link.rate - Self.burstSeconds - elapsed(now)
        }
        return seconds > 0 ? .seconds(seconds) : .zero
    }

    /// Whether video may leave now.
    @inline(__always)
    package func hasRoom(_ link: Link, now: MediaTime) -> Bool {
        videoDebt <= videoBurst(link) + elapsed(now) * videoRate(link)
    }

    /// A packet of video begins to wait. It and those before it leave fast enough from now on that it does so in time.
    ///
    /// - Parameter waitingByteCount: of all that wait now, this one included.
    package mutating func keepBack(waitingByteCount: Int, _ link: Link, now: MediaTime) {
        settle(link, now)
        urgency = max(urgency, (videoDebt + Double(waitingByteCount)) / Self.longestWaitSeconds)
    }

    /// No video waits any more.
    package mutating func noneWaits(_ link: Link, now: MediaTime) {
        settle(link, now)
        urgency = 0
    }

    /// In bytes/s.
    @inline(__always)
    private func videoRate(_ link: Link) -> Double { max(link.videoRate, urgency) }

    /// In bytes.
    @inline(__always)
    private func videoBurst(_ link: Link) -> Double {
        guard link.capacity == nil else { return Self.videoBurstSeconds * videoRate(link) }
        return max(Self.looseBurstSeconds * link.rate, Double(Self.looseBurstByteCount))
    }

    /// Time makes good what has left.
    @inline(__always)
    private mutating func settle(_ link: Link, _ now: MediaTime) {
        let elapsed = elapsed(now)
        last = now
        debt = max(0, debt - elapsed * link.rate)
        videoDebt = max(0, videoDebt - elapsed * videoRate(link))
        retransmitted = max(0, retransmitted - elapsed * Self.retransmissionShare * Double(link.target) / 8)
    }

    /// In seconds.
    @inline(__always)
    private func elapsed(_ now: MediaTime) -> Double {
        guard let last, now > last else { return 0 }
        return Double(now.nanoseconds - last.nanoseconds) * 1e-9
    }
}
