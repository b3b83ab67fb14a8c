import Contracts
import Logging
import NIOCore
import NIOPosix
import RedisBus
import Synchronization
import TestSupport

extension EntityID {
    /// A new identifier.
    static func random() -> Self {
        let now = Timestamp(milliseconds: 1_763_700_000_000)
        return Self(at: now, entropy: (.random(in: 0 ... .max), .random(in: 0 ... .max)))
    }
}

func randomTopic() -> Topic { .stream(.channel(.random())) }

/// A condition did not come true in time.
struct Late: Error {
    let condition: String
}

/// Returns when the condition is true; throws ``Late`` after `time`.
func eventually(
    _ text: String, within time: Duration = .seconds(10), _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + time
    while try await !condition() {
        guard ContinuousClock.now < end else { throw Late(condition: text) }
        try await Task.sleep(for: .milliseconds(2))
    }
}

/// What receivers collect, from any thread.
final class Box<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    func append(_ element: Element) { elements.withLock { $0.append(element) } }
    var all: [Element] { elements.withLock { $0 } }
    var count: Int { elements.withLock { $0.count } }
}

func makeBus(_ url: String, kind: ServiceKind = .gateway) throws -> RedisBus {
    var logger = Logger(label: "bus-test")
    logger.logLevel = .critical
    return RedisBus(
        configuration: try RedisConfiguration(url: url), address: InstanceAddress(kind: kind, id: .random()),
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
}

/// Runs the buses, waits until they are ready, and shuts them down after `body`.
func running<Result: Sendable>(_ buses: RedisBus..., body: () async throws -> Result) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for bus in buses { group.addTask { try await bus.run() } }
        for bus in buses { try await bus.waitUntilReady(deadline: .seconds(10)) }
        let result = try await body()
        for bus in buses { bus.shutdown() }
        try await group.waitForAll()
        return result
    }
}

/// A real server and one bus on it.
func withBus<Result: Sendable>(_ body: (RedisBus, RedisServer) async throws -> Result) async throws -> Result {
    let server = try RedisServer()
    let bus = try makeBus(server.url)
    return try await running(bus) { try await body(bus, server) }
}

/// A handler that answers with the body it got.
let echo: RedisBus.RequestHandler = { _, body in .success(body) }
