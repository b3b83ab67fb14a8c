import Contracts
import RedisBus
import ServiceKit
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// Calls of direct conversations that ring. The tests play the media node that reports who is in the call.
    @Suite("Ringing: accept, decline, cancel, missed")
    struct RingTests {
        @Test(
            "C5: a direct call rings on all devices of the other, and is shown on the caller's, until it is answered"
        )
        func answered() async throws {
            let scene = try await RingScene.make()
            let devices = try await scene.calleeDevices(2)
            let own = try await scene.caller.connect()
            let seat = scene.seat(of: scene.caller)
            try await scene.report([seat])
            let ring = try await scene.ring(on: devices + [own]) { $0.outcome == nil }
            #expect(ring.callerID == scene.caller.id && ring.calleeID == scene.callee.id)
            #expect(ring.channelID == scene.channel)
            #expect(
                ring.endsAt.milliseconds - ring.startedAt.milliseconds == 1000 * Limits.ringLifetime.components.seconds)
            #expect(try await scene.openRings(of: scene.callee) == [ring])
            #expect(try await scene.openRings(of: scene.caller) == [ring])

            try await scene.report([seat, scene.seat(of: scene.callee)])
            let ended = try await scene.ring(on: devices + [own]) { $0.outcome != nil }
            #expect(ended.id == ring.id && ended.outcome == .answered)
            try await scene.report([])
            try await scene.settled(devices[0])
            #expect(try await scene.unread().unreadCount == 0, "an answered call is not missed")
            #expect(try await scene.openRings(of: scene.callee).isEmpty)
        }

        @Test("C5: a decline on one device reaches the caller and the other devices, and is no missed call")
        func declined() async throws {
            let scene = try await RingScene.make()
            let devices = try await scene.calleeDevices(2)
            let own = try await scene.caller.connect()
            let seat = scene.seat(of: scene.caller)
            try await scene.report([seat])
            let ring = try await scene.ring(on: devices) { $0.outcome == nil }
            for other in [scene.caller, scene.stranger] {
                let refused = try await other.api.callRaw(Endpoints.declineRing, path: [ring.id], body: Empty())
                #expect(refused.status == 404, "only who is called may decline")
            }
            let declined = try await scene.callee.api.call(Endpoints.declineRing, path: [ring.id])
            #expect(declined.outcome == .declined)
            _ = try await scene.ring(on: devices + [own]) { $0 == declined }
            // Again, and after the call: it stays as it is.
            try await scene.report([])
            #expect(try await scene.callee.api.call(Endpoints.declineRing, path: [ring.id]) == declined)
            #expect(try await scene.unread().unreadCount == 0)
            // The same call does not ring twice, the next one does.
            try await scene.report([seat])
            let next = try await scene.ring(on: devices) { $0.outcome == nil && $0.id != ring.id }
            #expect(next.startedAt >= ring.startedAt)
        }

        @Test(
            "C5: a caller who gives up leaves a missed call, unread for the other, and changed by nobody")
        func cancelled() async throws {
            let scene = try await RingScene.make()
            let device = try await scene.calleeDevices(1)[0]
            try await scene.report([scene.seat(of: scene.caller)])
            _ = try await scene.ring(on: [device]) { $0.outcome == nil }
            try await scene.report([])
            _ = try await scene.ring(on: [device]) { $0.outcome == .cancelled }
            try await device.wait(for: "the notice") { !$0.messages(in: scene.channel).isEmpty }
            let page = try await scene.callee.api.call(Endpoints.listMessages, path: [scene.channel])
            let notice = try #require(page.messages.first)
            #expect(page.messages.count == 1)
            #expect(notice.notice == .missedCall && notice.authorID == scene.caller.id)
            #expect(try await scene.unread().unreadCount == 1)
            let own = try await scene.caller.api.call(Endpoints.readUnread, path: [scene.channel])
            #expect(own.unreadCount == 0, "the caller knows")

            let edit = try await scene.caller.api.callRaw(
                Endpoints.editMessage, path: [scene.channel, notice.id], body: EditMessageRequest(content: "not me"))
            let delete = try await scene.caller.api.callRaw(
                Endpoints.deleteMessage, path: [scene.channel, notice.id], body: Empty())
            #expect(edit.status == 403 && delete.status == 403)
            try await scene.callee.api.call(
                Endpoints.markRead, path: [scene.channel], body: MarkReadRequest(seq: notice.seq))
            #expect(try await scene.unread().unreadCount == 0)
        }

        @Test("C5: what nobody answers ends by itself, whatever the caller does, and is missed")
        func unanswered() async throws {
            let scene = try await RingScene.make()
            let device = try await scene.calleeDevices(1)[0]
            try await scene.report([scene.seat(of: scene.caller)])
            let ring = try await scene.ring(on: [device]) { $0.outcome == nil }
            // Its time passes at once.
            try await scene.stack.sql("UPDATE rings SET ends_at = now() WHERE id = '\(ring.id)'")
            _ = try await scene.ring(on: [device]) { $0.id == ring.id && $0.outcome == .unanswered }
            try await device.wait(for: "the notice") { !$0.messages(in: scene.channel).isEmpty }
            #expect(try await scene.unread().unreadCount == 1)
            let call = try await scene.caller.api.call(Endpoints.readCall, path: [scene.channel])
            #expect(call.participants.count == 1, "the caller may wait on")
        }

        @Test("C5: who was away while it rang is told on coming back how it ended")
        func away() async throws {
            let scene = try await RingScene.make()
            let device = try await scene.calleeDevices(1)[0]
            await device.close()
            try await scene.report([scene.seat(of: scene.caller)])
            try await scene.report([])
            try await scene.callee.connect(device)
            _ = try await scene.ring(on: [device]) { $0.outcome == .cancelled }
            #expect(device.state.rings.last?.outcome == .cancelled)
            #expect(device.state.violations.isEmpty)
        }

        @Test("A call of a channel rings nobody, nor one in which both were from the start")
        func silent() async throws {
            let scene = try await RingScene.make()
            let device = try await scene.calleeDevices(1)[0]
            try await scene.report([scene.seat(of: scene.caller)], channel: scene.team.general)
            try await scene.report([scene.seat(of: scene.caller), scene.seat(of: scene.callee)])
            try await scene.report([scene.seat(of: scene.caller)])
            try await scene.settled(device)
            #expect(device.state.rings.isEmpty)
            #expect(
                try await scene.stack.count("SELECT count(*) FROM rings WHERE channel_id = '\(scene.channel)'") == 0)
        }

        @Test("Reports, a decline and the end of its time at once end a ring once")
        func race() async throws {
            let scene = try await RingScene.make()
            let device = try await scene.calleeDevices(1)[0]
            for _ in 0..<5 {
                let before = device.state.rings.count
                let missed = device.state.messages(in: scene.channel).count
                try await scene.report([scene.seat(of: scene.caller)])
                let known = Set(device.state.rings.prefix(before).map(\.id))
                let ring = try await scene.ring(on: [device]) { !known.contains($0.id) }
                async let overdue = scene.stack.sql("UPDATE rings SET ends_at = now() WHERE id = '\(ring.id)'")
                async let declined = scene.callee.api.call(Endpoints.declineRing, path: [ring.id])
                try await scene.report([])
                _ = try await (overdue, declined)
                try await scene.settled(device)
                let ends = device.state.rings.filter { $0.id == ring.id && $0.outcome != nil }
                #expect(ends.count == 1)
                let isMissed = ends.first?.outcome != .declined
                #expect(device.state.messages(in: scene.channel).count == missed + (isMissed ? 1 : 0))
            }
        }
    }
}

