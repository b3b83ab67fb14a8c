import Contracts
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Media nodes that go away")
    struct NodeTests {
        /// Sound and pictures may be missing for so long while a node shuts down.
        private static let moved = Duration.seconds(2)
        /// The same when it is killed.
        private static let recovered = Duration.seconds(5)

        @Test(
            "A node that shuts down sends everyone to the other; nothing is missing for 2 s, and it ends with the last")
        func stopped() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let callers = try await scene.talking()
                let node = try scene.node(of: callers[0])
                for caller in callers { caller.peer.beginPauses() }
                #expect(kill(try scene.stack.processID(of: node), SIGTERM) == 0)
                let back = try await scene.followed(callers, within: Self.moved)
                for new in back { #expect(try scene.node(of: new) != node) }
                try await scene.expectTalk(back, within: Self.moved)
                // Until here the former connections have played.
                for caller in callers {
                    let former = caller.peer.snapshot
                    #expect(former.longestPause < Self.moved && !former.isClosed)
                    caller.peer.close()
                }
                try await scene.waitForCall(back.map(\.id))
                let closed = ContinuousClock.now
                try await scene.stack.stop(node)
                #expect(ContinuousClock.now - closed < .seconds(2), "it waited for nobody")
                try await scene.expectTalk(back, within: Self.moved)
                for caller in back { #expect(caller.device.state.violations.isEmpty) }
                try await scene.stack.start(node)
            }
        }

        @Test("A node that shuts down does not wait for those who stay")
        func bounded() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let callers = try await scene.talking()
                let node = try scene.node(of: callers[0])
                let start = ContinuousClock.now
                #expect(kill(try scene.stack.processID(of: node), SIGTERM) == 0)
                for caller in callers {
                    let end = try await caller.device.callEnd(within: .seconds(2))
                    #expect(end == CallEnded(participantID: caller.id, reason: .moved))
                }
                for caller in callers {
                    try await caller.peer.wait(for: "the goodbye", within: Limits.mediaDrainDeadline) { $0.isClosed }
                }
                #expect(ContinuousClock.now - start > .seconds(4))
                try await scene.stack.stop(node)
                #expect(ContinuousClock.now - start < Limits.mediaDrainDeadline + .seconds(1))
                try await scene.stack.start(node)
            }
        }

        @Test("Who has a seat on a node that is killed is told within 2 s, and talks on the other within 5 s")
        func killed() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let callers = try await scene.talking()
                let node = try scene.node(of: callers[0])
                let start = ContinuousClock.now
                #expect(kill(try scene.stack.processID(of: node), SIGKILL) == 0)
                let back = try await scene.followed(callers, within: Self.moved)
                try await scene.expectTalk(back, within: Self.moved)
                #expect(ContinuousClock.now - start < Self.recovered)
                for new in back { #expect(try scene.node(of: new) != node) }
                for caller in callers { caller.peer.stop() }
                try await scene.waitForCall(back.map(\.id))
                try await scene.stack.start(node)
            }
        }

        @Test("An encoder by WHIP is sent away at once when its node shuts down, and begins anew on the other")
        func encoder() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let viewer = try await scene.join(0, sources: [])
                let encoder = try await scene.whip(1)
                try await viewer.peer.wait(for: 10, .camera, of: encoder.peer)
                let node = try scene.node(of: viewer)
                #expect(kill(try scene.stack.processID(of: node), SIGTERM) == 0)
                try await encoder.peer.wait(for: "the goodbye", within: .seconds(2)) { $0.isClosed }
                #expect(try await encoder.delete().status == 404)
                let again = try await scene.whip(1)
                #expect(try scene.stack.mediaNode(at: again.peer.nodePort) != node)
                let back = try await scene.join(0, sources: [], on: viewer.device)
                try await back.peer.wait(for: 10, .camera, of: again.peer)
                viewer.peer.close()
                try await scene.stack.stop(node)
                try await scene.stack.start(node)
            }
        }

        @Test("An encoder by WHIP whose node was killed has a seat on the other within 5 s")
        func encoderOfTheDead() async throws {
            try await CallMediaScene.run(people: 1) { scene in
                let encoder = try await scene.whip(0)
                let node = try scene.stack.mediaNode(at: encoder.peer.nodePort)
                #expect(kill(try scene.stack.processID(of: node), SIGKILL) == 0)
                let start = ContinuousClock.now
                let again = try await scene.whip(0)
                #expect(ContinuousClock.now - start < Self.recovered)
                #expect(try scene.stack.mediaNode(at: again.peer.nodePort) != node)
                encoder.peer.stop()
                #expect(try await again.delete().status == 200)
                try await scene.stack.start(node)
            }
        }
    }
}

extension CallMediaScene {
    /// Two who hear and see each other.
    fileprivate func talking() async throws -> [Caller] {
        let callers = [try await join(0), try await join(1)]
        try await expectTalk(callers, within: .seconds(5))
        return callers
    }

    fileprivate func expectTalk(_ callers: [Caller], within limit: Duration) async throws {
        for (viewer, other) in [(callers[0], callers[1]), (callers[1], callers[0])] {
            for source in [CallSource.microphone, .camera] {
                try await viewer.peer.wait(for: 10, source, of: other.peer, within: limit)
            }
        }
    }
}
