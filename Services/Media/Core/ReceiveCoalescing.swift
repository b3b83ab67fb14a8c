package import MediaSecurity

/// How long a worker leaves packets in its socket, so that more of them share one turn: what one turn has for a destination
/// leaves as one message, and the kernel walks its stack once for all of it. A camera's pacer sends several packets at a
/// time, and the first of them wakes the worker.
///
/// Only while much is sent: a call of a few costs little either way, and is better served at once.
package struct ReceiveCoalescing: Sendable {
    /// The longest that a packet is left. Half the difference that a sender's pacer makes is spent here.
    package static let interval = Duration.microseconds(500)
    /// From so many datagrams sent in a ``window`` on it pays: 5,000 a second, two and a half in an interval.
    package static let datagramsPerWindow = 250
    package static let window = Duration.milliseconds(50)

    /// Whether the last window's count says that it pays.
    private var isBusy = false
    private var windowStart = MediaTime(nanoseconds: 0)
    private var count = 0
    private var lastReceive = MediaTime(nanoseconds: 0)

    package init() {}

    /// So many datagrams were sent in a turn.
    package mutating func record(sent: Int, now: MediaTime) {
        let elapsed = now - windowStart
        if elapsed >= Self.window {
            // Of a longer time the count says little, and then it was quiet.
            isBusy = count >= Self.datagramsPerWindow && elapsed < Self.window * 2
            windowStart = now
            count = 0
        }
        count += sent
    }

    /// Packets are there. How long to leave them; `nil` for not at all. They are taken after that time.
    /// - Parameter hasWaited: nothing was there before now; otherwise they may have come since the last were taken.
    package mutating func pause(hasWaited: Bool, now: MediaTime) -> Duration? {
        let oldest = hasWaited ? now : lastReceive
        let left = oldest + Self.interval - now
        guard isBusy, left > .zero else {
            lastReceive = now
            return nil
        }
        lastReceive = now + left
        return left
    }
}
