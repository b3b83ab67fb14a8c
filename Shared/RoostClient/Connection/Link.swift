import Contracts

/// One socket of a ``RoostClient``, from the attempt to connect until it has ended. Owned by the client's actor.
struct Link {
    /// Whether it is not to wait before it connects.
    var isHurried = false
    /// `nil` until it is open.
    var socket: GatewaySocket?
    /// The cursors of its `identify`.
    var sent: [Cursor] = []
    /// What this socket alone may send next. The client's own table may be ahead, when it has two sockets.
    var table = CursorTable()
    var phase = Phase.connecting
    /// From the hello on.
    var heartbeatInterval: Duration?
    var lastHeard = ContinuousClock.now
    var closeCode: Int?
    /// The last frames in short, for whoever has to find out what went wrong.
    private(set) var recent: [String] = []

    mutating func note(_ frame: String) {
        if recent.count == 12 { recent.removeFirst() }
        recent.append(frame)
    }

    enum Phase {
        /// No `ready` yet.
        case connecting
        case replaying
        case current
        /// Another socket has taken over, or the contract was broken: nothing of it counts any more.
        case retired
    }

    /// When it counts as dead without another frame.
    var deadline: ContinuousClock.Instant {
        lastHeard + (phase == .current ? heartbeatInterval ?? .zero : .zero) + Limits.clientAnswerPatience
    }
}
