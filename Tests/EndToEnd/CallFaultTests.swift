import Contracts
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Calls: processes that die")
    struct CallFaultTests {
        @Test(
            "After kill -9 of a media node whoever comes back has a seat on the other within 3 s, and who does not is gone"
        )
        func killedNode() async throws {
            try await CallMediaScene.run(people: 3) { scene in
                let callers = [try await scene.join(0), try await scene.join(1)]
                let lost = try await scene.join(2, sources: [.microphone])
                try await callers[1].peer.wait(for: 10, .microphone, of: callers[0].peer)
                let node = try scene.node(of: callers[0])
                #expect(kill(try scene.stack.processID(of: node), SIGKILL) == 0)

                // Both at once, as clients do; the API has to send them to one node.
                let back = try await concurrently(0..<2) { index in
                    let caller = callers[index]
                    return try await scene.join(index, as: caller.id, on: caller.device, within: .seconds(3))
                }
                for (old, new) in zip(callers, back) {
                    #expect(new.id == old.id && !new.joined.isResumed)
                    #expect(try scene.node(of: new) != node)
                }
                try await back[1].peer.wait(for: 10, .camera, of: back[0].peer)
                try await back[0].peer.wait(for: 10, .camera, of: back[1].peer)
                try await scene.waitForCall(back.map(\.id))
                for caller in back {
                    try await caller.device.lastCallState("without who is lost") {
                        $0.participants.count == 2 && $0.tracks.count == 2
                    }
                    try await caller.device.wait(for: "the event that tells so") { state in
                        state.calls(in: scene.channel).last.map {
                            Set($0.participants.map(\.participantID)) == Set(back.map(\.id))
                        } ?? false
                    }
                    #expect(caller.device.state.violations.isEmpty)
                }
                lost.peer.stop()
                try await scene.stack.start(node)
            }
        }

        @Test(
            "Redis can die and come back during a call: media never stops, a third joins within 5 s, and all are told")
        func killedRedis() async throws {
            try await CallMediaScene.run(people: 3) { scene in
                let (first, second) = (try await scene.join(0), try await scene.join(1))
                for (receiver, sender) in [(first, second), (second, first)] {
                    try await receiver.peer.wait(for: 10, .microphone, of: sender.peer)
                    try await receiver.peer.wait(for: 10, .camera, of: sender.peer)
                }
                let device = try await scene.team.people[2].connect(to: scene.gateway(0))
                for caller in [first, second] { caller.peer.beginPauses() }
                try await scene.stack.kill("redis")
                try await second.peer.wait(for: 100, .microphone, of: first.peer)
                try await scene.stack.start("redis")
                let start = ContinuousClock.now
                let third = try await scene.joinPatiently(2, on: device, within: .seconds(5))
                #expect(ContinuousClock.now - start < .seconds(5))
                for caller in [first, second] {
                    try await caller.device.callState("the third is there") { $0.participants.count == 3 }
                    for other in [first, second, third] where other.id != caller.id {
                        try await caller.peer.wait(for: 10, .microphone, of: other.peer)
                    }
                    #expect(caller.device.state.call.ended.isEmpty)
                    #expect(caller.peer.snapshot.longestPause < .milliseconds(500))
                }
                try await third.peer.wait(for: 10, .camera, of: first.peer)
                try await scene.waitForCall([first.id, second.id, third.id])
                // The seats of before are as good as ever.
                await first.device.close()
                try await first.user.connect(first.device, to: scene.gateway(1))
                #expect(try await first.device.joinCall(of: scene.channel, as: first.id).isResumed)
            }
        }
    }
}

extension GatewayClient.State {
    /// The states of a channel's call that came as events, in the order of arrival.
    fileprivate func calls(in channel: ChannelID) -> [ChannelCall] {
        events(of: .channel(channel)).compactMap { frame in
            if case .callUpdated(let call) = frame.event { call } else { nil }
        }
    }
}
