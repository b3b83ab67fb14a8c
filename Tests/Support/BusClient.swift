package import Contracts
import Logging
import NIOCore
import NIOPosix
package import RedisBus
import ServiceKit

/// A process on a stack's bus that a test plays: a gateway that asks, or a media node that rooms are placed on. It is in
/// the registry from ``init(_:on:)`` until ``stop()``, as the real ones are.
package final class BusClient: Sendable {
    package let bus: RedisBus
    private let running: Task<Void, any Error>

    package var id: InstanceID { bus.address.id }

    /// Returns when it is connected and registered.
    package init(_ kind: ServiceKind, on stack: Stack) async throws {
        var logger = Logger(label: "bus-client")
        logger.logLevel = .critical
        let bus = RedisBus(
            configuration: try RedisConfiguration(url: stack.redisURL),
            address: InstanceAddress(kind: kind, id: .fresh()),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
        self.bus = bus
        running = Task { try await bus.run() }
        try await bus.waitUntilReady(deadline: .seconds(10))
    }

    deinit { bus.shutdown() }

    /// Asks any live API.
    /// - Throws: ``RedisBus/BusError``.
    package func ask<Request: WireObject, Reply: WireObject>(
        _ kind: BusRequestKind, _ request: Request, as reply: Reply.Type = Reply.self
    ) async throws -> Reply {
        let answer = try await bus.request(kind, to: .api, body: ByteBuffer(bytes: try WireJSON.encode(request)))
        return try WireJSON.decode(Reply.self, from: answer.readableBytesView)
    }

    /// Leaves the registry and disconnects.
    package func stop() async throws {
        bus.shutdown()
        try await running.value
    }
}
