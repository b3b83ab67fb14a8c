import Contracts
import MediaPeer
import ServiceKit
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Calls: hands, mutes and removals")
    struct ModerationTests {
        @Test("A moderator's mute stops the sound within a second, also after joining again, until a moderator ends it")
        func mute() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let (owner, member) = (try await scene.join(0), try await scene.join(1))
                try await owner.device.callState("with its moderator") { $0.moderators == [owner.id] }
                try await owner.peer.wait(for: 10, .microphone, of: member.peer)
                try await scene.moderate(by: owner, .mute, member, .microphone)
                let mute = CallMute(participantID: member.id, source: .microphone)
                for caller in [owner, member] {
                    try await caller.device.callState("with the mute", within: .seconds(1)) { $0.mutes == [mute] }
                }
                let known = owner.peer.received(.microphone, of: member.peer)?.packets ?? 0
                try await member.device.updateCall(active: [.camera])
                try await member.device.updateCall(active: [.microphone, .camera])
                try await member.peer.waitUntilSent(50)
                // What was on its way when it was imposed.
                #expect((owner.peer.received(.microphone, of: member.peer)?.packets ?? 0) - known <= 2)

                _ = try await member.device.leaveCall()
                member.peer.stop()
                let again = try await scene.join(1, on: member.device)
                try await owner.device.callState("with the mute of the new seat") {
                    $0.mutes == [CallMute(participantID: again.id, source: .microphone)]
                }
                try await owner.peer.wait(for: 10, .camera, of: again.peer)
                #expect(owner.peer.received(.microphone, of: again.peer) == nil)
                try await scene.moderate(by: owner, .unmute, again, .microphone)
                try await owner.device.callState("without the mute", within: .seconds(1)) { $0.mutes.isEmpty }
                try await owner.peer.wait(for: 20, .microphone, of: again.peer)
            }
        }

        @Test("S4: on a stage the audience is not heard, by any way, until a moderator invites it")
        func stage() async throws {
            try await CallMediaScene.run(people: 3) { scene in
                let stage = try await scene.stage()
                let owner = try await scene.join(0, in: stage)
                let listener = try await scene.join(1, in: stage)
                let other = try await scene.join(2, in: stage)
                try await owner.device.callState("with its audience") {
                    Set($0.audience) == [listener.id, other.id] && $0.moderators == [owner.id]
                }
                try await listener.peer.wait(for: 20, .camera, of: owner.peer)
                try await listener.peer.waitUntilSent(50)
                #expect(owner.peer.snapshot.packets == 0)
                let offer = try scene.makePeer(sources: [.microphone]).offer(number: 1)
                let whip = try await scene.team.people[1].api.post(.whip, sdp: offer.sdp, in: stage)
                #expect(whip.status == 403)

                try await listener.device.send(
                    .callUpdate(CallUpdate(active: [.microphone, .camera], isHandRaised: true)))
                for caller in [owner, other] {
                    try await caller.device.callState("with the hand", within: .seconds(1)) {
                        $0.hands == [listener.id]
                    }
                }
                try await scene.moderate(by: owner, .invite, listener, in: stage)
                for caller in [owner, listener, other] {
                    try await caller.device.callState("with a speaker more", within: .seconds(1)) {
                        $0.audience == [other.id] && $0.hands.isEmpty
                    }
                }
                for source in [CallSource.microphone, .camera] {
                    try await owner.peer.wait(for: 20, source, of: listener.peer)
                    try await other.peer.wait(for: 20, source, of: listener.peer)
                }
                try await scene.moderate(by: owner, .dismiss, listener, in: stage)
                try await owner.device.callState("back in the audience", within: .seconds(1)) {
                    Set($0.audience) == [listener.id, other.id]
                }
                let last = owner.peer.snapshot.packets
                try await listener.peer.waitUntilSent(50)
                #expect(owner.peer.snapshot.packets - last <= 4)
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
                    let deed = ModerateCallRequest(userID: owner.user.id, action: .mute, source: .microphone)
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
                for (deed, status) in [
                    (ModerateCallRequest(userID: .fresh(), action: .mute, source: .microphone), 404),
                    (ModerateCallRequest(userID: scene.team.people[2].id, action: .lowerHand), 404),
                    (ModerateCallRequest(userID: member.id, action: .invite), 409),
                    (ModerateCallRequest(userID: member.id, action: .mute), 422),
                    (ModerateCallRequest(userID: member.id, action: .lowerHand, source: .camera), 422),
                ] {
                    let answer = try await scene.team.owner.api.callRaw(
                        Endpoints.moderateCall, path: [scene.channel], body: deed)
                    #expect(answer.status == status)
                }
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
                try await scene.moderate(by: callers[0], .lowerHand, callers[2])
                for caller in callers {
                    try await caller.device.callState("one hand less") { $0.hands == [callers[1].id] }
                }
            }
        }
    }
}

extension CallMediaScene {
    func moderate(
        by moderator: Caller, _ action: CallModeration, _ other: Caller, _ source: CallSource? = nil,
        in stage: ChannelID? = nil
    ) async throws {
        try await moderator.user.api.call(
            Endpoints.moderateCall, path: [stage ?? channel],
            body: ModerateCallRequest(userID: other.user.id, action: action, source: source))
    }

    /// A stage with everybody of the team in its channel.
    fileprivate func stage() async throws -> ChannelID {
        let stage = try await team.owner.api.call(
            Endpoints.createChannel, path: [team.workspace], body: CreateChannelRequest(name: "stage", kind: .stage)
        ).id
        for person in team.people.dropFirst() { try await person.api.call(Endpoints.joinChannel, path: [stage]) }
        return stage
    }
}
