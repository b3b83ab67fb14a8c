import Contracts
import NIOCore
import RedisBus
import Synchronization
import TestSupport
import Testing

@Suite("Commands")
struct RedisBusCommandTests {
    @Test("10,000 pipelined commands get their own replies")
    func pipelined() async throws {
        try await withBus { bus, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<100 {
                    group.addTask {
                        for number in 0..<100 {
                            let text = "\(task)-\(number)"
                            let reply = try await bus.send(RedisCommand("ECHO", .text(text)))
                            #expect(reply.text == text)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let echoes = (0..<10_000).map { RedisCommand("ECHO", .integer(Int64($0))) }
            #expect(try await bus.send(pipeline: echoes).map(\.text) == (0..<10_000).map { "\($0)" })
        }
    }

    @Test("What Redis refuses is thrown, and is a value within a pipeline")
    func refused() async throws {
        try await withBus { bus, _ in
            let key = RedisArgument.key(.session(.random()))
            _ = try await bus.send(RedisCommand("SET", key, "text"))
            await #expect {
                try await bus.send(RedisCommand("INCR", key))
            } throws: { error in
                guard case .refused(let text) = error as? RedisError else { return false }
                return text.hasPrefix("ERR")
            }
            let values = try await bus.send(pipeline: [RedisCommand("INCR", key), RedisCommand("GET", key)])
            #expect(values[1].text == "text")
            guard case .error = values[0] else {
                Issue.record("not an error: \(values[0])")
                return
            }
        }
    }

    @Test("A script runs by its hash, after SCRIPT FLUSH too, alone and within a pipeline")
    func script() async throws {
        try await withBus { bus, server in
            let script = RedisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
            let key = RedisKey.session(.random())
            #expect(try await bus.evaluate(script, keys: [key], arguments: [2]) == .integer(2))
            #expect(try server.cli("SCRIPT", "EXISTS", script.digest).hasSuffix("1"))
            try server.cli("SCRIPT", "FLUSH")
            #expect(try await bus.evaluate(script, keys: [key], arguments: [2]) == .integer(4))
            try server.cli("SCRIPT", "FLUSH")
            let values = try await bus.send(pipeline: [
                RedisCommand("PING"), .evaluate(script, keys: [key], arguments: [3]), RedisCommand("PING"),
            ])
            #expect(values == [.simple("PONG"), .integer(7), .simple("PONG")])
        }
    }

    @Test("A command without an answer times out, and later replies still find their callers")
    func deadline() async throws {
        try await withBus { bus, server in
            server.pause()
            await #expect(throws: RedisError.timedOut) { try await bus.send(RedisCommand("ECHO", "late")) }
            server.resume()
            let next = try await bus.send(RedisCommand("ECHO", "next"))
            #expect(next.text == "next")
            #expect(bus.counters.reconnects == 0)
        }
    }

    @Test("Beyond the bound a command fails at once and the others are answered")
    func bound() async throws {
        try await withBus { bus, server in
            let command = RedisCommand("PING")
            let many = [RedisCommand](repeating: command, count: Limits.redisPendingCount)
            let replies = try await bus.send(pipeline: many)
            #expect(replies.count == many.count)
            await #expect(throws: RedisError.queueFull) { try await bus.send(pipeline: many + [command]) }
            #expect(try await bus.send(command) == .simple("PONG"))
        }
    }

    @Test("Without a connection commands and subscriptions fail at once")
    func notConnected() async throws {
        let bus = try makeBus("redis://127.0.0.1:1")
        await #expect(throws: RedisError.notConnected) { try await bus.send(RedisCommand("PING")) }
        await #expect(throws: RedisError.notConnected) { try await bus.subscribe(to: randomTopic()) { _ in } }
        await #expect(throws: BusError.redis(.notConnected)) {
            try await bus.request(.keys, to: .api, body: ByteBuffer())
        }
        await #expect(throws: RedisError.notConnected) { try await bus.waitUntilReady(deadline: .milliseconds(20)) }
    }

    @Test("A Unix socket, a password and a database of the URL are used")
    func signIn() async throws {
        let server = try RedisServer(arguments: ["--user", "roost", "on", ">p@ss", "~*", "&*", "+@all"])
        let bus = try makeBus("redis+unix://roost:p%40ss@\(server.socketPath)?db=3")
        try await running(bus) {
            let me = try await bus.send(RedisCommand("CLIENT", "INFO")).text ?? ""
            #expect(me.contains(" db=3 ") && me.contains(" user=roost ") && me.contains("name=\(bus.address):commands"))
        }
    }
}

@Suite("TLS")
struct RedisBusTLSTests {
    @Test("rediss trusts the certificates of its URL, and no others")
    func certificates() async throws {
        let server = try RedisServer(tls: true)
        let bus = try makeBus("\(server.url)?ca=\(server.certificatePath)")
        try await running(bus) {
            let topic = randomTopic()
            let received = Box<Int>()
            _ = try await bus.subscribe(to: topic) { received.append($0.readableBytes) }
            _ = try await bus.publish(ByteBuffer(repeating: 1, count: 300_000), to: topic)
            try await eventually("the message") { received.all == [300_000] }
        }
        let distrusting = try makeBus(server.url)
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await distrusting.run() }
            await #expect(throws: RedisError.notConnected) {
                try await distrusting.waitUntilReady(deadline: .milliseconds(500))
            }
            distrusting.shutdown()
        }
    }
}

