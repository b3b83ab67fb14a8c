import Contracts
import MediaPeer
import MediaSecurity
import TestSupport
import Testing

extension EndToEnd {
    /// The way of sound and pictures, over real UDP: sign-up, gateways, API and media nodes are the product's own.
    @Suite("Calls: media")
    struct CallMediaTests {
        @Test("Each SRTP profile carries media both ways between two gateways", arguments: SRTPProfile.allCases)
        func profiles(_ profile: SRTPProfile) async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let first = try await scene.join(0) { $0.profiles = [profile] }
                let second = try await scene.join(1) { $0.profiles = [profile] }
                for (receiver, sender) in [(first, second), (second, first)] {
                    for source in [CallSource.microphone, .camera] {
                        try await receiver.peer.wait(for: 40, source, of: sender.peer)
                        let section = try #require(receiver.peer.received(source, of: sender.peer))
                        #expect(section.corrupt == 0 && section.wrongMids == 0 && section.duplicates == 0)
                        #expect(section.sequenceBreaks == 0 && section.timestampBreaks == 0)
                        #expect(source != .camera || section.keyFrames > 0)
                        let told = receiver.device.state.call.newest?.mid(source, of: sender.id)
                        #expect(told == section.mid)
                    }
                    let snapshot = receiver.peer.snapshot
                    #expect(snapshot.profile == profile)
                    #expect(snapshot.strayPackets == 0 && snapshot.replayed == 0 && snapshot.forged == 0)
                }
                try await scene.waitForCall([first.id, second.id])
            }
        }

        @Test("The others are told within a second of a camera that goes off, a muted microphone, and who has left")
        func told() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let (first, second) = (try await scene.join(0), try await scene.join(1))
                let id = first.id
                let steps: [[CallSource]] = [[.microphone], [], [.camera], [.microphone, .camera]]
                try await second.device.callState("both are on") {
                    $0.isActive(.microphone, of: id) == true && $0.isActive(.camera, of: id) == true
                }
                for active in steps {
                    try await first.device.updateCall(active: active)
                    try await second.device.callState("\(active) are on", within: .seconds(1)) { state in
                        [.microphone, .camera].allSatisfy { state.isActive($0, of: id) == active.contains($0) }
                    }
                }
                try await second.peer.wait(for: 10, .microphone, of: first.peer)
                #expect(try await first.device.leaveCall() == CallEnded(participantID: id, reason: .left))
                try await second.device.callState("alone", within: .seconds(1)) {
                    $0.participants.map(\.participantID) == [second.id] && $0.tracks.isEmpty
                }
                try await first.peer.wait(for: "the end of the association", within: .seconds(1)) { $0.isClosed }
                try await scene.waitForCall([second.id], within: .seconds(2))
            }
        }

        @Test("A seat outlives its socket: by another gateway it is taken again, and media never stops")
        func resumed() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let (first, second) = (try await scene.join(0), try await scene.join(1))
                try await second.peer.wait(for: 20, .microphone, of: first.peer)
                try await first.peer.wait(for: 20, .camera, of: second.peer)
                for peer in [first.peer, second.peer] { peer.beginPauses() }
                await first.device.close()
                // Longer than any update is held back.
                try await second.peer.wait(for: 25, .microphone, of: first.peer)
                try await first.user.connect(first.device, to: scene.gateway(1))
                let again = try await first.device.joinCall(of: scene.channel, as: first.id)
                #expect(again.isResumed && again.participantID == first.id)
                #expect(Set(again.state.participants.map(\.participantID)) == [first.id, second.id])
                #expect(again.state.revision > first.joined.state.revision)
                try await first.device.updateCall(active: [.microphone])
                try await second.device.callState("the camera is off", within: .seconds(1)) {
                    $0.isActive(.camera, of: first.id) == false
                }
                try await second.device.updateCall(active: [.camera])
                try await first.device.callState("muted", within: .seconds(1)) {
                    $0.isActive(.microphone, of: second.id) == false
                }
                for (receiver, sender) in [(first, second), (second, first)] {
                    try await receiver.peer.wait(for: 25, .microphone, of: sender.peer)
                    #expect(receiver.peer.received(.microphone, of: sender.peer)?.sequenceBreaks == 0)
                    #expect(receiver.peer.snapshot.longestPause < .milliseconds(500))
                }
            }
        }

        @Test("A datagram of an address that no check came from is dropped, and one that comes again is too")
        func spoofed() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let speaker = try await scene.join(0, sources: [.microphone])
                let hearer = try await scene.join(1, sources: [])
                try await hearer.peer.wait(for: 5, .microphone, of: speaker.peer)
                speaker.peer.mute()
                try await hearer.peer.wait(for: "all that was sent") { _ in
                    let last = hearer.peer.received(.microphone, of: speaker.peer)?.lastFrame.map(Int.init)
                    return last.map { $0 + 1 } == speaker.peer.snapshot.sent[.microphone]
                }
                let stranger = try MediaSocket(host: "127.0.0.1", port: speaker.peer.nodePort)
                // What the node takes it takes in order, so that a packet that arrives tells of all before it.
                let marks = speaker.peer.hold(2)
                let packets = speaker.peer.hold(20)
                let quiet = try await markedCount(marks[0], speaker, hearer)

                for packet in packets { stranger.send(packet) }
                let spoofed = try await markedCount(marks[1], speaker, hearer)
                #expect(spoofed == quiet + 1, "only the mark")

                for packet in packets { speaker.peer.send(raw: packet) }
                try await hearer.peer.wait(for: "the same from the right address") { $0.packets == spoofed + 20 }
                for packet in packets + marks + packets { speaker.peer.send(raw: packet) }
                let repeated = try await markedCount(speaker.peer.hold(1)[0], speaker, hearer)
                #expect(repeated == spoofed + 21, "only the mark")
                let section = try #require(hearer.peer.received(.microphone, of: speaker.peer))
                #expect(section.duplicates == 0 && section.corrupt == 0 && hearer.peer.snapshot.replayed == 0)
            }
        }

        /// Sends a packet of the speaker's, waits for it, and gives the number of packets the hearer then has.
        private func markedCount(_ mark: [UInt8], _ speaker: Caller, _ hearer: Caller) async throws -> Int {
            let before = hearer.peer.received(.microphone, of: speaker.peer)?.lastFrame ?? 0
            speaker.peer.send(raw: mark)
            try await hearer.peer.wait(for: "the mark") { _ in
                hearer.peer.received(.microphone, of: speaker.peer)?.lastFrame ?? 0 > before
            }
            return hearer.peer.snapshot.packets
        }
    }
}
