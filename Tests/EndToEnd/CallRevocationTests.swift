import Contracts
import MediaPeer
import MediaSecurity
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Calls: rights that end")
    struct CallRevocationTests {
        /// How a right ends, by HTTP.
        enum Loss: CaseIterable {
            case leftChannel
            case revokedSession
        }

        @Test(
            "Whoever leaves the channel, or whose session is revoked, loses live media within a second",
            arguments: Loss.allCases)
        func revoked(_ loss: Loss) async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let other = try await scene.team.people[1].logIn()
                let (stays, goes) = (try await scene.join(0), try await scene.join(1))
                for (receiver, sender) in [(stays, goes), (goes, stays)] {
                    try await receiver.peer.wait(for: 10, .microphone, of: sender.peer)
                    try await receiver.peer.wait(for: 10, .camera, of: sender.peer)
                }
                // A client that goes on whatever it is told.
                goes.peer.becomeDeaf()
                let start = MediaTime.now
                switch loss {
                case .leftChannel: try await goes.user.api.call(Endpoints.leaveChannel, path: [scene.channel])
                case .revokedSession:
                    let session = goes.user.signedIn.sessionID
                    try await other.api.call(Endpoints.revokeSession, path: [session])
                }
                try await stays.device.callState("without whoever has no right", within: .seconds(1)) {
                    $0.participants.map(\.participantID) == [stays.id] && $0.tracks.isEmpty
                }
                switch loss {
                case .leftChannel:
                    #expect(try await goes.device.callEnd(within: .seconds(1)).reason == .removed)
                case .revokedSession:
                    let code = try await goes.device.closeCode(within: .seconds(1))
                    #expect(code == CloseCode.sessionRevoked.rawValue)
                }
                let (told, received) = (MediaTime.now - start, goes.peer.snapshot.mediaDatagrams)
                #expect(told < .seconds(1))

                let known = stays.peer.snapshot.packets
                try await goes.peer.waitUntilSent(50)
                #expect(stays.peer.snapshot.packets == known, "nothing more comes from it")
                #expect(goes.peer.snapshot.mediaDatagrams == received, "nothing more goes to it")
                for source in [CallSource.microphone, .camera] {
                    let last = try #require(stays.peer.received(source, of: goes.peer)?.lastArrival)
                    #expect(last - start < .seconds(1))
                }
                try await scene.waitForCall([stays.id])
                await expectRefused(goes, loss, scene)
            }
        }

        /// There is no way back.
        private func expectRefused(_ caller: Caller, _ loss: Loss, _ scene: CallMediaScene) async {
            switch loss {
            case .leftChannel:
                let refused = await #expect(throws: CallRefused.self) {
                    try await caller.device.joinCall(of: scene.channel, as: caller.id)
                }
                #expect(refused?.frame.code == .notFound)
            case .revokedSession:
                await #expect(throws: GatewayClient.Closed.self) {
                    try await caller.user.connect(caller.device, to: scene.gateway(0))
                }
            }
        }
    }
}