@Suite("Topics")
struct RedisBusTopicTests {
    @Test("Messages arrive in order at every receiver, by sharded pub/sub")
    func order() async throws {
        try await withBus { bus, server in
            let topic = randomTopic()
            let (first, second) = (Box<String>(), Box<String>())
            let one = try await bus.subscribe(to: topic) { first.append(String(buffer: $0)) }
            let two = try await bus.subscribe(to: topic) { second.append(String(buffer: $0)) }
            #expect(try server.cli("PUBSUB", "SHARDCHANNELS").contains(topic.name))
            #expect(try server.cli("PUBSUB", "CHANNELS") == "")
            for number in 0..<500 {
                #expect(try await bus.publish(ByteBuffer(string: "\(number)"), to: topic) == 1)
            }
            try await eventually("all messages") { first.count == 500 && second.count == 500 }
            #expect(first.all == (0..<500).map { "\($0)" } && second.all == first.all)
            one.cancel()
            two.cancel()
        }
    }

    @Test("The topic stays subscribed until its last receiver leaves, and cancelling twice is once")
    func references() async throws {
        try await withBus { bus, server in
            let topic = randomTopic()
            let received = Box<Int>()
            let one = try await bus.subscribe(to: topic) { _ in received.append(1) }
            let two = try await bus.subscribe(to: topic) { _ in received.append(2) }
            one.cancel()
            one.cancel()
            #expect(try await bus.publish(ByteBuffer(), to: topic) == 1)
            try await eventually("the message") { received.count > 0 }
            #expect(received.all == [2])
            two.cancel()
            try await eventually("unsubscribed") {
                try !server.cli("PUBSUB", "SHARDCHANNELS").contains(topic.name)
            }
        }
    }

    @Test("Subscribed, left and subscribed again in one turn ends subscribed")
    func race() async throws {
        try await withBus { bus, _ in
            let topic = randomTopic()
            for _ in 0..<100 {
                let received = Box<Int>()
                let first = try await bus.subscribe(to: topic) { _ in received.append(1) }
                let again = bus.eventLoop.flatSubmit {
                    first.cancel()
                    return bus.subscribed(to: [topic]) { _, _ in received.append(2) }.map { second in
                        let third = bus.subscribed(to: [topic]) { _, _ in received.append(3) }
                        second[0].cancel()
                        return third
                    }.flatMap { $0 }
                }
                let last = try await again.get()
                #expect(try await bus.publish(ByteBuffer(), to: topic) == 1)
                try await eventually("the message") { received.count == 1 }
                #expect(received.all == [3])
                last[0].cancel()
            }
        }
    }

