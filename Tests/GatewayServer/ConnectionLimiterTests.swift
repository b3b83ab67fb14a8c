import Contracts
import Foundation
import GatewayDomain
import GatewayServer
import RedisBus
import ServiceKit
import Testing
import TestSupport

@Suite("Connections of a user and an address over all gateways", .serialized)
struct ConnectionLimiterTests {
    let user = UserID.fresh()
    let address = "192.0.2.7"

    @Test("T16: a user has so many connections over two gateways and no more, also when they come at once")
    func users() async throws {
        try await withGateways { _, first, second in
            let limiters = [first, second].map {
                ConnectionLimiter(bus: $0.bus, connectionsPerUser: 10, connectionsPerAddress: 10)
            }
            let admitted = try await concurrently(0..<40) { [user] number in
                let connection = ConnectionID.fresh()
                return await limiters[number % 2].admit(connection, user: user) ? (number % 2, connection) : nil
            }.compactMap { $0 }
            #expect(admitted.count == 10)
            let (gateway, connection) = try #require(admitted.first)
            limiters[gateway].release(connection, user: user)
            try await eventually("there is room on the other gateway") {
                await limiters[1 - gateway].admit(.fresh(), user: user) ? true : nil
            }
            let next = await limiters[gateway].admit(.fresh(), user: user)
            #expect(!next)
            let other = await limiters[0].admit(.fresh(), user: .fresh())
            #expect(other)
        }
    }

    @Test("A connection that closes makes room on its own gateway at once")
    func replace() async throws {
        try await withGateways { _, first, _ in
            let limiter = ConnectionLimiter(bus: first.bus, connectionsPerUser: 2, connectionsPerAddress: 10)
            var last = ConnectionID.fresh()
            let isFirst = await limiter.admit(last, user: user)
            let isSecond = await limiter.admit(.fresh(), user: user)
            #expect(isFirst && isSecond)
            for _ in 0..<20 {
                limiter.release(last, user: user)
                last = .fresh()
                let isAdmitted = await limiter.admit(last, user: user)
                #expect(isAdmitted)
            }
        }
    }

    @Test("An address has so many connections over two gateways, but for those that come within a moment")
    func addresses() async throws {
        try await withGateways { _, first, second in
            let one = ConnectionLimiter(bus: first.bus, connectionsPerUser: 10, connectionsPerAddress: 10)
            let two = ConnectionLimiter(bus: second.bus, connectionsPerUser: 10, connectionsPerAddress: 10)
            #expect((0..<12).filter { _ in one.admit(address: address) }.count == 10)
            try await eventually("Redis counts them") { try await count(first) == 10 ? true : nil }
            // The first is admitted here before this gateway knows of the others.
            #expect(two.admit(address: address))
            try await eventually("the other gateway knows") { try await count(first) == 11 ? true : nil }
            try await eventually("it admits no more") { () -> Bool? in
                guard two.admit(address: address) else { return true }
                two.release(address: address)
                return nil
            }
            for _ in 0..<3 { one.release(address: address) }
            try await eventually("there is room again") { two.admit(address: address) ? true : nil }
            #expect(two.admit(address: "192.0.2.8"))
        }
    }

    @Test("T16: the limits survive a gateway that dies: its places count until their lease ends, the others' all along")
    func death() async throws {
        let server = try RedisServer()
        // A lease of 3 s and a beat of 1 s.
        let lease = Duration.seconds(3)
        let first = try await PresenceGateway(server.url, timing: .standard)
        let second = try await PresenceGateway(server.url, timing: .standard)
        let one = ConnectionLimiter(bus: first.bus, connectionsPerUser: 4, connectionsPerAddress: 4, lease: lease)
        let two = ConnectionLimiter(bus: second.bus, connectionsPerUser: 4, connectionsPerAddress: 4, lease: lease)
        for _ in 0..<2 {
            let isAdmitted = [await one.admit(.fresh(), user: user), await two.admit(.fresh(), user: user)]
            #expect(isAdmitted == [true, true])
        }
        let tooMany = await two.admit(.fresh(), user: user)
        #expect(!tooMany)
        try await first.kill()

        let third = try await PresenceGateway(server.url, timing: .standard)
        let next = ConnectionLimiter(bus: third.bus, connectionsPerUser: 4, connectionsPerAddress: 4, lease: lease)
        let start = ContinuousClock.now
        let atOnce = await next.admit(.fresh(), user: user)
        #expect(!atOnce, "the places of the dead gateway still count")
        try await eventually("they count no more", within: .seconds(6)) {
            await next.admit(.fresh(), user: user) ? true : nil
        }
        #expect(ContinuousClock.now - start > .seconds(1))
        // The other's lease was taken a moment later.
        try await eventually("neither counts any more") { await next.admit(.fresh(), user: user) ? true : nil }
        // Twice the lease later those that are beaten still count.
        try await eventually("two leases have passed", within: .seconds(10)) {
            ContinuousClock.now - start > lease * 2 ? true : nil
        }
        let full = await next.admit(.fresh(), user: user)
        #expect(!full)
        try await second.kill()
        try await third.kill()
    }

    @Test("Without Redis each gateway counts its own connections, and Redis is told when it is back")
    func withoutRedis() async throws {
        try await withGateways { server, first, second in
            let limiter = ConnectionLimiter(bus: first.bus, connectionsPerUser: 3, connectionsPerAddress: 3)
            server.kill()
            try await eventually("the link is lost") { !first.bus.isConnected ? true : nil }
            var admitted = 0
            for _ in 0..<5 where await limiter.admit(.fresh(), user: user) { admitted += 1 }
            #expect(admitted == 3)
            #expect((0..<5).filter { _ in limiter.admit(address: address) }.count == 3)
            try server.start()
            try await second.bus.waitUntilReady(deadline: .seconds(10))
            let other = ConnectionLimiter(bus: second.bus, connectionsPerUser: 3, connectionsPerAddress: 3)
            try await eventually("Redis knows the address") { try await count(second) == 3 ? true : nil }
            try await eventually("Redis knows the user") {
                let reply = try await second.bus.send(RedisCommand("ZCARD", .key(.userConnections(user))))
                return reply.integer == 3 ? true : nil
            }
            let isAdmitted = await other.admit(.fresh(), user: user)
            #expect(!isAdmitted)
        }
    }

    /// Connections of the address that Redis counts.
    private func count(_ gateway: PresenceGateway) async throws -> Int64? {
        let keys = try await gateway.bus.send(RedisCommand("KEYS", "connections:address:*")).array ?? []
        guard keys.count == 1, let key = keys[0].text else { return nil }
        return try await gateway.bus.send(RedisCommand("ZCARD", .text(key))).integer
    }
}
