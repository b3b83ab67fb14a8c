import Foundation
import FoundationNetworking
import ServiceKit
import Synchronization
import Testing

@Suite("Probes")
struct HealthServerTests {
    @Test("Live while it runs, ready while it can serve, and nothing else is there")
    func probes() async throws {
        let reason = Reason()
        let health = HealthCheck { reason.text }
        try await serving(health) { base in
            let before = try await get("\(base)/health/ready")
            #expect(before == Answer(status: 503, text: "no keys\n"))
            reason.text = nil
            for (path, answer) in [
                ("/health/live", Answer(status: 200, text: "live\n")),
                ("/health/ready", Answer(status: 200, text: "ready\n")),
                ("/", Answer(status: 404, text: "There is nothing at this address.\n")),
            ] {
                let full = try await get(base + path)
                #expect(full == answer)
                let head = try await get(base + path, method: "HEAD")
                #expect(head == Answer(status: answer.status, text: ""))
            }
        }
    }

    private struct Answer: Equatable {
        let status: Int
        let text: String
    }

    private final class Reason: Sendable {
        private let value = Mutex<String?>("no keys")
        var text: String? {
            get { value.withLock { $0 } }
            set { value.withLock { $0 = newValue } }
        }
    }

    private func serving(_ health: HealthCheck, _ body: (_ base: String) async throws -> Void) async throws {
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let logger = try Settings(environment: ["ROOST_LOG_LEVEL": "critical"]).logger(label: "health")
        let server = HealthServer(host: "127.0.0.1", port: 0, health: health, logger: logger) { listening.yield($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            for await port in ports {
                try await body("http://127.0.0.1:\(port)")
                break
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private func get(_ address: String, method: String = "GET") async throws -> Answer {
        var request = URLRequest(url: try #require(URL(string: address)))
        request.httpMethod = method
        let (data, response) = try await URLSession.shared.data(for: request)
        let status = try #require(response as? HTTPURLResponse).statusCode
        return Answer(status: status, text: String(decoding: data, as: UTF8.self))
    }
}