    @Test("3,000 topics are subscribed in a few commands and each receives its own")
    func bulk() async throws {
        try await withBus { bus, server in
            let topics = (0..<3_000).map { _ in randomTopic() }
            let received = Box<Topic>()
            let subscriptions = try await bus.subscribe(to: topics) { topic, _ in received.append(topic) }
            #expect(subscriptions.map(\.topic) == topics)
            let calls = try server.cli("INFO", "commandstats").split(whereSeparator: \.isNewline)
                .first { $0.hasPrefix("cmdstat_ssubscribe") }
            #expect(calls?.hasPrefix("cmdstat_ssubscribe:calls=7,") == true, "\(calls ?? "")")
            for topic in topics.prefix(50) { #expect(try await bus.publish(ByteBuffer(), to: topic) == 1) }
            try await eventually("all messages") { received.count == 50 }
            #expect(received.all == Array(topics.prefix(50)))
        }
    }
}

@Suite("Faults")
struct RedisBusFaultTests {
    @Test("After a restart of Redis topics, registration, handlers and requests are back")
    func restart() async throws {
        let server = try RedisServer()
        let (bus, api) = (try makeBus(server.url), try makeBus(server.url, kind: .api))
        api.serve(echo)
        let topic = randomTopic()
        let (received, restored) = (Box<String>(), Box<Bool>())
        bus.onRestored { [unowned bus] in restored.append(bus.isConnected) }
        try await running(bus, api) {
            _ = try await bus.subscribe(to: topic) { received.append(String(buffer: $0)) }
            #expect(restored.all == [true])
            server.kill()
            try await eventually("the loss is seen") { !bus.isConnected && !api.isConnected }
            await #expect(throws: RedisError.notConnected) { try await bus.send(RedisCommand("PING")) }
            try server.start()
            try await bus.waitUntilReady(deadline: .seconds(10))
            try await api.waitUntilReady(deadline: .seconds(10))
            #expect(restored.all == [true, true])
            #expect(bus.counters.reconnects == 1)
            #expect(try await bus.instances(of: .api) == [api.address])
            #expect(try await bus.publish(ByteBuffer(string: "back"), to: topic) == 1)
            try await eventually("the message") { received.all == ["back"] }
            let answer = try await bus.request(.keys, to: .api, body: ByteBuffer(string: "x"))
            #expect(String(buffer: answer) == "x")
        }
    }

    @Test("Commands that wait when the connection ends fail, their outcome unknown")
    func lost() async throws {
        try await withBus { bus, server in
            server.pause()
            let reply = Task { try await bus.send(RedisCommand("PING")) }
            // On the event loop the command is queued before this returns.
            try await bus.eventLoop.submit {}.get()
            server.kill()
            await #expect(throws: RedisError.self) { try await reply.value }
        }
    }

    @Test("After FLUSHALL every process is registered again within four seconds")
    func flushAll() async throws {
        let server = try RedisServer()
        let buses = [try makeBus(server.url, kind: .api), try makeBus(server.url, kind: .api), try makeBus(server.url)]
        try await running(buses[0], buses[1], buses[2]) {
            let start = ContinuousClock.now
            try server.cli("FLUSHALL")
            try await eventually("all registered", within: .seconds(4)) {
                let apis = try await buses[2].instances(of: .api)
                let gateways = try await buses[2].instances(of: .gateway)
                return Set(apis) == [buses[0].address, buses[1].address] && gateways == [buses[2].address]
            }
            for bus in buses {
                #expect(try server.cli("EXISTS", RedisKey.instance(bus.address).name) == "1")
            }
            print("registry whole after \(ContinuousClock.now - start)")
        }
    }

    @Test("A shutdown takes the process out of the registry at once")
    func shutdown() async throws {
        let server = try RedisServer()
        let api = try makeBus(server.url, kind: .api)
        try await running(api) {
            #expect(try server.cli("ZCARD", RedisKey.instances(.api).name) == "1")
            let life = try await api.send(RedisCommand("PTTL", .key(.instance(api.address)))).integer ?? 0
            #expect(life > 0)
        }
        #expect(!api.isConnected)
        #expect(try server.cli("ZCARD", RedisKey.instances(.api).name) == "0")
        #expect(try server.cli("EXISTS", RedisKey.instance(api.address).name) == "0")
    }

    @Test("A server that stands still is given up and connected anew")
    func stalled() async throws {
        try await withBus { bus, server in
            server.pause()
            let reply = Task { try await bus.send(RedisCommand("PING")) }
            try await eventually("the loss is seen") { !bus.isConnected }
            await #expect(throws: RedisError.timedOut) { try await reply.value }
            server.resume()
            try await bus.waitUntilReady(deadline: .seconds(10))
            #expect(try await bus.send(RedisCommand("PING")) == .simple("PONG"))
        }
    }
}
