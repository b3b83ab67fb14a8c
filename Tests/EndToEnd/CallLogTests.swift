import Contracts
import ServiceKit
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// The past calls of a channel. The tests play the media node that reports who is in the call.
    @Suite("The log of calls")
    struct CallLogTests {
        @Test("Past calls are listed page by page, the latest first, with who was in them; the present one is not")
        func pages() async throws {
            let scene = try await CallLogScene.make()
            let (ada, bob, cleo) = (scene.team.people[0], scene.team.people[1], scene.team.people[2])
            let channel = scene.team.general
            #expect(try await scene.log(of: channel, as: ada).calls.isEmpty)
            let seat = scene.seat(of: ada)
            try await scene.report([seat], in: channel)
            try await scene.report([seat, scene.seat(of: bob)], in: channel)
            // On another device, and again: a person is one, however many seats.
            try await scene.report([seat, scene.seat(of: bob), scene.seat(of: ada)], in: channel)
            try await scene.report([], in: channel)
            for caller in [bob, cleo] {
                try await scene.report([scene.seat(of: caller)], in: channel)
                try await scene.report([], in: channel)
            }
            try await scene.report([scene.seat(of: ada)], in: channel)

            let newest = try await scene.log(of: channel, as: bob, ["limit": "2"])
            let before = try #require(newest.before)
            let oldest = try await scene.log(of: channel, as: bob, ["limit": "2", "before": before])
            #expect(newest.calls.map(\.startedBy) == [cleo.id, bob.id] && oldest.before == nil)
            let first = try #require(oldest.calls.first)
            #expect(oldest.calls.count == 1 && first.startedBy == ada.id && first.startedAt == seat.joinedAt)
            #expect(first.participants == [ada.id, bob.id] && first.participantCount == 2)
            for call in newest.calls + oldest.calls { #expect(call.endedAt >= call.startedAt && call.outcome == nil) }
            let all = try await scene.log(of: channel, as: ada)
            #expect(all.calls == newest.calls + oldest.calls && all.before == nil)
        }

        @Test("A call of a conversation says whether it was missed, and only the two may know of it")
        func missed() async throws {
            let scene = try await CallLogScene.make()
            let (ada, bob, cleo) = (scene.team.people[0], scene.team.people[1], scene.team.people[2])
            let channel = try await ada.api.call(
                Endpoints.openDirectChannel, path: [scene.team.workspace],
                body: OpenDirectChannelRequest(userID: bob.id)
            ).id
            let seat = scene.seat(of: ada)
            try await scene.report([seat], in: channel)
            try await scene.report([], in: channel)
            try await scene.report([scene.seat(of: bob)], in: channel)
            try await scene.report([scene.seat(of: bob), scene.seat(of: ada)], in: channel)
            try await scene.report([], in: channel)
            for user in [ada, bob] {
                let calls = try await scene.log(of: channel, as: user).calls
                #expect(calls.map(\.outcome) == [.answered, .cancelled])
                #expect(calls.map(\.startedBy) == [bob.id, ada.id])
            }
            let refused = try await cleo.api.callRaw(Endpoints.listCalls, path: [channel], body: Empty())
            #expect(refused.status == 404)
            let garbled = try await ada.api.callRaw(
                Endpoints.listCalls, path: [channel], query: ["before": "yesterday"], body: Empty())
            #expect(garbled.status == 422)
            let closed = try await scene.team.channel(.private, with: [bob])
            try await scene.report([scene.seat(of: bob)], in: closed)
            try await scene.report([], in: closed)
            #expect(try await scene.log(of: closed, as: bob).calls.map(\.startedBy) == [bob.id])
            try await bob.api.call(Endpoints.leaveChannel, path: [closed])
            let left = try await bob.api.callRaw(Endpoints.listCalls, path: [closed], body: Empty())
            #expect(left.status == 404)
        }
    }
}

/// A workspace of three, and a media node that reports.
private final class CallLogScene: Sendable {
    let team: Team
    private let node: BusClient
    private let epoch = Timestamp.now.milliseconds
    private let revision = Atomic<Int64>(0)

    private init(_ team: Team, _ node: BusClient) {
        self.team = team
        self.node = node
    }

    static func make() async throws -> CallLogScene {
        let stack = try await Stack.shared()
        // Not of the kind of media nodes: rooms of other tests must not be placed here.
        return CallLogScene(try await Team.make(of: 3, on: stack), try await BusClient(.gateway, on: stack))
    }

    func seat(of user: TestUser) -> CallParticipant {
        CallParticipant(participantID: .fresh(), userID: user.id, joinedAt: .now)
    }

    func report(_ participants: [CallParticipant], in channel: ChannelID) async throws {
        let report = CallReport(
            channelID: channel, epoch: epoch, revision: revision.add(1, ordering: .relaxed).newValue,
            participants: participants)
        _ = try await node.ask(.callReport, report, as: Empty.self)
    }

    func log(
        of channel: ChannelID, as user: TestUser, _ query: [String: String] = [:]
    ) async throws -> PastCallPage {
        try await user.api.call(Endpoints.listCalls, path: [channel], query: query)
    }
}
