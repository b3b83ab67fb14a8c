import Contracts
import MediaPeer
import ServiceKit
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Calls: hands, mutes and removals")
    struct ModerationTests {
        @Test("A moderator's mute stops the sound at once; the person may end it, and nobody else")
        func mute() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let (owner, member) = (try await scene.join(0), try await scene.join(1))
                #expect(owner.joined.isModerator && !member.joined.isModerator)
                try await owner.peer.wait(for: 10, .microphone, of: member.peer)
                try await scene.moderate(by: owner, member, .microphone)
                let mute = CallMute(participantID: member.id, source: .microphone)
                for caller in [owner, member] {
                    try await caller.device.callState("with the mute", within: .seconds(1)) { $0.mutes == [mute] }
                }
                let known = owner.peer.received(.microphone, of: member.peer)?.packets
                let sent = member.peer.snapshot.sent[.microphone, default: 0]
                try await eventually("the member goes on sending") {
                    member.peer.snapshot.sent[.microphone, default: 0] >= sent + 50 ? true : nil
                }
                let later = owner.peer.received(.microphone, of: member.peer)?.packets
                // What was on its way when it was imposed.
                #expect((later ?? 0) - (known ?? 0) <= 2)

                try await member.device.updateCall(active: [.camera])
                try await member.device.updateCall(active: [.microphone, .camera])
                try await owner.device.callState("without the mute") { $0.mutes.isEmpty }
                try await owner.peer.wait(for: (later ?? 0) + 20, .microphone, of: member.peer)
            }
        }

        @Test(
            "Whoever is removed loses live media within a second and gets no seat, on any device, until it is allowed")
        func removal() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let (owner, member) = (try await scene.join(0), try await scene.join(1))
                try await owner.peer.wait(for: 10, .camera, of: member.peer)
                let removal = try await owner.user.api.call(
                    Endpoints.removeFromCall, path: [scene.channel], body: CallRemovalRequest(userID: member.user.id))
                let lasts = removal.until.milliseconds - Timestamp.now.milliseconds
                #expect((1...Limits.callRemovalTime.components.seconds * 1000).contains(lasts))
                #expect(try await member.device.callEnd(within: .seconds(1)).reason == .removed)
                try await owner.device.callState("without who was removed", within: .seconds(1)) {
                    $0.participants.map(\.participantID) == [owner.id]
                }
                let tablet = try await member.user.logIn().connect()
                for device in [member.device, tablet] {
                    let refused = await #expect(throws: CallRefused.self) {
                        try await device.joinCall(of: scene.channel)
                    }
                    #expect(refused?.frame.code == .forbidden)
                }
                let listed = try await owner.user.api.call(Endpoints.listCallRemovals, path: [scene.channel]).removals
                #expect(listed == [removal])
                try await owner.user.api.call(Endpoints.allowIntoCall, path: [scene.channel, member.user.id])
                let again = try await scene.join(1, on: tablet)
                try await scene.waitForCall([owner.id, again.id])
            }
        }

        @Test("Only moderators moderate: members, strangers and people of a conversation are refused")
        func refused() async throws {
            try await CallMediaScene.run(people: 3) { scene in
                let owner = try await scene.join(0)
                let (member, stranger) = (scene.team.people[1], try await TestUser.register(on: scene.stack))
                let direct = try await scene.team.owner.api.call(
                    Endpoints.openDirectChannel, path: [scene.team.workspace],
                    body: OpenDirectChannelRequest(userID: member.id)
                ).id
                for (user, channel, status) in [
                    (member, scene.channel, 403), (stranger, scene.channel, 404), (scene.team.owner, direct, 403),
                ] {
                    let deed = ModerateCallRequest(participantID: owner.id, source: .microphone)
                    let removal = CallRemovalRequest(userID: scene.team.people[2].id)
                    let answers = [
                        try await user.api.callRaw(Endpoints.moderateCall, path: [channel], body: deed),
                        try await user.api.callRaw(Endpoints.removeFromCall, path: [channel], body: removal),
                        try await user.api.callRaw(Endpoints.listCallRemovals, path: [channel], body: Empty()),
                        try await user.api.callRaw(Endpoints.allowIntoCall, path: [channel, member.id], body: Empty()),
                    ]
                    #expect(answers.map(\.status) == [status, status, status, status])
                }
                #expect(owner.device.state.call.newest?.mutes.isEmpty == true)
                let own = try await scene.team.owner.api.callRaw(
                    Endpoints.removeFromCall, path: [scene.channel], body: CallRemovalRequest(userID: owner.user.id))
                #expect(own.status == 403, "a moderator is not removed")
                let absent = try await scene.team.owner.api.callRaw(
                    Endpoints.moderateCall, path: [scene.channel],
                    body: ModerateCallRequest(participantID: .fresh(), source: .microphone))
                #expect(absent.status == 404)
            }
        }

        @Test("A raised hand is seen by everybody, in its order, and lowered by a moderator")
        func hands() async throws {
            try await CallMediaScene.run(people: 3) { scene in
                let callers = [try await scene.join(0), try await scene.join(1), try await scene.join(2)]
                for index in [2, 1] {
                    try await callers[index].device.send(
                        .callUpdate(CallUpdate(active: [.microphone, .camera], isHandRaised: true)))
                    try await callers[0].device.callState("with the hand") { $0.hands.contains(callers[index].id) }
                }
                let order = [callers[2].id, callers[1].id]
                for caller in callers { try await caller.device.callState("in their order") { $0.hands == order } }
                try await scene.moderate(by: callers[0], callers[2], nil)
                for caller in callers {
                    try await caller.device.callState("one hand less") { $0.hands == [callers[1].id] }
                }
            }
        }
    }
}

extension CallMediaScene {
    fileprivate func moderate(by moderator: Caller, _ other: Caller, _ source: CallSource?) async throws {
        try await moderator.user.api.call(
            Endpoints.moderateCall, path: [channel],
            body: ModerateCallRequest(participantID: other.id, source: source))
    }
}
