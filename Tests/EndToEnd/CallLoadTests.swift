import Contracts
import Glibc
import MediaPeer
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Calls: churn and floods")
    struct CallLoadTests {
        @Test("C8: fifty seats taken and given up leave nothing in Redis, in the call, or in the node")
        func churn() async throws {
            try await CallMediaScene.run(people: 11) { scene in
                let devices = try await concurrently(1...10) { person in
                    try await scene.team.people[person].connect(to: scene.gateway(person))
                }
                try await comeAndGo(10, devices, scene)
                // All nodes: rooms are placed where the fewest are.
                let before = try scene.footprints()
                let host = try await scene.join(0)
                try await comeAndGo(25, devices, scene)
                #expect(try await host.device.leaveCall().reason == .left)
                // Now each room comes and goes with its only seat.
                try await comeAndGo(25, devices, scene)

                try await scene.waitForCall([])
                try await eventually("no room has a place") {
                    try await scene.stack.redis("KEYS", "media:room:*").isEmpty ? true : nil
                }
                for (old, new) in zip(before, try scene.footprints()) {
                    #expect(new.descriptorCount == old.descriptorCount)
                    #expect(new.residentByteCount - old.residentByteCount < 6 << 20)
                }
                #expect(try await scene.call().startedAt == nil)
            }
        }

        /// Seats of one person after the other, each with a media path and a little sound, given up by the frame or by the
        /// end of the association in turn.
        private func comeAndGo(_ count: Int, _ devices: [GatewayClient], _ scene: CallMediaScene) async throws {
            for cycle in 0..<count {
                let index = cycle % devices.count
                let device = devices[index]
                let ended = device.state.call.ended.count
                let caller = try await scene.join(index + 1, on: device)
                try await caller.peer.waitUntilSent(3)
                // Each person does it both ways.
                let isClosing = (cycle + cycle / devices.count) % 2 == 0
                if isClosing { caller.peer.close() } else { try await device.send(.callLeave(CallLeave())) }
                try await device.wait(for: "the seat is given up") { $0.call.ended.count > ended }
                #expect(device.state.call.ended.last == CallEnded(participantID: caller.id, reason: .left))
                try await caller.peer.wait(for: "the end of the association") { $0.isClosed }
                caller.peer.stop()
            }
        }

        @Test("Nonsense at the media port, up to a million datagrams in ten seconds, ends no call and takes no memory")
        func flood() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let (first, second) = (try await scene.join(0), try await scene.join(1))
                for (receiver, sender) in [(first, second), (second, first)] {
                    try await receiver.peer.wait(for: 20, .camera, of: sender.peer)
                }
                let node = try scene.node(of: first)
                let process = try scene.stack.processID(of: node)
                let samples = first.peer.samples + second.peer.samples
                // Once the sockets' buffers have been full, their memory is the kernel's and counts no more.
                let before = try ProcessFootprint(of: process)
                let heard = second.peer.received(.microphone, of: first.peer)?.packets ?? 0
                let spoken = first.peer.snapshot.sent[.microphone] ?? 0
                let seed: UInt64 = 1
                async let flooding = MediaFlood.send(
                    1_000_000, to: first.peer.nodePort, samples: samples, seed: seed, within: .seconds(10))
                // The hardest to refuse: what comes from an address that was authenticated.
                try await sendChanged(samples, by: first.peer, seed: seed)
                let sent = try await flooding
                #expect(sent > 200_000, "seed \(seed)")
                let during = (second.peer.received(.microphone, of: first.peer)?.packets ?? 0) - heard
                let said = (first.peer.snapshot.sent[.microphone] ?? 0) - spoken
                #expect(during > said / 2, "\(during) of \(said) packets of sound arrived meanwhile, seed \(seed)")

                #expect(try scene.stack.processID(of: node) == process && kill(process, 0) == 0)
                let after = try ProcessFootprint(of: process)
                #expect(after.residentByteCount - before.residentByteCount < 8 << 20, "seed \(seed)")
                #expect(after.descriptorCount == before.descriptorCount)
                for url in try scene.stack.mediaURLs {
                    #expect(try await APIClient(base: url).get("/health/ready").status == 200)
                }
                for (receiver, sender) in [(first, second), (second, first)] {
                    try await receiver.peer.wait(for: 50, .microphone, of: sender.peer)
                    try await receiver.peer.wait(for: 30, .camera, of: sender.peer)
                    #expect(receiver.peer.received(.microphone, of: sender.peer)?.corrupt == 0)
                    #expect(receiver.device.state.call.ended.isEmpty)
                }
            }
        }

        private func sendChanged(_ samples: [[UInt8]], by peer: CallPeer, seed: UInt64) async throws {
            var random = SplitMix64(seed: seed)
            for _ in 0..<20_000 {
                let sample = samples[Int.random(in: 0..<samples.count, using: &random)]
                peer.send(raw: MediaFlood.changed(sample, &random))
                await Task.yield()
            }
        }
    }
}

extension CallMediaScene {
    /// Of the media nodes.
    fileprivate func footprints() throws -> [ProcessFootprint] {
        try (0..<2).map { try ProcessFootprint(of: stack.processID(of: "media-\($0)")) }
    }
}
