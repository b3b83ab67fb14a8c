import Contracts
import GatewayDomain
import Testing

@Suite("Call of a connection")
struct CallMachineTests {
    private typealias Action = CallMachine.Action

    private let channel = ChannelID(number: 1)
    private let otherChannel = ChannelID(number: 2)
    private let participant = ParticipantID(number: 11)
    private let node = InstanceID(number: 21)

    // MARK: Joining

    @Test("A seat is asked for, granted, and the client has it")
    func joins() {
        var machine = CallMachine()
        #expect(machine.isIdle)
        #expect(
            machine.receive(.join(CallJoin(channelID: channel))) == [.join(CallJoin(channelID: channel), attempt: 1)])
        #expect(!machine.isIdle)
        let seat = seat(attempt: 1)
        #expect(machine.granted(seat) == true)
        let servers = [IceServer(urls: ["stun:a"])]
        #expect(
            machine.joined(seat, SeatJoinReply(isResumed: true, state: state(1)), iceServers: servers)
                == [
                    .send(
                        .callJoined(
                            CallJoined(
                                channelID: channel, participantID: participant, isResumed: true, iceServers: servers,
                                state: state(1))))
                ])
    }

    @Test(
        "What the API or the node refuses is told with its code, and the client may try again",
        arguments: [ErrorCode.notFound, .conflict, .sessionRevoked, .unavailable])
    func refused(code: ErrorCode) {
        var machine = CallMachine()
        _ = machine.receive(.join(CallJoin(channelID: channel)))
        #expect(machine.joinFailed(1, code, "No.") == [failed(code, "No.")])
        #expect(machine.isIdle)
        #expect(
            machine.receive(.join(CallJoin(channelID: channel))) == [.join(CallJoin(channelID: channel), attempt: 2)])
    }

    @Test("Joining another call gives up the seat first, and without a word: the answer is the new seat")
    func joinsAnother() {
        var (machine, seat) = seated()
        let join = CallJoin(channelID: otherChannel)
        #expect(machine.receive(.join(join)) == [.leave(seat), .join(join, attempt: 2)])
        #expect(machine.receive(notice(.callState(state(5)))).isEmpty)
    }

    @Test("Joining with the participant of the seat takes it again instead of giving it up")
    func takesAgain() {
        var (machine, seat) = seated()
        let join = CallJoin(channelID: channel, participantID: participant)
        #expect(machine.receive(.join(join)) == [.join(join, attempt: 2)])
        let again = self.seat(attempt: 2)
        #expect(machine.granted(again) == true)
        #expect(joined(&machine, again, isResumed: true, 7) == 7)
        #expect(machine.receive(.answer(CallAnswer(number: 1, sdp: "late")), of: seat).isEmpty)
    }

    @Test("A seat that comes after the client asked for another, or left, is given up")
    func surplus() {
        var machine = CallMachine()
        let join = CallJoin(channelID: channel)
        _ = machine.receive(.join(join))
        let first = seat(attempt: 1)
        #expect(machine.granted(first) == true)
        #expect(machine.receive(.join(join)) == [.join(join, attempt: 2)])
        #expect(machine.granted(first) == false)
        #expect(
            machine.joined(first, SeatJoinReply(isResumed: false, state: state(1)), iceServers: []) == [.leave(first)])
        #expect(machine.joinFailed(1, .unavailable, "late").isEmpty)
        #expect(machine.receive(.leave).isEmpty, "there is no seat to end")
        let second = seat(ParticipantID(number: 12), attempt: 2)
        #expect(machine.granted(second) == false)
        #expect(
            machine.joined(second, SeatJoinReply(isResumed: false, state: state(1)), iceServers: []) == [.leave(second)]
        )
        #expect(machine.isIdle)
    }

    @Test("A seat that an earlier attempt got is kept if the present one takes the same seat")
    func sameSeatTwice() {
        var machine = CallMachine()
        let join = CallJoin(channelID: channel, participantID: participant)
        _ = machine.receive(.join(join))
        _ = machine.receive(.join(join))
        let late = SeatJoinReply(isResumed: false, state: state(1))
        #expect(machine.joined(seat(attempt: 1), late, iceServers: []).isEmpty)
        #expect(machine.granted(seat(attempt: 2)) == true)
        #expect(machine.joined(seat(attempt: 1), late, iceServers: []).isEmpty)
        _ = joined(&machine, seat(attempt: 2), isResumed: true, 2)
        #expect(machine.joined(seat(attempt: 1), late, iceServers: []).isEmpty)
    }

    @Test("Leaving while the seat is taken again ends it")
    func leavesWhileTakingAgain() {
        var (machine, seat) = seated()
        _ = machine.receive(.join(CallJoin(channelID: channel, participantID: participant)))
        #expect(machine.receive(.leave) == [.leave(seat), ended(.left)])
        let again = self.seat(attempt: 2)
        #expect(machine.granted(again) == false)
    }

    @Test("A state that overtakes the answer to joining is not lost; of several the newest counts")
    func overtaken() {
        for (revisions, expected) in [([Int](), 4), ([3], 4), ([6, 5], 6)] {
            var machine = CallMachine()
            _ = machine.receive(.join(CallJoin(channelID: channel)))
            #expect(machine.receive(notice(.callState(state(9)))).isEmpty, "no seat is granted yet")
            #expect(machine.granted(seat(attempt: 1)) == true)
            for revision in revisions { #expect(machine.receive(notice(.callState(state(revision)))).isEmpty) }
            #expect(joined(&machine, seat(attempt: 1), isResumed: false, 4) == expected)
        }
    }

    @Test("The end of the seat's former connection does not end the seat that is being taken")
    func formerEnd() {
        var (machine, _) = seated()
        _ = machine.receive(.join(CallJoin(channelID: channel, participantID: participant)))
        #expect(machine.granted(seat(attempt: 2)) == true)
        #expect(machine.receive(notice(.callEnded(CallEnded(participantID: participant, reason: .timedOut)))).isEmpty)
        #expect(joined(&machine, seat(attempt: 2), isResumed: false, 1) == 1)
    }

    // MARK: Without a seat

    @Test("Without a seat offers and updates are refused and the connection stays; leaving is answered by nothing")
    func withoutSeat() {
        var machine = CallMachine()
        for isJoining in [false, true] {
            if isJoining { _ = machine.receive(.join(CallJoin(channelID: channel))) }
            #expect(code(machine.receive(.offer(offer(3)))) == Failure(code: .conflict, number: 3))
            #expect(code(machine.receive(.update(CallUpdate(active: [])))) == Failure(code: .conflict, number: nil))
        }
        #expect(machine.receive(.leave).isEmpty)
        #expect(machine.isIdle)
    }

    // MARK: Seated

    @Test("Offers are answered by number, one at a time, and their numbers grow")
    func offers() {
        var (machine, seat) = seated()
        #expect(machine.receive(.offer(offer(1))) == [.offer(offer(1), seat)])
        #expect(code(machine.receive(.offer(offer(2)))) == Failure(code: .conflict, number: 2))
        #expect(
            machine.receive(.answer(CallAnswer(number: 1, sdp: "a")), of: seat)
                == [.send(.callAnswer(CallAnswer(number: 1, sdp: "a")))])
        for stale in [-1, 0, 1] {
            #expect(code(machine.receive(.offer(offer(stale)))) == Failure(code: .conflict, number: stale))
        }
        #expect(machine.receive(.offer(offer(5))) == [.offer(offer(5), seat)])
        #expect(machine.receive(.failed(.validationFailed, "Odd."), of: seat) == [failed(.validationFailed, "Odd.", 5)])
        #expect(machine.receive(.offer(offer(5))) == [.offer(offer(5), seat)], "a refused offer is as if never made")
    }

    @Test(
        "An offer beyond the limits is refused before the node sees it",
        arguments: [
            ("", []), (String(repeating: "s", count: Limits.sdpByteCount + 1), []),
            ("s", Array(repeating: "0", count: CallSource.allCases.count + 1)), ("s", [""]),
            ("s", [String(repeating: "m", count: Limits.midCount + 1)]),
        ] as [(String, [String])])
    func tooLarge(sdp: String, mids: [String]) {
        var (machine, _) = seated()
        let publications = mids.map { CallPublication(mid: $0, source: .camera, isActive: true) }
        let offer = CallOffer(number: 1, sdp: sdp, publications: publications)
        #expect(code(machine.receive(.offer(offer))) == Failure(code: .validationFailed, number: 1))
    }

    @Test("The node is asked one thing at a time; of waiting updates the last counts, and an offer goes before it")
    func oneAtATime() {
        var (machine, seat) = seated()
        let updates = [[.microphone], [.camera], []].map { CallUpdate(active: $0) }
        #expect(machine.receive(.update(updates[0])) == [.update(updates[0], seat)])
        #expect(machine.receive(.update(updates[1])).isEmpty)
        #expect(machine.receive(.offer(offer(1))).isEmpty)
        #expect(code(machine.receive(.offer(offer(2)))) == Failure(code: .conflict, number: 2))
        #expect(machine.receive(.update(updates[2])).isEmpty)
        #expect(machine.receive(.updated, of: seat) == [.offer(offer(1), seat)])
        #expect(
            machine.receive(.answer(CallAnswer(number: 1, sdp: "a")), of: seat)
                == [.send(.callAnswer(CallAnswer(number: 1, sdp: "a"))), .update(updates[2], seat)])
        #expect(machine.receive(.updated, of: seat).isEmpty)
        #expect(machine.receive(.updated, of: seat).isEmpty, "nothing was asked")
    }

    @Test("An update that did not reach the node is sent again after a moment, or a newer one in its place")
    func updateAgain() {
        let (first, second) = (CallUpdate(active: [.camera]), CallUpdate(active: []))
        for isOvertaken in [false, true] {
            var (machine, seat) = seated()
            _ = machine.receive(.update(first))
            #expect(machine.receive(.failed(.unavailable, "No Redis."), of: seat) == [.pause(seat)])
            if isOvertaken { #expect(machine.receive(.update(second)).isEmpty) }
            let expected = isOvertaken ? second : first
            #expect(machine.pauseEnded(of: seat) == [.update(expected, seat)])
            #expect(machine.pauseEnded(of: seat).isEmpty)
        }
        var (machine, seat) = seated()
        _ = machine.receive(.update(first))
        #expect(machine.receive(.failed(.validationFailed, "Odd."), of: seat).isEmpty, "it would fail again")
    }

    @Test("Of views that wait for the node the last counts, and what the client does comes before what it shows")
    func views() {
        var (machine, seat) = seated()
        let views = [180, 360, 720].map { height in
            CallView(
                tracks: [
                    CallViewTrack(participantID: participant, source: .camera, height: height, isPinned: false)
                ])
        }
        #expect(machine.receive(.view(views[0])) == [.view(views[0], seat)])
        #expect(machine.receive(.view(views[1])).isEmpty)
        #expect(machine.receive(.update(CallUpdate(active: []))).isEmpty)
        #expect(machine.receive(.view(views[2])).isEmpty)
        #expect(machine.receive(.updated, of: seat) == [.update(CallUpdate(active: []), seat)])
        #expect(machine.receive(.updated, of: seat) == [.view(views[2], seat)])
        #expect(machine.receive(.failed(.unavailable, "No Redis."), of: seat).isEmpty, "the next one tells everything")
    }

    @Test("A view of too many tiles, or of one without a height, is refused; without a seat nothing is shown")
    func refusedViews() {
        func view(_ count: Int, _ height: Int) -> ClientCallFrame {
            let tile = CallViewTrack(participantID: participant, source: .camera, height: height, isPinned: false)
            return .view(CallView(tracks: Array(repeating: tile, count: count)))
        }
        for refused in [view(Limits.viewedTracks + 1, 1), view(1, -1), view(1, Limits.tileHeight + 1)] {
            var (machine, _) = seated()
            #expect(code(machine.receive(refused)) == Failure(code: .validationFailed, number: nil))
        }
        var machine = CallMachine()
        #expect(machine.receive(view(1, 1)).isEmpty)
    }

    @Test("A hand that was raised while the node was busy is told with whatever is told next")
    func hand() {
        var (machine, seat) = seated()
        let raised = CallUpdate(active: [.camera], isHandRaised: true)
        #expect(machine.receive(.update(CallUpdate(active: []))).count == 1)
        #expect(machine.receive(.update(raised)).isEmpty)
        #expect(machine.receive(.update(CallUpdate(active: [.microphone]))).isEmpty)
        let told = CallUpdate(active: [.microphone], isHandRaised: true)
        #expect(machine.receive(.updated, of: seat) == [.update(told, seat)])
        // It did not reach the node: what comes meanwhile tells it too.
        #expect(machine.receive(.failed(.unavailable, "No Redis."), of: seat) == [.pause(seat)])
        #expect(machine.receive(.update(CallUpdate(active: []))).isEmpty)
        #expect(machine.pauseEnded(of: seat) == [.update(CallUpdate(active: [], isHandRaised: true), seat)])
    }

    @Test("Leaving is answered at once, and what was under way no longer counts")
    func leaves() {
        var (machine, seat) = seated()
        _ = machine.receive(.offer(offer(1)))
        #expect(machine.receive(.leave) == [.leave(seat), ended(.left)])
        #expect(machine.receive(.answer(CallAnswer(number: 1, sdp: "late")), of: seat).isEmpty)
        #expect(machine.receive(notice(.callState(state(9)))).isEmpty)
        #expect(machine.receive(.leave).isEmpty)
        #expect(machine.isIdle)
    }

    @Test("A seat that its node no longer has ends, and the client is to join again")
    func gone() {
        for frame in [ClientCallFrame.offer(offer(1)), .update(CallUpdate(active: []))] {
            var (machine, seat) = seated()
            _ = machine.receive(frame)
            #expect(machine.receive(.gone, of: seat) == [ended(.timedOut)])
            #expect(machine.isIdle)
        }
    }

    @Test("An offer that did not reach the node is refused for now by its number, and the seat stays")
    func offerUnreached() {
        var (machine, seat) = seated()
        _ = machine.receive(.offer(offer(1)))
        #expect(machine.receive(.failed(.unavailable, "No."), of: seat) == [failed(.unavailable, "No.", 1)])
        #expect(machine.receive(.offer(offer(1))) == [.offer(offer(1), seat)])
    }

    // MARK: Closed

    @Test("A new seat that comes after the connection closed is given up; one that was there before stays")
    func seatAfterClose() {
        for isResumed in [false, true] {
            var machine = CallMachine()
            _ = machine.receive(.join(CallJoin(channelID: channel, participantID: participant)))
            let seat = seat(attempt: 1)
            #expect(machine.granted(seat) == true)
            machine.close()
            let reply = SeatJoinReply(isResumed: isResumed, state: state(1))
            #expect(machine.joined(seat, reply, iceServers: []) == (isResumed ? [] : [.leave(seat)]))
        }
    }

    @Test("After the connection closed no seat is asked for any more, and none is told of")
    func closed() {
        var machine = CallMachine()
        _ = machine.receive(.join(CallJoin(channelID: channel)))
        machine.close()
        #expect(machine.granted(seat(attempt: 1)) == false)
        #expect(machine.joinFailed(1, .unavailable, "late").isEmpty)
        var (seated, _) = seated()
        seated.close()
        #expect(seated.isIdle)
        #expect(seated.receive(notice(.callState(state(2)))).isEmpty)
    }

    // MARK: Notices

    @Test("What the node tells the seat is passed on, and its end ends it; frames of other kinds are not")
    func notices() {
        var (machine, _) = seated()
        for frame in [
            ServerFrame.callState(state(2)), .callSpeakers(CallSpeakers(participants: [participant])),
            .callLayers(CallLayers(layers: [CallLayer(source: .camera, active: ["q"])])),
        ] {
            #expect(machine.receive(notice(frame)) == [.send(frame)])
        }
        for frame in [ServerFrame.current(Current()), .heartbeat(Heartbeat())] {
            #expect(machine.receive(notice(frame)).isEmpty)
        }
        let end = ServerFrame.callEnded(CallEnded(participantID: participant, reason: .removed))
        #expect(machine.receive(notice(end)) == [.send(end)])
        #expect(machine.isIdle)
        #expect(machine.receive(notice(end)).isEmpty)
    }

    @Test("What a node tells another seat, such as the one before, is dropped")
    func otherSeat() {
        var (machine, _) = seated()
        let other = SeatNotice(
            node: node, participantID: ParticipantID(number: 12), connectionID: .example, frame: .callState(state(2)))
        #expect(machine.receive(other).isEmpty)
        #expect(!machine.isIdle)
    }

    @Test("A node that gave the seat when the call had just moved does not end it where it is now")
    func otherNode() {
        var (machine, seat) = seated()
        let end = ServerFrame.callEnded(CallEnded(participantID: participant, reason: .moved))
        let other = SeatNotice(
            node: InstanceID(number: 22), participantID: participant, connectionID: .example, frame: end)
        #expect(machine.receive(other).isEmpty)
        #expect(machine.receive(.offer(offer(1))) == [.offer(offer(1), seat)])
        #expect(machine.receive(notice(end)) == [.send(end)])
    }

    @Test("What a node told of a seat that another node gave in the end does not count")
    func stateOfAnotherNode() {
        var machine = CallMachine()
        _ = machine.receive(.join(CallJoin(channelID: channel)))
        let other = InstanceID(number: 22)
        _ = machine.granted(CallSeat(participantID: participant, channelID: channel, node: other, attempt: 1))
        let early = SeatNotice(
            node: other, participantID: participant, connectionID: .example, frame: .callState(state(9)))
        #expect(machine.receive(early).isEmpty)
        let seat = seat(attempt: 1)
        _ = machine.granted(seat)
        #expect(machine.receive(early).isEmpty)
        let revision = joined(&machine, seat, isResumed: false, 2)
        #expect(revision == 2)
    }

    @Test("A client is told that the call moves when the node of its seat is dead, and of no other node")
    func deadNode() {
        var (machine, _) = seated()
        #expect(machine.node == node)
        #expect(machine.nodeDied(InstanceID(number: 22)).isEmpty)
        #expect(machine.nodeDied(node) == [ended(.moved)])
        #expect(machine.isIdle && machine.node == nil)
        #expect(machine.nodeDied(node).isEmpty)
        (machine, _) = seated()
        let join = CallJoin(channelID: channel, participantID: participant)
        _ = machine.receive(.join(join))
        #expect(machine.nodeDied(node).isEmpty, "it is being joined again")
    }

    // MARK: Parts

    private struct Failure: Equatable {
        let code: ErrorCode
        let number: Int?
    }

    private func code(_ actions: [Action]) -> Failure? {
        guard case .send(.callFailed(let failed)) = actions.first, actions.count == 1, !failed.detail.isEmpty else {
            return nil
        }
        return Failure(code: failed.code, number: failed.number)
    }

    private func seat(_ participant: ParticipantID? = nil, attempt: Int) -> CallSeat {
        CallSeat(participantID: participant ?? self.participant, channelID: channel, node: node, attempt: attempt)
    }

    private func seated() -> (CallMachine, CallSeat) {
        var machine = CallMachine()
        _ = machine.receive(.join(CallJoin(channelID: channel)))
        let seat = seat(attempt: 1)
        _ = machine.granted(seat)
        _ = machine.joined(seat, SeatJoinReply(isResumed: false, state: state(1)), iceServers: [])
        return (machine, seat)
    }

    /// The revision of the state that the client is given with its seat.
    private func joined(_ machine: inout CallMachine, _ seat: CallSeat, isResumed: Bool, _ revision: Int) -> Int? {
        let actions = machine.joined(seat, SeatJoinReply(isResumed: isResumed, state: state(revision)), iceServers: [])
        guard case .send(.callJoined(let joined)) = actions.first, actions.count == 1 else { return nil }
        return joined.isResumed == isResumed ? joined.state.revision : nil
    }

    private func state(_ revision: Int) -> CallState {
        CallState(revision: revision, participants: [], tracks: [], audioSections: 6, videoSections: 4)
    }

    private func offer(_ number: Int) -> CallOffer { CallOffer(number: number, sdp: "v=0", publications: []) }

    private func notice(_ frame: ServerFrame) -> SeatNotice {
        SeatNotice(node: node, participantID: participant, connectionID: .example, frame: frame)
    }

    private func failed(_ code: ErrorCode, _ detail: String, _ number: Int? = nil) -> Action {
        .send(.callFailed(CallFailed(code: code, detail: detail, number: number)))
    }

    private func ended(_ reason: CallEndReason) -> Action {
        .send(.callEnded(CallEnded(participantID: participant, reason: reason)))
    }
}

extension EntityID {
    fileprivate init(number: UInt64) {
        self.init(at: Timestamp(milliseconds: 1_763_700_000_000), entropy: (0, number << 2))
    }
}
