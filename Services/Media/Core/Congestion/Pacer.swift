package import MediaSecurity

/// What is sent to a receiver, the most urgent first.
package enum SentKind: UInt8, Sendable {
    case audio, retransmission, video, padding
}

/// Says when what may leave, so that bursts do not fill the queues on the way: a budget that refills with time. It holds no
/// packets; who has some keeps them until ``wait(for:target:now:)`` is over, audio before retransmissions before video.
/// Owned by what sends.
package struct Pacer: Sendable {
    /// How much faster than the estimate media may leave, so that a key frame does not wait long.
    package static let factor = 2.5
    /// What may leave at once, as time at that rate; and never less than some packets.
    package static let burst = Duration.milliseconds(40)
    package static let burstByteCount = 6_000
    /// What share of the estimate retransmissions may take, over ``retransmissionWindow``.
    package static let retransmissionShare = 0.5
    package static let retransmissionWindow = Duration.milliseconds(500)

    /// Bytes that left and that time has not yet made good.
    private var debt = 0.0
    private var retransmitted = 0.0
    private var last: MediaTime?

    /// Nothing has left yet.
    package init() {}

    /// Something leaves now.
    ///
    /// - Parameters:
    ///   - byteCount: with all headers of RTP.
    ///   - target: the estimate in bits/s.
    package mutating func sent(_ kind: SentKind, byteCount: Int, target: Int, now: MediaTime) {
        let elapsed = max(0, (now - (last ?? now)) / .seconds(1))
        last = now
        debt = max(0, debt - elapsed * Self.rate(target)) + Double(byteCount)
        let share = Self.retransmissionShare * Double(target) / 8
        retransmitted = max(0, retransmitted - elapsed * share)
        if kind == .retransmission { retransmitted += Double(byteCount) }
    }

    /// How long something of a kind has to wait from now on; zero if it may leave. Audio never waits.
    package func wait(for kind: SentKind, target: Int, now: MediaTime) -> Duration {
        let elapsed = max(0, (now - (last ?? now)) / .seconds(1))
        let share = Self.retransmissionShare * Double(target) / 8
        let window = share * (Self.retransmissionWindow / .seconds(1))
        let forShare = (retransmitted - window) / share - elapsed
        let forBurst = (debt - burst(target)) / Self.rate(target) - elapsed
        let seconds: Double
        switch kind {
        case .audio: seconds = 0
        case .retransmission: seconds = max(forBurst, forShare)
        case .video: seconds = forBurst
        // Padding only fills up what media leaves free, by the prober's plan.
        case .padding: seconds = debt / Self.rate(target) - elapsed - Self.burst / .seconds(1)
        }
        return seconds > 0 ? .seconds(seconds) : .zero
    }

    private static func rate(_ target: Int) -> Double { factor * Double(target) / 8 }

    private func burst(_ target: Int) -> Double {
        max(Self.rate(target) * (Self.burst / .seconds(1)), Double(Self.burstByteCount))
    }
}
