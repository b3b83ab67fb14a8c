import Contracts
import Foundation
import NIOCore
import RedisBus
import TestSupport
import Testing

/// Not a test of anything: prints how fast the bus is. `ROOST_BENCHMARK=1 swift test --filter RedisBusBenchmark`
@Suite("Benchmark", .serialized, .enabled(if: ProcessInfo.processInfo.environment["ROOST_BENCHMARK"] != nil))
struct RedisBusBenchmark {
    @Test("SET by 64 tasks")
    func set() async throws {
        try await withBus { bus, server in
            let payload = ByteBuffer(string: "xxx")
            for round in 0..<3 {
                let start = ContinuousClock.now
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<64 {
                        group.addTask {
                            let key = RedisArgument.key(.session(.random()))
                            for _ in 0..<4_000 { _ = try? await bus.send(RedisCommand("SET", key, .bytes(payload))) }
                        }
                    }
                }
                print("round \(round): \(rate(64 * 4_000, since: start)) SET/s by 64 tasks")
                let client = Process()
                client.executableURL = URL(fileURLWithPath: "/usr/bin/redis-benchmark")
                client.arguments = ["-t", "set", "-P", "1", "-c", "64", "-n", "256000", "-q", "-p", "\(server.port)"]
                try client.run()
                client.waitUntilExit()
            }
        }
    }

    @Test("Publish and receive")
    func publish() async throws {
        try await withBus { bus, _ in
            let topic = randomTopic()
            let (arrivals, arrive) = AsyncStream.makeStream(of: Void.self)
            _ = try await bus.subscribe(to: topic) { _ in arrive.yield() }
            let payload = ByteBuffer(repeating: 120, count: 500)
            var iterator = arrivals.makeAsyncIterator()
            var start = ContinuousClock.now
            for _ in 0..<20_000 {
                _ = try await bus.publish(payload, to: topic)
                _ = await iterator.next()
            }
            print("\(rate(20_000, since: start)) publish → receive/s, one after the other")

            start = ContinuousClock.now
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<64 {
                    group.addTask { for _ in 0..<2_000 { _ = try? await bus.publish(payload, to: topic) } }
                }
                for _ in 0..<128_000 { _ = await iterator.next() }
            }
            print("\(rate(128_000, since: start)) publish → receive/s by 64 tasks")
        }
    }

    @Test("Request and reply")
    func request() async throws {
        let server = try RedisServer()
        let (gateway, api) = (try makeBus(server.url), try makeBus(server.url, kind: .api))
        api.serve(echo)
        try await running(gateway, api) {
            let start = ContinuousClock.now
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<64 {
                    group.addTask {
                        for _ in 0..<500 { _ = try? await gateway.request(.keys, to: .api, body: ByteBuffer()) }
                    }
                }
            }
            print("\(rate(32_000, since: start)) requests/s by 64 tasks")
        }
    }

    func rate(_ count: Int, since start: ContinuousClock.Instant) -> Int {
        Int(Double(count) / ((ContinuousClock.now - start) / .seconds(1)))
    }
}
