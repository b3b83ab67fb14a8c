import Contracts
package import Logging
package import NIOCore
import NIOHTTP1
package import RedisBus
import ServiceKit
import Synchronization

/// What all connections of a gateway share.
package final class GatewayServices: Sendable {
    let bus: RedisBus
    let api: APIClient
    let media: MediaClient
    let calls = CallDirectory()
    let keys: KeyRing
    let streams: StreamTable
    let loops: [LoopRegistry]
    let counters = GatewayCounters()
    let logger: Logger

    package init(bus: RedisBus, eventLoopGroup: any EventLoopGroup, logger: Logger) {
        self.bus = bus
        self.logger = logger
        let api = APIClient(bus: bus)
        self.api = api
        media = MediaClient(bus: bus)
        keys = KeyRing(logger: logger) { try await api.keys() }
        loops = eventLoopGroup.makeIterator().enumerated().map { LoopRegistry(index: $0.offset, eventLoop: $0.element) }
        streams = StreamTable(bus: bus, api: api, loops: loops, logger: logger)
    }

    /// Whether the gateway holds as many connections as it may.
    var isFull: Bool { counters.connections.load(ordering: .relaxed) >= Limits.gatewayConnectionCount }

    /// Why clients cannot be served, if so: it takes Redis, and the keys that verify their tokens.
    var whyNotReady: String? { bus.isConnected && keys.isLoaded ? nil : "no redis or no keys" }

    /// Answers what is no WebSocket upgrade: probes, and a hint for everything else.
    func respond(to uri: String) -> TextResponse {
        if let answer = HealthCheck(whyNotReady: { [self] in whyNotReady }).answer(to: uri) { return answer }
        return switch uri {
        case "/gateway" where isFull: TextResponse(.serviceUnavailable, "This gateway is full. Try another.\n")
        case "/gateway":
            TextResponse(.upgradeRequired, "Connect with a WebSocket.\n", headers: ["Upgrade": "websocket"])
        default: TextResponse(.notFound, "There is nothing at this address. The gateway is at /gateway.\n")
        }
    }
}

/// Figures of a gateway.
final class GatewayCounters: Sendable {
    /// Open WebSockets.
    let connections = Atomic<Int>(0)
}