/// Two people with a conversation, one who is not in it, and a media node that reports.
private final class RingScene: Sendable {
    let stack: Stack
    let team: Team
    let channel: ChannelID
    private let node: BusClient
    private let epoch = Timestamp.now.milliseconds
    private let revision = Atomic<Int64>(0)

    var caller: TestUser { team.people[0] }
    var callee: TestUser { team.people[1] }
    var stranger: TestUser { team.people[2] }

    private init(_ stack: Stack, _ team: Team, _ channel: ChannelID, _ node: BusClient) {
        self.stack = stack
        self.team = team
        self.channel = channel
        self.node = node
    }

    static func make() async throws -> RingScene {
        let stack = try await Stack.shared()
        let team = try await Team.make(of: 3, on: stack)
        let channel = try await team.people[0].api.call(
            Endpoints.openDirectChannel, path: [team.workspace],
            body: OpenDirectChannelRequest(userID: team.people[1].id))
        // Not of the kind of media nodes: rooms of other tests must not be placed here.
        return RingScene(stack, team, channel.id, try await BusClient(.gateway, on: stack))
    }

    func calleeDevices(_ count: Int) async throws -> [GatewayClient] {
        let devices = try await concurrently(0..<count) { _ in try await self.callee.logIn().connect() }
        return Array(devices)
    }

    func seat(of user: TestUser) -> CallParticipant {
        CallParticipant(participantID: .fresh(), userID: user.id, joinedAt: .now)
    }

    func report(_ participants: [CallParticipant], channel: ChannelID? = nil) async throws {
        let report = CallReport(
            channelID: channel ?? self.channel, epoch: epoch,
            revision: revision.add(1, ordering: .relaxed).newValue,
            participants: participants)
        _ = try await node.ask(.callReport, report, as: Empty.self)
    }

    /// Waits until every device has been told of a ring that is as wanted, the same on all.
    func ring(
        on devices: [GatewayClient], _ isWanted: @escaping @Sendable (CallRing) -> Bool
    ) async throws -> CallRing {
        var found: Set<CallRing> = []
        for device in devices {
            try await device.wait(for: "a ring") { $0.rings.contains(where: isWanted) }
            if let ring = device.state.rings.last(where: isWanted) { found.insert(ring) }
        }
        guard let ring = found.first, found.count == 1 else { throw Timeout("devices disagree: \(found)") }
        return ring
    }

    /// Waits until a device of the callee has all that the conversation and the callee's stream have had so far.
    func settled(_ device: GatewayClient) async throws {
        let request = HeadsRequest(streams: [.user(callee.id), .channel(channel)])
        for cursor in try await node.ask(.heads, request, as: HeadsReply.self).heads {
            try await device.wait(for: cursor.stream, at: cursor.seq)
        }
    }

    func unread() async throws -> ChannelUnread { try await callee.api.call(Endpoints.readUnread, path: [channel]) }

    func openRings(of user: TestUser) async throws -> [CallRing] { try await user.api.call(Endpoints.bootstrap).rings }
}
