package import Contracts

/// What a client says of its call.
package enum ClientCallFrame: Equatable, Sendable {
    case join(CallJoin)
    case offer(CallOffer)
    case update(CallUpdate)
    case view(CallView)
    case leave
}

/// A seat that a connection holds on a media node.
package struct CallSeat: Hashable, Sendable {
    package let participantID: ParticipantID
    package let channelID: ChannelID
    package let node: InstanceID
    /// Which attempt of the connection got it: what a node answers about an earlier one no longer counts.
    package let attempt: Int

    package init(participantID: ParticipantID, channelID: ChannelID, node: InstanceID, attempt: Int) {
        self.participantID = participantID
        self.channelID = channelID
        self.node = node
        self.attempt = attempt
    }
}

/// The call of one connection: none, joining, or seated on a media node. Owned by the connection.
///
/// The node is asked one thing at a time: an offer waits for the answer to an update and the other way round, and of
/// updates, and of views, that wait only the last counts, since each tells everything.
package struct CallMachine {
    package enum Action: Equatable {
        case send(ServerFrame)
        /// Get a grant and a seat, then tell ``granted(_:)``, and ``joined(_:_:iceServers:)`` or ``joinFailed(_:_:_:)``.
        case join(CallJoin, attempt: Int)
        /// Ask the node of the seat, then tell ``receive(_:of:)``.
        case offer(CallOffer, CallSeat)
        case update(CallUpdate, CallSeat)
        case view(CallView, CallSeat)
        /// Tell the node that the seat is given up. What it answers does not matter.
        case leave(CallSeat)
        /// Tell ``pauseEnded(of:)`` after a moment.
        case pause(CallSeat)
    }

    /// What became of a question to the node of a seat.
    package enum NodeReply: Equatable, Sendable {
        case answer(CallAnswer)
        case updated
        /// It did not do it.
        case failed(ErrorCode, String)
        /// The node lives and has no such seat any more: its end was told while nobody could hear it.
        case gone
    }

    private struct Joining {
        let join: CallJoin
        let attempt: Int
        /// The seat that is to be taken again, if the connection held it.
        let held: CallSeat?
        /// Known once the API has granted it.
        var granted: CallSeat?
        /// The newest state that the node told before its answer to joining was here.
        var state: CallState?
    }

    private enum Question {
        case offer(number: Int)
        case update(CallUpdate)
        case view
        /// An update failed and is asked again after a moment.
        case pause
    }

    private struct Seated {
        let seat: CallSeat
        var question: Question?
        var nextOffer: CallOffer?
        var nextUpdate: CallUpdate?
        var nextView: CallView?
        /// The number of the last offer that was answered.
        var answered: Int?

        var hasOffer: Bool {
            if case .offer = question { true } else { nextOffer != nil }
        }
    }

    private enum Phase {
        case none
        case joining(Joining)
        case seated(Seated)
    }

    private var phase = Phase.none
    private var lastAttempt = 0
    private var isClosed = false

    package init() {}

    /// Whether nothing that a node tells concerns the connection.
    package var isIdle: Bool { if case .none = phase { true } else { false } }

    /// The node of the seat that the connection holds.
    package var node: InstanceID? { heldSeat?.node }

    // MARK: From the client

    /// The client sent a frame of its call.
    package mutating func receive(_ frame: ClientCallFrame) -> [Action] {
        switch frame {
        case .join(let join): begin(join)
        case .offer(let offer): take(offer)
        case .update(let update): take(update)
        case .view(let view): take(view)
        case .leave: leave()
        }
    }

    private mutating func begin(_ join: CallJoin) -> [Action] {
        lastAttempt += 1
        let held = heldSeat
        let isSame = held.map { $0.participantID == join.participantID && $0.channelID == join.channelID } ?? false
        phase = .joining(Joining(join: join, attempt: lastAttempt, held: isSame ? held : nil))
        let leaving = isSame ? [] : held.map { [Action.leave($0)] } ?? []
        return leaving + [.join(join, attempt: lastAttempt)]
    }

    private mutating func take(_ offer: CallOffer) -> [Action] {
        guard case .seated(var seated) = phase else {
            return refuse(.conflict, "There is no seat to offer for. Join first.", offer.number)
        }
        guard offer.isWithinLimits else {
            return refuse(.validationFailed, "The offer is larger than it may be.", offer.number)
        }
        if seated.hasOffer {
            return refuse(.conflict, "The offer before this one is not answered yet.", offer.number)
        }
        if let answered = seated.answered, offer.number <= answered {
            return refuse(.conflict, "Number \(answered) was answered already. Numbers grow.", offer.number)
        }
        seated.nextOffer = offer
        return proceed(seated)
    }

    private mutating func take(_ update: CallUpdate) -> [Action] {
        guard case .seated(var seated) = phase else {
            return refuse(.conflict, "There is no seat to update. Join first.")
        }
        guard update.active.count <= CallSource.allCases.count else {
            return refuse(.validationFailed, "There are more sources than a participant may have.")
        }
        seated.nextUpdate = update.following(seated.nextUpdate)
        return proceed(seated)
    }

    /// A client that has no seat, or none any more, shows nothing: there is nothing to refuse.
    private mutating func take(_ view: CallView) -> [Action] {
        guard case .seated(var seated) = phase else { return [] }
        guard view.tracks.count <= Limits.viewedTracks,
            view.tracks.allSatisfy({ (0...Limits.tileHeight).contains($0.height) })
        else { return refuse(.validationFailed, "There are more tiles than a call may have, or one is too large.") }
        seated.nextView = view
        return proceed(seated)
    }

    private mutating func leave() -> [Action] {
        guard let held = heldSeat else {
            phase = .none
            return []
        }
        return [.leave(held)] + end(held.participantID, .left)
    }

    /// The connection has gone. The seat stays while its media lives: the client may take it again by another connection.
    package mutating func close() {
        isClosed = true
        phase = .none
    }

    // MARK: Joining

    /// The API has granted a seat. Answers whether it is still wanted.
    package mutating func granted(_ seat: CallSeat) -> Bool {
        guard case .joining(var joining) = phase, joining.attempt == seat.attempt else { return false }
        // Revisions of another node's states begin anew.
        if joining.granted?.node != seat.node { joining.state = nil }
        joining.granted = seat
        phase = .joining(joining)
        return true
    }

    /// A node has given a seat. If nobody wants it any more it is given up, so that no empty seat stays in the call. When the
    /// connection has gone meanwhile that is so unless the seat was there before, with media that may live.
    package mutating func joined(_ seat: CallSeat, _ reply: SeatJoinReply, iceServers: [IceServer]) -> [Action] {
        if isClosed { return reply.isResumed ? [] : [.leave(seat)] }
        guard case .joining(let joining) = phase, joining.attempt == seat.attempt else {
            return concerns(seat.participantID) ? [] : [.leave(seat)]
        }
        phase = .seated(Seated(seat: seat))
        let held = joining.state.flatMap { $0.revision > reply.state.revision ? $0 : nil }
        return [
            .send(
                .callJoined(
                    CallJoined(
                        channelID: seat.channelID, participantID: seat.participantID, isResumed: reply.isResumed,
                        iceServers: iceServers, state: held ?? reply.state)))
        ]
    }

    /// There is no seat to be had.
    package mutating func joinFailed(_ attempt: Int, _ code: ErrorCode, _ detail: String) -> [Action] {
        guard case .joining(let joining) = phase, joining.attempt == attempt else { return [] }
        phase = .none
        return refuse(code, detail)
    }

    // MARK: From the node

    /// The node of a seat has answered, or did not.
    package mutating func receive(_ reply: NodeReply, of seat: CallSeat) -> [Action] {
        guard case .seated(var seated) = phase, seated.seat == seat, let question = seated.question else { return [] }
        seated.question = nil
        switch (reply, question) {
        case (.gone, _): return end(seat.participantID, .timedOut)
        case (.answer(let answer), .offer(let number)):
            seated.answered = number
            return [.send(.callAnswer(CallAnswer(number: number, sdp: answer.sdp)))] + proceed(seated)
        case (.failed(let code, let detail), .offer(let number)):
            return refuse(code, detail, number) + proceed(seated)
        case (.failed(let code, _), .update(let update)) where code == .unavailable || code == .timedOut:
            // Nobody is told of the failure: what the others see is mended as soon as the node can be reached.
            seated.nextUpdate = seated.nextUpdate?.following(update) ?? update
            seated.question = .pause
            phase = .seated(seated)
            return [.pause(seat)]
        case (.answer, _), (.updated, _), (.failed, _): return proceed(seated)
        }
    }

    /// The moment after a failed update is over.
    package mutating func pauseEnded(of seat: CallSeat) -> [Action] {
        guard case .seated(var seated) = phase, seated.seat == seat, case .pause = seated.question else { return [] }
        seated.question = nil
        return proceed(seated)
    }

    /// A node tells the holder of a seat something. What is told of another seat is dropped, and what another node tells of
    /// this one: it gave the seat when the call had just moved, and takes it back.
    package mutating func receive(_ notice: SeatNotice) -> [Action] {
        switch (phase, notice.frame) {
        case (.joining(var joining), .callState(let state)) where joining.granted.map(notice.concerns) ?? false:
            if state.revision > joining.state?.revision ?? .min { joining.state = state }
            phase = .joining(joining)
            return []
        case (.seated(let seated), let frame) where notice.concerns(seated.seat):
            switch frame {
            case .callState, .callSpeakers, .callLayers: return [.send(frame)]
            case .callEnded(let ended): return end(notice.participantID, ended.reason)
            default: return []
            }
        // The end of a seat that is being taken again is the end of the earlier one.
        default: return []
        }
    }

    /// A node is dead, and a seat on it with it. One that is being joined again finds out by itself.
    package mutating func nodeDied(_ node: InstanceID) -> [Action] {
        guard case .seated(let seated) = phase, seated.seat.node == node else { return [] }
        return end(seated.seat.participantID, .moved)
    }

    // MARK: Parts

    /// The seat the connection holds, also while it takes it again.
    private var heldSeat: CallSeat? {
        switch phase {
        case .none: nil
        case .joining(let joining): joining.held
        case .seated(let seated): seated.seat
        }
    }

    private func concerns(_ participant: ParticipantID) -> Bool {
        switch phase {
        case .none: false
        case .joining(let joining): participant == joining.granted?.participantID ?? joining.join.participantID
        case .seated(let seated): participant == seated.seat.participantID
        }
    }

    private mutating func end(_ participant: ParticipantID, _ reason: CallEndReason) -> [Action] {
        phase = .none
        return [.send(.callEnded(CallEnded(participantID: participant, reason: reason)))]
    }

    private func refuse(_ code: ErrorCode, _ detail: String, _ number: Int? = nil) -> [Action] {
        [.send(.callFailed(CallFailed(code: code, detail: detail, number: number)))]
    }

    /// Asks the node the next thing if it is free. An offer goes first: an update that waits is at least as new.
    private mutating func proceed(_ seated: Seated) -> [Action] {
        var seated = seated
        defer { phase = .seated(seated) }
        guard seated.question == nil else { return [] }
        if let offer = seated.nextOffer.take() {
            seated.question = .offer(number: offer.number)
            return [.offer(offer, seated.seat)]
        }
        if let update = seated.nextUpdate.take() {
            seated.question = .update(update)
            return [.update(update, seated.seat)]
        }
        if let view = seated.nextView.take() {
            seated.question = .view
            return [.view(view, seated.seat)]
        }
        return []
    }
}

extension SeatNotice {
    fileprivate func concerns(_ seat: CallSeat) -> Bool { participantID == seat.participantID && node == seat.node }
}

extension CallUpdate {
    /// The update that tells all that this one and an earlier one tell, which nobody was told of yet.
    fileprivate func following(_ earlier: CallUpdate?) -> CallUpdate {
        CallUpdate(active: active, isHandRaised: isHandRaised ?? earlier?.isHandRaised)
    }
}

extension CallOffer {
    fileprivate var isWithinLimits: Bool {
        (1...Limits.sdpByteCount).contains(sdp.utf8.count) && publications.count <= CallSource.allCases.count
            && publications.allSatisfy { (1...Limits.midCount).contains($0.mid.utf8.count) }
    }
}
