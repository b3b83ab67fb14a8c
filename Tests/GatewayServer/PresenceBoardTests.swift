import Contracts
import Foundation
import GatewayDomain
import GatewayServer
import RedisBus
import ServiceKit
import Testing
import TestSupport

@Suite("Presence over several gateways", .serialized)
struct PresenceBoardTests {
    let workspace = WorkspaceID.fresh()
    let user = UserID.fresh()

    @Test(
        "O8 T8 S2 C3: who connects on one gateway is online for those who watch on another, and offline after the grace"
    )
    func online() async throws {
        try await withGateways { _, first, second in
            let watcher = try await second.watcher(workspace, [user])
            #expect(watcher.state.people[user]?.state == .offline)
            let device = first.connect(user, [workspace])
            try await watcher.sees(user, .online)
            let start = ContinuousClock.now
            first.board.disconnect(device.connectionID, hasMoved: false)
            try await watcher.sees(user, .offline)
            #expect(ContinuousClock.now - start >= PresenceTiming(scale: 0.1).grace)
            #expect(watcher.state.history[user] == [.offline, .online, .offline])
        }
    }

    @Test("C3: a late watcher is answered with all states at once, those who are away among them")
    func list() async throws {
        try await withGateways { _, first, second in
            let users = (0..<600).map { _ in UserID.fresh() }
            for user in users.prefix(300) { _ = first.connect(user, [workspace]) }
            let early = try await second.watcher(workspace, [users[299]])
            try await early.sees(users[299], .online)
            let watcher = try await second.watcher(workspace, users)
            let answer = try #require(watcher.state.answers.first)
            #expect(answer.users.count == Limits.presenceWatchCount, "people past the bound are left out")
            #expect(Set(answer.users.map(\.userID)) == Set(users.prefix(Limits.presenceWatchCount)))
            #expect(Set(answer.users.filter { $0.state == .online }.map(\.userID)) == Set(users.prefix(300)))
        }
    }

    @Test(
        "The best of several devices counts, over gateways: busy, online, idle; one that wants to look offline adds nothing"
    )
    func best() async throws {
        try await withGateways { _, first, second in
            let watcher = try await second.watcher(workspace, [user])
            let (phone, laptop) = (first.connect(user, [workspace]), second.connect(user, [workspace]))
            try await watcher.sees(user, .online)
            first.board.update(phone.connectionID, PresenceUpdate(state: .idle, status: nil))
            second.board.update(laptop.connectionID, PresenceUpdate(state: .idle, status: nil))
            try await watcher.sees(user, .idle)
            first.board.update(phone.connectionID, PresenceUpdate(state: .busy, status: nil))
            try await watcher.sees(user, .busy)
            first.board.update(phone.connectionID, PresenceUpdate(state: .offline, status: nil))
            try await watcher.sees(user, .idle)
            second.board.update(
                laptop.connectionID, PresenceUpdate(state: .offline, status: PresenceStatus(emoji: nil, text: "hidden"))
            )
            try await watcher.sees(user, .offline)
            #expect(watcher.state.people[user]?.status == nil, "who looks offline shows no status")
        }
    }

    @Test("A status is of the whole person: the last device that sent one counts, also after that device has gone")
    func status() async throws {
        try await withGateways { _, first, second in
            let watcher = try await second.watcher(workspace, [user])
            let (phone, laptop) = (first.connect(user, [workspace]), second.connect(user, [workspace]))
            let (lunch, away) = (PresenceStatus(emoji: "🍜", text: "Lunch"), PresenceStatus(emoji: nil, text: "Away"))
            first.board.update(phone.connectionID, PresenceUpdate(state: .online, status: lunch))
            try await watcher.wait("lunch") { [user] in $0.people[user]?.status == lunch }
            second.board.update(laptop.connectionID, PresenceUpdate(state: .busy, status: away))
            try await watcher.wait("away") { [user] in $0.people[user]?.status == away }
            second.board.disconnect(laptop.connectionID, hasMoved: false)
            try await watcher.sees(user, .online)
            #expect(watcher.state.people[user]?.status == away, "lunch is over")
            let long = PresenceStatus(
                emoji: String(repeating: "🍜", count: 33), text: String(repeating: "e\u{301}", count: 60))
            first.board.update(phone.connectionID, PresenceUpdate(state: .online, status: long))
            let cut = PresenceStatus(emoji: nil, text: String(repeating: "e\u{301}", count: 50))
            try await watcher.wait("a status within its bounds") { [user] in $0.people[user]?.status == cut }
            first.board.update(phone.connectionID, PresenceUpdate(state: .online, status: nil))
            try await watcher.wait("no status") { [user] in $0.people[user]?.status == nil }
        }
    }

    @Test("T8: a reload within the grace, on another gateway too, shows nothing to those who watch")
    func reload() async throws {
        try await withGateways { _, first, second in
            let watcher = try await second.watcher(workspace, [user])
            let publications = try await Publications(of: [workspace], on: second.bus)
            let before = first.connect(user, [workspace])
            try await watcher.sees(user, .online)
            try await eventually("the change is published") { publications.peopleCount == 2 ? true : nil }
            first.board.disconnect(before.connectionID, hasMoved: false)
            let start = ContinuousClock.now
            try await eventually("some of the grace has passed") {
                ContinuousClock.now - start > PresenceTiming(scale: 0.1).grace / 3 ? true : nil
            }
            let after = second.connect(user, [workspace])
            try await eventually("both are known") { try await fieldCount(first, user) == 2 ? true : nil }
            // The field of the closed connection has gone: the grace is over.
            try await eventually("one field is left") { try await fieldCount(first, user) == 1 ? true : nil }
            _ = after
            #expect(watcher.state.history[user] == [.offline, .online])
            #expect(publications.peopleCount == 2, "the user and the watcher came online, and nothing else happened")
        }
    }

