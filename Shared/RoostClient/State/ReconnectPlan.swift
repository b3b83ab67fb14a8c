import Contracts

/// When and whether a client connects again: full jitter between nothing and a bound that doubles from
/// ``Limits/reconnectFirst`` to ``Limits/reconnectLongest``, without end.
package struct ReconnectPlan: Equatable, Sendable {
    /// Attempts that have failed since the last stable connection.
    package private(set) var attempt = 0
    private var currentSince: ContinuousClock.Instant?

    package init() {}

    /// What follows the end of a connection.
    package enum Step: Equatable, Sendable {
        /// Connect again after this time.
        case retry(after: Duration)
        /// The same, with a new access token.
        case refresh(after: Duration)
        case end(EndReason)
    }

    /// The connection has become current.
    package mutating func becameCurrent(now: ContinuousClock.Instant) { currentSince = now }

    /// A connection has ended, or could not be made.
    /// - Parameters:
    ///   - closeCode: of the gateway's close frame; `nil` if there was none.
    ///   - isMoving: another connection still serves, from which this one was to take over: a refusal of this one says
    ///     nothing of that one, so it is tried again.
    ///   - fraction: of the longest wait, at random from 0 to 1.
    package mutating func ended(
        closeCode: Int?, isMoving: Bool = false, now: ContinuousClock.Instant, fraction: Double
    ) -> Step {
        if let since = currentSince, since.duration(to: now) >= Limits.reconnectStable { attempt = 0 }
        currentSince = nil
        let code = closeCode.flatMap(CloseCode.init(rawValue:))
        switch code?.action ?? .resume {
        case .resume: return .retry(after: wait(fraction))
        case .refresh: return .refresh(after: wait(fraction))
        case .signIn: return .end(.signedOut)
        case .stop where isMoving: return .retry(after: wait(fraction))
        case .stop: return .end(.refused(code ?? .malformedFrame))
        }
    }

    private mutating func wait(_ fraction: Double) -> Duration {
        // 2^20 s is past any bound; the shift must not overflow after days without a network.
        let bound = min(Limits.reconnectFirst * (1 << min(attempt, 20)), Limits.reconnectLongest)
        attempt += 1
        return bound * min(max(fraction, 0), 1)
    }
}
