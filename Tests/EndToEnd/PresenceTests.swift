import Contracts
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Presence")
    struct PresenceTests {
        @Test(
            "S2 C3 O8: who connects through one gateway is online on another, and offline a grace after the last device"
        )
        func online() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let (ann, bob) = (team.people[1], team.people[2])
            let watcher = try await team.owner.connect(to: stack.gatewayURLs[0])
            try await watcher.watch(team.people.map(\.id), in: team.workspace)
            try await watcher.sees(team.owner.id, .online)
            #expect(watcher.state.presence.people.count == 3)
            #expect(watcher.state.presence.people[ann.id]?.state == .offline)

            let (phone, laptop) = (
                try await ann.connect(to: stack.gatewayURLs[1]), try await ann.connect(to: stack.gatewayURLs[2])
            )
            try await watcher.sees(ann.id, .online)
            let lunch = PresenceStatus(emoji: "🍜", text: "Lunch")
            try await phone.say(.busy, lunch)
            try await watcher.sees(ann.id, .busy)
            #expect(watcher.state.presence.people[ann.id]?.status == lunch)
            try await laptop.say(.idle, lunch)
            try await phone.say(.offline, lunch)
            try await watcher.sees(ann.id, .idle)

            await phone.close()
            await laptop.close()
            let start = ContinuousClock.now
            try await watcher.sees(ann.id, .offline, within: Limits.presenceGrace + .seconds(5))
            #expect(ContinuousClock.now - start > Limits.presenceGrace - .milliseconds(500))
            #expect(watcher.state.presence.history[ann.id] == [.offline, .online, .busy, .idle, .offline])
            #expect(watcher.state.presence.history[bob.id] == [.offline])
        }

        @Test("T8: a reload, onto another gateway too, does not flicker")
        func reload() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let ann = team.people[1]
            let watcher = try await team.owner.connect(to: stack.gatewayURLs[0])
            let device = try await ann.connect(to: stack.gatewayURLs[1])
            try await watcher.watch([ann.id], in: team.workspace)
            try await watcher.sees(ann.id, .online)
            for gateway in stack.gatewayURLs {
                await device.close()
                try await ann.connect(device, to: gateway)
            }
            let key = RedisKey.presence(ann.id).name
            // Its workspaces and one connection.
            try await eventually("the closed connections are gone", within: Limits.presenceGrace + .seconds(5)) {
                try await stack.redis("HLEN", key) == "2" ? true : nil
            }
            #expect(watcher.state.presence.history[ann.id] == [.online])
        }

        @Test(
            "O8: kill -9 of a gateway: its users are offline within 60 s, but those who came back elsewhere never were")
        func kill() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let (ann, bob) = (team.people[1], team.people[2])
            let watcher = try await team.owner.connect(to: stack.gatewayURLs[0])
            let devices = [
                try await ann.connect(to: stack.gatewayURLs[2]), try await bob.connect(to: stack.gatewayURLs[2]),
            ]
            try await watcher.watch([ann.id, bob.id], in: team.workspace)
            for person in [ann, bob] { try await watcher.sees(person.id, .online) }
            let start = ContinuousClock.now
            try await stack.kill("gateway-2")
            _ = try await devices[1].closeCode()
            try await bob.connect(devices[1], to: stack.gatewayURLs[1])
            try await watcher.sees(ann.id, .offline, within: .seconds(60))
            let time = ContinuousClock.now - start
            #expect(time < .seconds(60))
            #expect(time > Limits.presenceGrace)
            try await stack.start("gateway-2")
            #expect(watcher.state.presence.history[bob.id] == [.online])
            #expect(watcher.state.presence.history[ann.id] == [.online, .offline])
        }

        @Test("O5: the keys of presence have their lives")
        func keys() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 1, on: stack)
            _ = try await team.owner.connect()
            let key = RedisKey.presence(team.owner.id).name
            try await eventually("the hash is there") { try await stack.redis("EXISTS", key) == "1" ? true : nil }
            let life = try #require(Int(try await stack.redis("PTTL", key)))
            #expect((30_000...60_000).contains(life), "\(life) ms of 60 s, beaten each 25 s")
        }

        @Test("The presence of people elsewhere stays hidden, and a workspace of others cannot be watched")
        func hidden() async throws {
            let stack = try await Stack.shared()
            let (team, others) = (try await Team.make(of: 2, on: stack), try await Team.make(of: 1, on: stack))
            let stranger = others.owner
            _ = try await stranger.connect(to: stack.gatewayURLs[1])
            let own = try await stranger.connect(to: stack.gatewayURLs[0])
            try await own.watch([stranger.id], in: others.workspace)
            try await own.sees(stranger.id, .online)
            let watcher = try await team.owner.connect(to: stack.gatewayURLs[0])
            try await watcher.watch([stranger.id, team.owner.id], in: team.workspace)
            #expect(watcher.state.presence.people[stranger.id]?.state == .offline)
            let count = watcher.state.presence.frameCount
            try await watcher.send(
                .presenceWatch(PresenceWatch(workspaceID: others.workspace, userIDs: [stranger.id])))
            // The next watch is answered, so the one before was not.
            try await watcher.watch([team.people[1].id], in: team.workspace)
            #expect(watcher.state.presence.frameCount == count + 1)
            #expect(watcher.state.presence.people[stranger.id]?.state == .offline)
        }

        @Test("A person has so many connections over all gateways and no more")
        func connectionLimit() async throws {
            let stack = try await Stack.shared()
            let user = try await TestUser.register(on: stack)
            var devices: [GatewayClient] = []
            for number in 0..<Limits.connectionsPerUser {
                devices.append(try await user.connect(to: stack.gatewayURLs[number % stack.gatewayURLs.count]))
            }
            try await eventually("all are counted") {
                let count = try await stack.redis("ZCARD", RedisKey.userConnections(user.id).name)
                return count == "\(Limits.connectionsPerUser)" ? true : nil
            }
            let surplus = GatewayClient()
            // It may be closed before or after it is current.
            try? await user.connect(surplus)
            #expect(try await surplus.closeCode() == CloseCode.tooManyConnections.rawValue)
            #expect(devices.allSatisfy { $0.state.isOpen })
            await devices[0].close()
            try await eventually("there is room again") { () -> Bool? in
                guard let device = try? await user.connect() else { return nil }
                try await eventually("it is counted, or closed") {
                    let count = try await stack.redis("ZCARD", RedisKey.userConnections(user.id).name)
                    return !device.state.isOpen || count == "\(Limits.connectionsPerUser)" ? true : nil
                }
                return device.state.isOpen ? true : nil
            }
        }
    }
}
