import Contracts
import GatewayDomain
import Testing

@Suite("Protocol of a connection")
struct ConnectionMachineTests {
    private let start = Timestamp(milliseconds: 1_000_000)
    private let identify = Identify(token: "t", cursors: [])

    @Test("Identify comes once, in time (O3)")
    func identifyOnce() {
        var machine = ConnectionMachine(now: start)
        #expect(machine.check(now: start + .seconds(9)) == .none)
        #expect(machine.check(now: start + .seconds(10)) == .close(.identifyTimeout))
        #expect(machine.receive(.identify(identify), now: start) == .identify(identify))
        #expect(machine.check(now: start + .seconds(10)) == .none)
        #expect(machine.receive(.identify(identify), now: start) == .close(.alreadyIdentified))
    }

    @Test("A heartbeat is answered and keeps the connection; silence ends it")
    func heartbeat() {
        var machine = ConnectionMachine(now: start)
        _ = machine.receive(.identify(identify), now: start)
        #expect(machine.receive(.heartbeat(Heartbeat()), now: start + .seconds(50)) == .answerHeartbeat)
        #expect(machine.check(now: start + .seconds(139)) == .none)
        #expect(machine.check(now: start + .seconds(140)) == .close(.heartbeatTimeout))
    }

    @Test("Call frames are handed on, whether the client is known or not: the call refuses them, not the connection")
    func calls() {
        let frames: [(ClientFrame, ClientCallFrame)] = [
            (.callJoin(CallJoin(channelID: .example)), .join(CallJoin(channelID: .example))),
            (
                .callOffer(CallOffer(number: 1, sdp: "s", publications: [])),
                .offer(CallOffer(number: 1, sdp: "s", publications: []))
            ),
            (.callUpdate(CallUpdate(active: [.camera])), .update(CallUpdate(active: [.camera]))),
            (.callView(CallView(tracks: [])), .view(CallView(tracks: []))),
            (.callLeave(CallLeave()), .leave),
        ]
        for isIdentified in [false, true] {
            var machine = ConnectionMachine(now: start)
            if isIdentified { _ = machine.receive(.identify(identify), now: start) }
            for (frame, expected) in frames { #expect(machine.receive(frame, now: start) == .call(expected)) }
        }
    }

    @Test(
        "A client that asks for a seat too often is refused, until its earlier attempts are old; other frames are not")
    func joins() {
        var machine = ConnectionMachine(now: start)
        let join = ClientFrame.callJoin(CallJoin(channelID: .example))
        let passed = ConnectionMachine.Action.call(.join(CallJoin(channelID: .example)))
        let refused = ConnectionMachine.Action.refuse(
            CallFailed(code: .rateLimited, detail: "Too many attempts to join; wait a moment."))
        for second in 0..<Limits.callJoinRate {
            #expect(machine.receive(join, now: start + .seconds(second)) == passed)
        }
        for second in Limits.callJoinRate..<30 {
            #expect(machine.receive(join, now: start + .seconds(second)) == refused)
        }
        #expect(machine.receive(.callLeave(CallLeave()), now: start + .seconds(29)) == .call(.leave))
        #expect(machine.receive(join, now: start + .seconds(30)) == passed, "what was refused does not count")
        #expect(machine.receive(join, now: start + .seconds(30)) == refused)
        #expect(machine.receive(join, now: start + .seconds(31)) == passed)
    }

    @Test("What cannot be read and what comes too fast ends the connection")
    func abuse() {
        var machine = ConnectionMachine(now: start)
        #expect(machine.receive(nil, now: start) == .close(.malformedFrame))
        var fast = ConnectionMachine(now: start)
        for _ in 1...Limits.clientFrameRate { #expect(fast.noteAlive(now: start) == .none) }
        #expect(fast.noteAlive(now: start) == .close(.tooManyFrames))
        #expect(fast.noteAlive(now: start + Limits.clientFrameWindow) == .none)
    }

    @Test("More cursors than a client may have is no identify")
    func cursors() {
        var machine = ConnectionMachine(now: start)
        let cursors = Array(repeating: Cursor.sample, count: Limits.cursorsPerIdentify + 1)
        #expect(
            machine.receive(.identify(Identify(token: "t", cursors: cursors)), now: start) == .close(.malformedFrame))
    }
}

extension Cursor {
    fileprivate static let sample = Cursor(stream: .example, seq: 1)
}
