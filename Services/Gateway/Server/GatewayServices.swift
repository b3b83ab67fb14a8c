import Contracts
package import Logging
package import NIOCore
package import RedisBus
import Synchronization

/// What all connections of a gateway share.
package final class GatewayServices: Sendable {
    let bus: RedisBus
    let api: APIClient
    let keys: KeyRing
    let streams: StreamTable
    let loops: [LoopRegistry]
    let counters = GatewayCounters()
    let logger: Logger

    package init(bus: RedisBus, eventLoopGroup: any EventLoopGroup, logger: Logger) {
        self.bus = bus
        self.logger = logger
        api = APIClient(bus: bus)
        keys = KeyRing(api: api, logger: logger)
        loops = eventLoopGroup.makeIterator().enumerated().map { LoopRegistry(index: $0.offset, eventLoop: $0.element) }
        streams = StreamTable(bus: bus, api: api, loops: loops, logger: logger)
    }

    /// Whether the gateway holds as many connections as it may.
    var isFull: Bool { counters.connections.load(ordering: .relaxed) >= Limits.gatewayConnectionCount }

    /// Whether clients can be served: there is Redis, and the keys that verify their tokens.
    var isReady: Bool { bus.isConnected && keys.isLoaded }
}

/// Figures of a gateway.
final class GatewayCounters: Sendable {
    /// Open WebSockets.
    let connections = Atomic<Int>(0)
}
