import Contracts

/// One socket of a ``RoostClient``, from the attempt to connect until it has ended. Owned by the client's actor.
struct Link {
    /// It connects no later than this, however long it was to wait.
    var connectBy: ContinuousClock.Instant?
    /// `nil` until it is open.
    var socket: GatewaySocket?
    /// The cursors of its `identify`.
    var sent: [Cursor] = []
    /// What this socket alone may send next. The client's own table may be ahead, when it has two sockets.
    var table = CursorTable()
    var phase = LinkPhase.connecting
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

    /// When it counts as dead without another frame.
    var deadline: ContinuousClock.Instant {
        lastHeard + (phase == .current ? heartbeatInterval ?? .zero : .zero) + Limits.clientAnswerPatience
    }
}

/// How far a socket of a client has come.
package enum LinkPhase: Hashable, Sendable, CaseIterable {
    /// No `ready` yet; it may wait to be made.
    case connecting
    case replaying
    case current
    /// Another socket has taken over, or the contract was broken: nothing of it counts any more.
    case retired
}

/// What the end of one socket asks of a client that may have others.
package enum LinkSuccession: Hashable, Sendable {
    /// Another serves.
    case none
    /// Connect again.
    /// - Parameter isMoving: whether another one still serves, from which the new one is to take over.
    case connect(isMoving: Bool)
    /// The one that was to take over is all there is. It may be waiting for long, as what it was to replace still served.
    case hurry

    /// - Parameters:
    ///   - phase: how far the one that ended had come.
    ///   - others: how far those that are left have come.
    package init(after phase: LinkPhase, others: some Sequence<LinkPhase>) {
        let others = others.filter { $0 != .retired }
        if others.isEmpty {
            self = .connect(isMoving: false)
        } else {
            switch phase {
            case .connecting, .replaying: self = .connect(isMoving: true)
            case .current, .retired: self = others.contains(.current) ? .none : .hurry
            }
        }
    }
}
