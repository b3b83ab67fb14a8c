import Contracts
import Foundation
import GatewayDomain
import GatewayServer
import RedisBus
import ServiceKit
import Testing
import TestSupport

@Suite("Presence when gateways and Redis fail", .serialized)
struct PresenceFaultTests {
    let workspace = WorkspaceID.fresh()
    let user = UserID.fresh()

    @Test("O8: when a gateway is killed its users go offline in one batch, but those who connected elsewhere stay")
    func kill() async throws {
        try await withGateways { server, first, second in
            let third = try await PresenceGateway(server.url, timing: PresenceTiming(scale: 0.1))
            let users = (0..<200).map { _ in UserID.fresh() }
            for user in users { _ = first.connect(user, [workspace]) }
            try await areKnown(users, to: second)
            let watcher = try await second.watcher(workspace, users)
            for user in users { try await watcher.sees(user, .online) }
            try await eventually("the hold is over") { try await isQuiet(second, workspace) ? true : nil }
            let publications = try await Publications(of: [workspace], on: second.bus)

            let start = ContinuousClock.now
            try await first.kill()
            for user in users.prefix(50) { _ = third.connect(user, [workspace]) }
            for user in users.dropFirst(50) { try await watcher.sees(user, .offline) }
            let time = ContinuousClock.now - start
            #expect(time < PresenceTiming(scale: 0.1).life, "a tenth of the promised 60 s; it took \(time)")
            #expect(time > PresenceTiming(scale: 0.1).grace)
            for user in users.prefix(50) { #expect(watcher.state.history[user] == [.online]) }
            #expect(publications.batches.map(\.count) == [150], "one batch, by one survivor, of those who have gone")
            try await eventually("nothing is left of it") {
                let left = try server.cli("EXISTS", RedisKey.gatewayUsers(first.id).name)
                let known = try server.cli("ZRANGE", RedisKey.gateways.name, "0", "-1")
                return left == "0" && !known.contains("\(first.id)") ? true : nil
            }
            try await third.kill()
        }
    }

    @Test("O8: a single gateway that restarts takes over its predecessor")
    func single() async throws {
        let server = try RedisServer()
        let timing = PresenceTiming(scale: 0.1)
        let first = try await PresenceGateway(server.url, timing: timing)
        _ = first.connect(user, [workspace])
        try await eventually("it is online") { try await fieldCount(first, user) == 1 ? true : nil }
        try await first.kill()
        let second = try await PresenceGateway(server.url, timing: timing)
        let watcher = try await second.watcher(workspace, [user])
        #expect(watcher.state.people[user]?.state == .online, "nobody knows better yet")
        try await watcher.sees(user, .offline)
        #expect(watcher.state.history[user] == [.online, .offline])
        try await second.kill()
    }

    @Test("A gateway that was taken for dead and comes back tells that its users are here")
    func stalled() async throws {
        let server = try RedisServer()
        let proxy = try await TCPProxy(to: "http://127.0.0.1:\(server.port)")
        let timing = PresenceTiming(scale: 0.1)
        let first = try await PresenceGateway(proxy.url.replacing("http://", with: "redis://"), timing: timing)
        let second = try await PresenceGateway(server.url, timing: timing)
        let watcher = try await second.watcher(workspace, [user])
        _ = first.connect(user, [workspace])
        try await watcher.sees(user, .online)
        try await proxy.cut()
        try await watcher.sees(user, .offline)
        proxy.restore()
        try await watcher.sees(user, .online)
        #expect(watcher.state.history[user] == [.offline, .online, .offline, .online])
        try await first.kill()
        try await second.kill()
    }

    @Test("O5: after FLUSHALL everybody is known again within seconds, and nobody who watches sees anything of it")
    func flush() async throws {
        try await withGateways { server, first, second in
            let users = (0..<300).map { _ in UserID.fresh() }
            for user in users { _ = first.connect(user, [workspace]) }
            try await areKnown(users, to: second)
            let watcher = try await second.watcher(workspace, users)
            for user in users { try await watcher.sees(user, .online) }
            try await eventually("the hold is over") { try await isQuiet(second, workspace) ? true : nil }
            let publications = try await Publications(of: [workspace], on: second.bus)

            let before = watcher.state.history
            try server.cli("FLUSHALL")
            try await eventually("all are known again", within: .seconds(5)) {
                let replies = try await second.bus.send(
                    pipeline: users.map { RedisCommand("EXISTS", .key(.presence($0))) })
                return replies.allSatisfy { $0.integer == 1 } ? true : nil
            }
            // Who goes now is told when the gateways believe Redis again.
            let last = second.connect(user, [workspace])
            second.board.watch(
                watcher.connectionID, PresenceWatch(workspaceID: workspace, userIDs: users.prefix(400) + [user]))
            try await watcher.sees(user, .online)
            second.board.disconnect(last.connectionID, hasMoved: false)
            try await watcher.sees(user, .offline)
            for user in users {
                let since = watcher.state.history[user, default: []].dropFirst(before[user, default: []].count)
                // The second watch was answered with all states.
                #expect(since == [.online], "\(user) was \(since)")
            }
            let told = Set(publications.batches.joined().map(\.userID))
            #expect(told.isSubset(of: [user]), "\(told.count) people were published")
        }
    }

    @Test("O5: a Redis that was killed and comes back empty shows nobody offline; what changed meanwhile is told then")
    func redisRestart() async throws {
        try await withGateways { server, first, second in
            let leaving = UserID.fresh()
            let watcher = try await second.watcher(workspace, [user, leaving])
            _ = first.connect(user, [workspace])
            let device = first.connect(leaving, [workspace])
            try await watcher.sees(user, .online)
            try await watcher.sees(leaving, .online)
            server.kill()
            first.board.disconnect(device.connectionID, hasMoved: false)
            let away = PresenceStatus(emoji: nil, text: "Away")
            let other = first.connect(user, [workspace])
            first.board.update(other.connectionID, PresenceUpdate(state: .busy, status: away))
            try await eventually("both have noticed") { !first.bus.isConnected && !second.bus.isConnected ? true : nil }
            try server.start()
            try await watcher.sees(user, .busy, within: .seconds(20))
            try await watcher.sees(leaving, .offline, within: .seconds(20))
            #expect(watcher.state.history[user] == [.offline, .online, .busy])
            #expect(watcher.state.history[leaving] == [.offline, .online, .offline])
            #expect(watcher.state.people[user]?.status == away)
        }
    }

    @Test("What was published while a gateway had no link to Redis is told to those who watch when it is back")
    func missed() async throws {
        let server = try RedisServer()
        let proxy = try await TCPProxy(to: "http://127.0.0.1:\(server.port)")
        // The lease is as long as it really is, so that nobody is taken for dead.
        let first = try await PresenceGateway(proxy.url.replacing("http://", with: "redis://"), timing: .standard)
        let second = try await PresenceGateway(server.url, timing: .standard)
        let watcher = try await first.watcher(workspace, [user])
        try await proxy.cut()
        try await eventually("the link is lost") { !first.bus.isConnected ? true : nil }
        let witness = try await second.watcher(workspace, [user])
        _ = second.connect(user, [workspace])
        try await witness.sees(user, .online)
        #expect(watcher.state.people[user]?.state == .offline)
        proxy.restore()
        try await watcher.sees(user, .online)
        try await first.kill()
        try await second.kill()
    }

    @Test("O8: a gateway with 10,000 users restarts, drained or killed, and not one change is published")
    func storm() async throws {
        // The real times: how soon 10,000 are written is a matter of the machine.
        let timing = PresenceTiming.standard
        let server = try RedisServer()
        let users = (0..<10_000).map { _ in UserID.fresh() }
        let second = try await PresenceGateway(server.url, timing: timing)
        var current = try await PresenceGateway(server.url, timing: timing)
        var devices = users.map { current.connect($0, [workspace]) }
        try await areKnown(users, to: second)
        let watcher = try await second.watcher(workspace, Array(users.prefix(Limits.presenceWatchCount)))
        try await eventually("the hold is over") { try await isQuiet(second, workspace) ? true : nil }
        let publications = try await Publications(of: [workspace], on: second.bus)

        for isDrained in [true, false] {
            let next = try await PresenceGateway(server.url, timing: timing)
            let left = current
            if isDrained {
                let new = users.map { next.connect($0, [workspace]) }
                for device in devices { left.board.disconnect(device.connectionID, hasMoved: true) }
                await left.board.drain()
                try await left.kill()
                devices = new
            } else {
                try await left.kill()
                devices = users.map { next.connect($0, [workspace]) }
            }
            try await eventually("what it said has gone", within: .seconds(60)) {
                let users = try server.cli("EXISTS", RedisKey.gatewayUsers(left.id).name)
                let known = try server.cli("ZRANGE", RedisKey.gateways.name, "0", "-1")
                return users == "0" && !known.contains("\(left.id)") ? true : nil
            }
            try await areKnown(users, to: second)
            current = next
        }
        #expect(publications.peopleCount == 0, "\(publications.peopleCount) changes were published")
        for user in users.prefix(Limits.presenceWatchCount) { #expect(watcher.state.history[user] == [.online]) }
        try await current.kill()
        try await second.kill()
    }

    /// Publishes a change of a stranger, and waits for it: what was held before is published by then.
    private func isQuiet(_ gateway: PresenceGateway, _ workspace: WorkspaceID) async throws -> Bool {
        let stranger = UserID.fresh()
        let publications = try await Publications(of: [workspace], on: gateway.bus)
        let device = gateway.connect(stranger, [workspace])
        try await eventually("the stranger is published") {
            publications.batches.contains { $0.contains { $0.userID == stranger } } ? true : nil
        }
        gateway.board.disconnect(device.connectionID, hasMoved: false)
        try await eventually("the stranger has gone", within: .seconds(30)) {
            publications.batches.contains { $0.contains { $0.userID == stranger && $0.state == .offline } } ? true : nil
        }
        return true
    }
}
