import Contracts
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Each node of the scene has two seats.
    @Suite("Calls: a room on several media nodes")
    struct CallHelperTests {
        /// Who had a seat on a node that was killed, or on one that helped it, talks again within this.
        private static let recovered = Duration.seconds(5)

        @Test("Five on three nodes get each other whole and are moderated alike, and who comes back finds the seat")
        func five() async throws {
            try await CallMediaScene.run(people: 5, on: .small) { scene in
                let callers = try await scene.joined(5)
                let nodes = try callers.map { try scene.node(of: $0) }
                #expect(nodes[0] == nodes[1] && nodes[2] == nodes[3] && Set(nodes).count == 3, "\(nodes)")
                try await scene.expectWhole(callers)
                try await scene.waitForCall(callers.map(\.id))

                let (owner, last) = (callers[0], callers[4])
                try await scene.moderate(by: owner, .mute, last, .microphone)
                let mute = CallMute(participantID: last.id, source: .microphone)
                for caller in callers {
                    try await caller.device.callState("with the mute", within: .seconds(1)) { $0.mutes == [mute] }
                }
                await last.device.close()
                try await last.user.connect(last.device, to: scene.gateway(1))
                #expect(try await last.device.joinCall(of: scene.channel, as: last.id).isResumed)

                _ = try await owner.user.api.call(
                    Endpoints.removeFromCall, path: [scene.channel],
                    body: CallRemovalRequest(userID: callers[3].user.id))
                #expect(try await callers[3].device.callEnd(within: .seconds(1)).reason == .removed)
                let rest = callers.filter { $0.id != callers[3].id }
                for caller in rest {
                    try await caller.device.lastCallState("without who was removed") { $0.participants.count == 4 }
                }
                try await scene.waitForCall(rest.map(\.id))
            }
        }

        @Test("An encoder by WHIP has its seat on a node that helps, is seen on the others, and can give it up")
        func encoder() async throws {
            try await CallMediaScene.run(people: 3, on: .small) { scene in
                let callers = try await scene.joined(2)
                let encoder = try await scene.whip(2)
                let node = try scene.stack.mediaNode(at: encoder.peer.nodePort)
                #expect(try node != scene.node(of: callers[0]))
                for caller in callers { try await caller.peer.wait(for: 10, .camera, of: encoder.peer) }
                #expect(try await encoder.delete().status == 200)
                try await scene.waitForCall(callers.map(\.id))
            }
        }

        @Test(
            "After kill -9 of the home all talk on other nodes within 5 s, those who sat at a node that helped it too")
        func killedHome() async throws {
            try await CallMediaScene.run(people: 4, on: .small) { scene in
                let callers = try await scene.joined(4)
                try await scene.expectWhole(callers)
                let home = try scene.node(of: callers[0])
                #expect(kill(try scene.stack.processID(of: home), SIGKILL) == 0)
                let start = ContinuousClock.now
                let back = try await scene.followed(callers, within: Self.recovered)
                try await scene.expectWhole(back)
                #expect(ContinuousClock.now - start < Self.recovered)
                for new in back { #expect(try scene.node(of: new) != home) }
                for caller in callers { caller.peer.stop() }
                try await scene.waitForCall(back.map(\.id))
                try await scene.stack.start(home)
            }
        }

        @Test("After kill -9 of a node that helps its people talk on another within 5 s, and the rest without a break")
        func killedHelper() async throws {
            try await CallMediaScene.run(people: 3, on: .small) { scene in
                let callers = try await scene.joined(3)
                try await scene.expectWhole(callers)
                for caller in callers.prefix(2) { caller.peer.beginPauses() }
                let helper = try scene.node(of: callers[2])
                #expect(kill(try scene.stack.processID(of: helper), SIGKILL) == 0)
                let start = ContinuousClock.now
                let end = try await callers[2].device.callEnd(within: .seconds(2))
                #expect(end == CallEnded(participantID: callers[2].id, reason: .moved))
                let back = try await scene.join(2, on: callers[2].device)
                try await scene.expectWhole([callers[0], callers[1], back])
                #expect(ContinuousClock.now - start < Self.recovered)
                #expect(try scene.node(of: back) != helper)
                for caller in callers.prefix(2) {
                    #expect(caller.device.state.call.ended.isEmpty)
                    #expect(caller.peer.snapshot.longestPause < .milliseconds(500))
                }
                callers[2].peer.stop()
                try await scene.waitForCall([callers[0].id, callers[1].id, back.id], within: .seconds(10))
                try await scene.stack.start(helper)
            }
        }

        @Test("A home that shuts down sends everyone away, those at a node that helps it too, and ends with the last")
        func stoppedHome() async throws {
            try await CallMediaScene.run(people: 3, on: .small) { scene in
                let callers = try await scene.joined(3)
                try await scene.expectWhole(callers)
                let home = try scene.node(of: callers[0])
                #expect(kill(try scene.stack.processID(of: home), SIGTERM) == 0)
                let back = try await scene.followed(callers, within: .seconds(2))
                try await scene.expectWhole(back)
                for new in back { #expect(try scene.node(of: new) != home) }
                for caller in callers { caller.peer.close() }
                try await scene.waitForCall(back.map(\.id))
                try await scene.stack.stop(home)
                try await scene.stack.start(home)
            }
        }
    }
}

extension CallMediaScene {
    /// The first people, one after the other.
    fileprivate func joined(_ count: Int) async throws -> [Caller] {
        var callers: [Caller] = []
        for person in 0..<count { callers.append(try await join(person)) }
        return callers
    }
}
