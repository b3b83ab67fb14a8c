import Contracts
import Foundation
import MediaPeer
import TestSupport
import Testing

extension EndToEnd {
    /// The nodes of the scene have two workers, and of a room two seats on one before the other helps.
    @Suite("Calls: a room on two workers")
    struct CallRelayTests {
        @Test("Five on two workers get each other whole and are moderated alike, and who comes late sees all")
        func five() async throws {
            try await CallMediaScene.run(people: 6) { scene in
                var callers: [Caller] = []
                for person in 0..<5 { callers.append(try await scene.join(person)) }
                #expect(try await parts(of: scene).map(\.count).sorted() == [2, 3], "each sits on one of two")
                try await scene.expectWhole(callers)

                let (owner, last) = (callers[0], callers[4])
                try await scene.moderate(by: owner, .mute, last, .microphone)
                let mute = CallMute(participantID: last.id, source: .microphone)
                for caller in callers {
                    try await caller.device.callState("with the mute", within: .seconds(1)) { $0.mutes == [mute] }
                }
                try await scene.moderate(by: owner, .unmute, last, .microphone)
                try await owner.device.callState("without the mute", within: .seconds(1)) { $0.mutes.isEmpty }

                let gone = callers.removeFirst()
                _ = try await gone.device.leaveCall()
                gone.peer.stop()
                callers.append(try await scene.join(5))
                try await scene.expectWhole(callers)
                try await scene.waitForCall(callers.map(\.id))
                for caller in callers { #expect(caller.device.state.call.ended.isEmpty) }
            }
        }

        /// Who sits on each worker that has the room, of either node.
        private func parts(of scene: CallMediaScene) async throws -> [[String]] {
            struct Part: Decodable {
                struct Seat: Decodable { let participantID: String }
                let channelID: String
                let participants: [Seat]
            }
            var parts: [[String]] = []
            for url in try scene.stack.mediaURLs {
                let rooms = try JSONDecoder().decode(
                    [Part].self, from: Data(try await APIClient(base: url).get("/stats").text.utf8))
                parts += rooms.filter { $0.channelID == "\(scene.channel)" }.map {
                    $0.participants.map(\.participantID)
                }
            }
            return parts
        }
    }
}