    @Test("A device is told of those it watches, and of nobody after its watch was replaced or its workspace was left")
    func watched() async throws {
        try await withGateways { _, first, second in
            let (other, marker) = (UserID.fresh(), UserID.fresh())
            let watcher = try await second.watcher(workspace, [user])
            _ = first.connect(other, [workspace])
            _ = first.connect(user, [workspace])
            try await watcher.sees(user, .online)
            #expect(watcher.state.people[other] == nil)

            second.board.watch(watcher.connectionID, PresenceWatch(workspaceID: workspace, userIDs: [other, marker]))
            try await watcher.sees(other, .online)
            let witness = try await second.watcher(workspace, [user, marker])
            let device = first.connect(user, [workspace])
            first.board.update(device.connectionID, PresenceUpdate(state: .busy, status: nil))
            try await witness.sees(user, .busy)
            #expect(watcher.state.people[user]?.state == .online, "it is not watched any more")

            second.board.accessChanged(watcher.connectionID, workspaces: [])
            _ = first.connect(marker, [workspace])
            try await witness.sees(marker, .online)
            #expect(watcher.state.people[marker]?.state == .offline, "the workspace was left")
        }
    }

    @Test("The presence of people outside the workspace stays hidden, and a watch of a foreign workspace is ignored")
    func foreign() async throws {
        try await withGateways { _, first, second in
            let elsewhere = WorkspaceID.fresh()
            let device = first.connect(user, [elsewhere])
            let witness = try await second.watcher(elsewhere, [user])
            try await witness.sees(user, .online)
            let stranger = try await second.watcher(workspace, [user])
            #expect(stranger.state.people[user]?.state == .offline)
            second.board.watch(stranger.connectionID, PresenceWatch(workspaceID: elsewhere, userIDs: [user]))

            // The user joins, is seen, and leaves again.
            first.board.accessChanged(device.connectionID, workspaces: [elsewhere, workspace])
            try await stranger.sees(user, .online)
            first.board.accessChanged(device.connectionID, workspaces: [elsewhere])
            try await stranger.sees(user, .offline)
            #expect(witness.state.people[user]?.state == .online)
            #expect(stranger.state.answers.count == 3, "the foreign watch had no answer")
            // Out of the last workspace too.
            first.board.accessChanged(device.connectionID, workspaces: [])
            try await witness.sees(user, .offline)
        }
    }

    @Test("O5 T16: the keys of presence and of a gateway's lease live for their time and end by themselves")
    func keys() async throws {
        let server = try RedisServer()
        let gateway = try await PresenceGateway(server.url, timing: .standard)
        _ = gateway.connect(user, [workspace])
        let presence = RedisKey.presence(user).name
        try await eventually("the hash is there") { try server.cli("EXISTS", presence) == "1" ? true : nil }
        let bounds: [(String, ClosedRange<Int>)] = [
            (presence, 50_000...60_000), (RedisKey.gatewayLease(gateway.id).name, 1...10_000),
            (RedisKey.gatewayUsers(gateway.id).name, 100_000...120_000), (RedisKey.gateways.name, 100_000...120_000),
        ]
        for (key, bound) in bounds {
            let life = try #require(Int(try server.cli("PTTL", key)))
            #expect(bound.contains(life), "\(key) lives for \(life) ms")
        }
        let fields = try server.cli("HKEYS", presence).split(separator: "\n")
        #expect(fields.count == 2 && fields.contains("workspaces"))
        #expect(fields.contains { $0.hasPrefix("\(gateway.id):") })
        #expect(try server.cli("SMEMBERS", RedisKey.gatewayUsers(gateway.id).name) == "\(user)")
        try await gateway.kill()
    }

    @Test("T8: a connection that is not beaten any more counts for its life and no longer; one that is beaten stays")
    func beat() async throws {
        let server = try RedisServer()
        // A life of 600 ms and a beat of 250 ms.
        let gateway = try await PresenceGateway(server.url, timing: PresenceTiming(scale: 0.01))
        let watcher = try await gateway.watcher(workspace, [user])
        _ = gateway.connect(user, [workspace])
        try await watcher.sees(user, .online)
        let start = ContinuousClock.now
        try server.cli(
            "HSET", RedisKey.presence(user).name, "\(InstanceID.fresh()):\(ConnectionID.fresh())",
            "\(Timestamp.now.milliseconds + 2_000) busy 0 ")
        // The refresh of whoever watches finds it, publications or none.
        try await watcher.sees(user, .busy)
        try await watcher.sees(user, .online)
        try await eventually("five lives have passed") { ContinuousClock.now - start > .seconds(3) ? true : nil }
        #expect(watcher.state.history[user] == [.offline, .online, .busy, .online])
        #expect(try await fieldCount(gateway, user) == 1)
        try await gateway.kill()
    }
}

/// Fields of connections in the hash of a user.
func fieldCount(_ gateway: PresenceGateway, _ user: UserID) async throws -> Int {
    let names = try await gateway.bus.send(RedisCommand("HKEYS", .key(.presence(user)))).array ?? []
    return names.filter { $0.text != "workspaces" }.count
}
