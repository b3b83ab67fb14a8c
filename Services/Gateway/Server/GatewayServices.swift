import Contracts
package import Logging
package import NIOCore
import NIOHTTP1
package import RedisBus
import ServiceKit
import Synchronization
import WebSocketCodec

/// What all connections of a gateway share.
package final class GatewayServices: Sendable {
    let configuration: GatewayConfiguration
    let bus: RedisBus
    let api: APIClient
    let media: MediaClient
    let calls = CallDirectory()
    let nodes: MediaNodeWatch
    let keys: KeyRing
    let access: AccessBook
    let replays: ReplayQueue
    let streams: StreamTable
    let presence: PresenceBoard
    let typing: TypingRelay
    let limiter: ConnectionLimiter
    let socketIO: SocketIOServer
    let loops: [LoopRegistry]
    let frames: CommonFrames
    let counters = GatewayCounters()
    let logger: Logger
    /// Set when the gateway has been asked to go away.
    private let draining = Atomic<Bool>(false)

    package init(
        configuration: GatewayConfiguration, bus: RedisBus, eventLoopGroup: any EventLoopGroup, logger: Logger
    ) throws {
        frames = try CommonFrames()
        self.configuration = configuration
        self.bus = bus
        self.logger = logger
        let api = APIClient(bus: bus)
        self.api = api
        media = MediaClient(bus: bus)
        nodes = MediaNodeWatch(bus: bus, settling: media.settling, calls: calls, logger: logger)
        keys = KeyRing(logger: logger) { try await api.keys() }
        access = AccessBook(bus: bus, api: api)
        replays = ReplayQueue(api: api)
        loops = eventLoopGroup.makeIterator().enumerated().map { LoopRegistry(index: $0.offset, eventLoop: $0.element) }
        streams = StreamTable(
            bus: bus, history: StreamHistory(bus: bus, api: api), loops: loops, counters: counters, logger: logger)
        socketIO = SocketIOServer(configuration: configuration.socketIO, people: PeopleDirectory(api: api))
        presence = PresenceBoard(bus: bus, gatewayID: bus.address.id, logger: logger)
        typing = TypingRelay(bus: bus)
        limiter = ConnectionLimiter(
            bus: bus, connectionsPerUser: configuration.connectionsPerUser,
            connectionsPerAddress: configuration.connectionsPerAddress)
    }

    /// Begins what runs beside the connections.
    func start() {
        for loop in loops { loop.start() }
        streams.start()
        presence.start()
        presence.onBeat { [self] in Task { [self] in await closeEnded() } }
    }

    /// From now on nobody new is served.
    func beginDraining() { draining.store(true, ordering: .relaxed) }

    /// Closes the connections whose sessions have ended. An end is told by the user's stream; this finds those of which
    /// nobody told, such as sessions that expired.
    private func closeEnded() async {
        for loop in loops {
            guard let known = try? await loop.knownSessions().get() else { continue }
            let ended = await access.ended(of: known.map(\.of))
            for (session, user) in known where ended.contains(user.sessionID) {
                loop.eventLoop.execute { session.reader.close(.sessionRevoked) }
            }
        }
    }

    /// Why no more connections are taken, if so.
    var whyFull: String? {
        if draining.load(ordering: .relaxed) { return "This gateway is going away. Try another.\n" }
        let count = counters.connections.load(ordering: .relaxed)
        return count >= configuration.connections ? "This gateway is full. Try another.\n" : nil
    }

    /// Why clients cannot be served, if so: it takes Redis, and the keys that verify their tokens.
    var whyNotReady: String? {
        if draining.load(ordering: .relaxed) { return "going away" }
        return bus.isConnected && keys.isLoaded ? nil : "no redis or no keys"
    }

    /// Where a client comes from: what the proxy in front says, if there is one.
    func address(of head: RequestHead, peer: SocketAddress?) -> String {
        address(forwarded: head.header("X-Forwarded-For"), peer: peer)
    }

    /// The same by the value of `X-Forwarded-For`, if there is one.
    func address(forwarded: String?, peer: SocketAddress?) -> String {
        if configuration.trustsProxy, let forwarded,
            let first = forwarded.split(separator: ",").last
        {
            return first.trimmingPrefix(while: { $0 == " " }).description
        }
        return peer?.ipAddress ?? "unknown"
    }

    /// Serves what is no WebSocket.
    func httpHandler(_ registry: LoopRegistry) -> any ChannelHandler {
        SocketIOHTTPHandler(registry: registry, services: self)
    }

    /// Answers probes, and gives a hint for everything else.
    func respond(to uri: String) -> TextResponse {
        if let answer = HealthCheck(whyNotReady: { [self] in whyNotReady }).answer(to: uri) { return answer }
        switch uri {
        case "/metrics": return metrics
        case "/gateway":
            if let reason = whyFull { return TextResponse(.serviceUnavailable, reason) }
            return TextResponse(.upgradeRequired, "Connect with a WebSocket.\n", headers: ["Upgrade": "websocket"])
        default:
            return TextResponse(.notFound, "There is nothing at this address. The gateway is at /gateway.\n")
        }
    }
}

/// Figures of a gateway.
final class GatewayCounters: Sendable {
    /// Open WebSockets, and those of them that take compressed frames.
    let connections = Atomic<Int>(0)
    let deflating = Atomic<Int>(0)
    /// Connections that were closed because they did not read.
    let tooSlow = Atomic<Int>(0)
    /// Streams that had missed events which were fetched.
    let mended = Atomic<Int>(0)

    var isDeflating: Bool { deflating.load(ordering: .relaxed) > 0 }
}
