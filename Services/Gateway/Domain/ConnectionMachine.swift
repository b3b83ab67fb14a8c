package import Contracts

/// The protocol of one connection as the gateway sees it: hello, identify, then heartbeats and calls. Owned by the connection.
package struct ConnectionMachine {
    package enum Action: Equatable {
        case none
        case identify(Identify)
        case answerHeartbeat
        /// What the user's device says of its presence, whom it watches, and that the user is typing.
        case updatePresence(PresenceUpdate)
        case watchPresence(PresenceWatch)
        case typing(Typing)
        /// A frame of the client's call. It may come before the client is known: then it is refused, not the connection.
        case call(ClientCallFrame)
        /// The frame of the client's call goes no further.
        case refuse(CallFailed)
        case close(CloseCode)
    }

    private enum Phase {
        case awaitingIdentify(until: Timestamp)
        case identified
    }

    private var phase: Phase
    private var lastReceived: Timestamp
    private var windowStart: Timestamp
    private var framesInWindow = 0
    /// When the client asked for a seat, oldest first; no more than ``Limits/callJoinRate``.
    private var joins: [Timestamp] = []

    package init(now: Timestamp) {
        phase = .awaitingIdentify(until: now + Limits.identifyTimeout)
        lastReceived = now
        windowStart = now
    }

    /// A frame arrived; `nil` is one that could not be read.
    package mutating func receive(_ frame: ClientFrame?, now: Timestamp) -> Action {
        guard countFrame(now) else { return .close(.tooManyFrames) }
        switch (frame, phase) {
        case (nil, _): return .close(.malformedFrame)
        case (.identify(let identify), .awaitingIdentify):
            guard identify.cursors.count <= Limits.cursorsPerIdentify else { return .close(.malformedFrame) }
            phase = .identified
            return .identify(identify)
        case (.identify, .identified): return .close(.alreadyIdentified)
        case (.heartbeat, _): return .answerHeartbeat
        case (.presenceUpdate, .awaitingIdentify), (.presenceWatch, .awaitingIdentify), (.typing, .awaitingIdentify):
            return .close(.malformedFrame)
        case (.presenceUpdate(let update), .identified): return .updatePresence(update)
        case (.presenceWatch(let watch), .identified): return .watchPresence(watch)
        case (.typing(let typing), .identified): return .typing(typing)
        case (.callJoin(let join), _): return countJoin(now) ? .call(.join(join)) : .refuse(.tooManyJoins)
        case (.callOffer(let offer), _): return .call(.offer(offer))
        case (.callUpdate(let update), _): return .call(.update(update))
        case (.callView(let view), _): return .call(.view(view))
        case (.callLeave, _): return .call(.leave)
        }
    }

    /// Anything else arrived, such as a ping or a part of a message: the peer is alive.
    package mutating func noteAlive(now: Timestamp) -> Action {
        countFrame(now) ? .none : .close(.tooManyFrames)
    }

    /// Time has passed.
    package func check(now: Timestamp) -> Action {
        if case .awaitingIdentify(let deadline) = phase, now >= deadline { return .close(.identifyTimeout) }
        return now >= lastReceived + Limits.heartbeatTimeout ? .close(.heartbeatTimeout) : .none
    }

    private mutating func countFrame(_ now: Timestamp) -> Bool {
        lastReceived = now
        if now >= windowStart + Limits.clientFrameWindow {
            windowStart = now
            framesInWindow = 0
        }
        framesInWindow += 1
        return framesInWindow <= Limits.clientFrameRate
    }

    /// One that is refused does not count: a client that goes on trying gets through as earlier ones grow old.
    private mutating func countJoin(_ now: Timestamp) -> Bool {
        joins.removeAll { now >= $0 + Limits.callJoinWindow }
        guard joins.count < Limits.callJoinRate else { return false }
        joins.append(now)
        return true
    }
}

extension CallFailed {
    fileprivate static let tooManyJoins = CallFailed(
        code: .rateLimited, detail: "Too many attempts to join; wait a moment.")
}
