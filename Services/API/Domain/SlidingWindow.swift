package import Contracts

/// The message rate of one user in one channel, in this process alone: what limits fall back on while Redis is away.
/// The same rule as the Redis script: so many members in a window, then a mute; a member that is there costs nothing.
package struct SlidingWindow {
    private var times: [String: Timestamp] = [:]
    private var mutedUntil: Timestamp?

    package init() {}

    package enum Outcome: Equatable {
        /// The member was counted now.
        case counted
        /// The member had been counted before.
        case known
        case muted(Duration)
        /// One too many. Whoever is not a retry is muted by ``mute(now:for:)``.
        case exceeded
    }

    package mutating func admit(_ member: String, now: Timestamp, count: Int, window: Duration) -> Outcome {
        times = times.filter { $0.value + window > now }
        if times[member] != nil { return .known }
        if let mutedUntil, mutedUntil > now {
            return .muted(.milliseconds(mutedUntil.milliseconds - now.milliseconds))
        }
        guard times.count < count else { return .exceeded }
        times[member] = now
        return .counted
    }

    package mutating func mute(now: Timestamp, for time: Duration) { mutedUntil = now + time }

    /// Takes back what a member cost.
    package mutating func forget(_ member: String) { times[member] = nil }
}
