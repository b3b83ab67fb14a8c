import Contracts
import NIOCore
import RedisBus
import Testing
import TestSupport

@Suite("Requests between processes")
struct RequestTests {
    /// Puts an instance in the registry as if it had been killed a moment ago.
    func registerByHand(_ address: InstanceAddress, _ server: RedisServer) throws {
        let score = "\(Int64.max / 1_000_000)"
        try server.cli("ZADD", RedisKey.instances(address.kind).name, score, address.id.description)
    }

    @discardableResult
    func withPair<Result: Sendable>(
        _ handler: @escaping RedisBus.RequestHandler,
        body: (_ gateway: RedisBus, _ api: RedisBus, RedisServer) async throws -> Result
    ) async throws -> Result {
        let server = try RedisServer()
        let (gateway, api) = (try makeBus(server.url), try makeBus(server.url, kind: .api))
        api.serve(handler)
        return try await running(gateway, api) { try await body(gateway, api, server) }
    }

    @Test("A request is answered with its own answer, many at once")
    func answered() async throws {
        try await withPair(echo) { gateway, _, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let answer = try await gateway.request(
                            .replay, to: .api, body: ByteBuffer(string: "a\nb\(number)"))
                        #expect(String(buffer: answer) == "a\nb\(number)")
                    }
                }
                try await group.waitForAll()
            }
            #expect(gateway.counters.lateReplies == 0)
        }
    }

    @Test("A failure comes with its code and sentence")
    func failure() async throws {
        try await withPair({ _, _ in .failure(BusFailure(.sessionRevoked, "It has ended.")) }) { gateway, _, _ in
            await #expect(throws: BusError.failed(BusFailure(.sessionRevoked, "It has ended."))) {
                try await gateway.request(.access, to: .api, body: ByteBuffer())
            }
        }
    }

    @Test("An instance that was killed costs nothing: the next one answers")
    func dead() async throws {
        try await withPair(echo) { gateway, _, server in
            try registerByHand(InstanceAddress(kind: .api, id: .random()), server)
            let start = ContinuousClock.now
            for _ in 0..<50 { _ = try await gateway.request(.keys, to: .api, body: ByteBuffer()) }
            #expect(ContinuousClock.now - start < .seconds(1))
            #expect(gateway.counters.published > 50, "the dead one was never asked")
        }
    }

    @Test("An instance that is silent costs at most the patience: another is asked beside it")
    func silent() async throws {
        try await withPair(echo) { gateway, api, server in
            let silent = InstanceAddress(kind: .api, id: .random())
            let heard = Box<Int>()
            _ = try await api.subscribe(to: .instance(silent)) { _ in heard.append(1) }
            try registerByHand(silent, server)
            while heard.count == 0 {
                let start = ContinuousClock.now
                _ = try await gateway.request(.keys, to: .api, body: ByteBuffer())
                #expect(ContinuousClock.now - start < Limits.busRequestPatience + .milliseconds(700))
            }
        }
    }

    @Test("A busy instance is passed over for the next")
    func busy() async throws {
        let server = try RedisServer()
        let (gateway, api) = (try makeBus(server.url), try makeBus(server.url, kind: .api))
        let other = try makeBus(server.url, kind: .api)
        api.serve(echo)
        let refused = Box<Int>()
        other.serve { _, _ in
            refused.append(1)
            return .failure(BusFailure(.unavailable, "busy"))
        }
        try await running(gateway, api, other) {
            for _ in 0..<100 { _ = try await gateway.request(.keys, to: .api, body: ByteBuffer(string: "x")) }
            #expect(refused.count > 0)
        }
    }

    @Test("Beyond its bound of work a process refuses, and says so at once")
    func tooMany() async throws {
        let gate = AsyncStream.makeStream(of: Never.self)
        try await withPair({ _, body in
            for await _ in gate.stream {}
            return .success(body)
        }) { gateway, api, _ in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<(Limits.busRequestsAtOnce + 1) {
                    group.addTask {
                        do {
                            _ = try await gateway.request(.keys, to: .api, body: ByteBuffer(), deadline: .seconds(30))
                            return true
                        } catch let error as BusError where error.code == .unavailable {
                            return false
                        }
                    }
                }
                // Only the refused one can end while the gate is shut.
                let first = try await group.next()
                #expect(first == false)
                #expect(api.counters.refusedRequests == 1)
                group.cancelAll()
                gate.continuation.finish()
                while await group.nextResult() != nil {}
            }
        }
    }

    @Test("Without an answer a request ends at its deadline, and what comes later is counted")
    func deadline() async throws {
        let gate = AsyncStream.makeStream(of: Never.self)
        try await withPair({ _, body in
            for await _ in gate.stream {}
            return .success(body)
        }) { gateway, api, server in
            let start = ContinuousClock.now
            await #expect(throws: BusError.timedOut) {
                try await gateway.request(.keys, to: .api, body: ByteBuffer(), deadline: .milliseconds(300))
            }
            #expect(ContinuousClock.now - start < .seconds(1))
            gate.continuation.finish()
            try await eventually("the work is dropped") { api.counters.droppedRequests == 1 }
            let late = BusEnvelope.reply(id: .random()).header + "\n"
            try server.cli("SPUBLISH", Topic.instance(gateway.address).name, late)
            try await eventually("a late reply is counted") { gateway.counters.lateReplies == 1 }
        }
    }

    @Test("Without any instance a request waits for one, and ends at its deadline")
    func nobody() async throws {
        let server = try RedisServer()
        let (gateway, api) = (try makeBus(server.url), try makeBus(server.url, kind: .api))
        api.serve(echo)
        try await running(gateway) {
            await #expect(throws: BusError.noInstance) {
                try await gateway.request(.keys, to: .api, body: ByteBuffer(), deadline: .milliseconds(300))
            }
            let answer = Task { try await gateway.request(.keys, to: .api, body: ByteBuffer(string: "x")) }
            try await running(api) {
                let body = try await answer.value
                #expect(String(buffer: body) == "x")
            }
        }
    }

    @Test("A cancelled request ends at once")
    func cancelled() async throws {
        let gate = AsyncStream.makeStream(of: Never.self)
        let arrived = Box<Int>()
        try await withPair({ _, body in
            arrived.append(1)
            for await _ in gate.stream {}
            return .success(body)
        }) { gateway, _, _ in
            let task = Task { try await gateway.request(.keys, to: .api, body: ByteBuffer(), deadline: .seconds(60)) }
            try await eventually("it arrived") { arrived.count == 1 }
            let start = ContinuousClock.now
            task.cancel()
            await #expect(throws: BusError.cancelled) { try await task.value }
            #expect(ContinuousClock.now - start < .milliseconds(500))
            gate.continuation.finish()
        }
    }

    @Test("A request to one instance is answered by that one, however many there are")
    func oneInstance() async throws {
        let server = try RedisServer()
        let gateway = try makeBus(server.url)
        let nodes = [try makeBus(server.url, kind: .media), try makeBus(server.url, kind: .media)]
        for node in nodes {
            node.serve { kind, body in
                .success(ByteBuffer(string: "\(node.address.id) \(kind) \(String(buffer: body))"))
            }
        }
        try await running(gateway, nodes[0], nodes[1]) {
            for _ in 0..<20 {
                for node in nodes {
                    let answer = try await gateway.request(
                        .seatJoin, to: node.address, body: ByteBuffer(string: "body"))
                    #expect(String(buffer: answer) == "\(node.address.id) seatJoin body")
                }
            }
            #expect(gateway.counters.published == 40)
        }
    }

    @Test("A request to an instance that is gone fails at once, though others live and the registry still lists it")
    func goneInstance() async throws {
        try await withPair(echo) { gateway, _, server in
            let gone = InstanceAddress(kind: .api, id: .random())
            try registerByHand(gone, server)
            let start = ContinuousClock.now
            await #expect(throws: BusError.noInstance) {
                try await gateway.request(.keys, to: gone, body: ByteBuffer())
            }
            #expect(ContinuousClock.now - start < .seconds(1))
            #expect(gateway.counters.published == 1)
        }
    }

    @Test(
        "What the one instance refuses is thrown with its code, busy included",
        arguments: [ErrorCode.conflict, .notFound, .unavailable])
    func refusedByOne(code: ErrorCode) async throws {
        try await withPair({ _, _ in .failure(BusFailure(code, "No.")) }) { gateway, api, _ in
            await #expect(throws: BusError.failed(BusFailure(code, "No."))) {
                try await gateway.request(.keys, to: api.address, body: ByteBuffer())
            }
            #expect(gateway.counters.published == 1)
        }
    }

    @Test("A silent instance is asked once and the request ends at its deadline, or when it is cancelled")
    func silentInstance() async throws {
        let gate = AsyncStream.makeStream(of: Never.self)
        let arrived = Box<Int>()
        try await withPair({ _, body in
            arrived.append(1)
            for await _ in gate.stream {}
            return .success(body)
        }) { gateway, api, _ in
            let start = ContinuousClock.now
            await #expect(throws: BusError.timedOut) {
                try await gateway.request(.keys, to: api.address, body: ByteBuffer(), deadline: .milliseconds(300))
            }
            #expect(ContinuousClock.now - start < .seconds(1))
            let task = Task {
                try await gateway.request(.keys, to: api.address, body: ByteBuffer(), deadline: .seconds(60))
            }
            try await eventually("it arrived") { arrived.count == 2 }
            task.cancel()
            await #expect(throws: BusError.cancelled) { try await task.value }
            #expect(gateway.counters.published == 2)
            gate.continuation.finish()
        }
    }

    @Test("A request to one instance fails at once without a link to Redis")
    func oneInstanceWithoutRedis() async throws {
        let bus = try makeBus("redis://127.0.0.1:1")
        await #expect(throws: BusError.redis(.notConnected)) {
            try await bus.request(.keys, to: bus.address, body: ByteBuffer())
        }
    }
}
