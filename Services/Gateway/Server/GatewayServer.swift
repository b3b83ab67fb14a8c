import Contracts
import Logging
import NIOCore
import NIOHTTP1
package import NIOPosix
import NIOWebSocket
import RedisBus
import ServiceKit
import ServiceLifecycle
import Synchronization

/// Listens for WebSockets at `/gateway` until shutdown, then asks its clients to go elsewhere.
package struct GatewayServer: Service {
    /// Over this time clients are told to move, so that they do not reach the other gateways all at once.
    private static let drainTime = Duration.seconds(2)
    /// Clients that have not gone by then are cut.
    private static let drainDeadline = Duration.seconds(5)

    private let services: GatewayServices
    private let configuration: GatewayConfiguration
    private let eventLoopGroup: MultiThreadedEventLoopGroup

    package init(
        services: GatewayServices, configuration: GatewayConfiguration, eventLoopGroup: MultiThreadedEventLoopGroup
    ) {
        self.services = services
        self.configuration = configuration
        self.eventLoopGroup = eventLoopGroup
    }

    package func run() async throws {
        for loop in services.loops { loop.start() }
        services.bus.onRestored { [services] in services.streams.fetchMissed() }
        let listener = try await listen()
        services.logger.info("listening", metadata: ["port": "\(configuration.port)"])
        let keys = Task { try await services.keys.load() }
        try await withGracefulShutdownHandler {
            try await listener.closeFuture.get()
        } onGracefulShutdown: {
            listener.close(promise: nil)
        }
        keys.cancel()
        await drain()
    }

    private func drain() async {
        for loop in services.loops { loop.closeAll(.goingAway, over: Self.drainTime) }
        let deadline = ContinuousClock.now + Self.drainDeadline
        while services.counters.connections.load(ordering: .relaxed) > 0, ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    private func listen() async throws -> any NIOCore.Channel {
        let services = self.services
        return try await ServerBootstrap(group: eventLoopGroup)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(low: Limits.connectionQueueByteCount / 2, high: Limits.connectionQueueByteCount)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Self.configure(channel, services) }
            }
            .bind(host: configuration.host, port: configuration.port).get()
    }

    private static func configure(_ channel: any NIOCore.Channel, _ services: GatewayServices) throws {
        guard let registry = services.loops.first(where: { $0.eventLoop === channel.eventLoop }) else {
            preconditionFailure("A connection is accepted on a loop of the gateway's own group.")
        }
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: Limits.clientFrameByteCount, automaticErrorHandling: false,
            shouldUpgrade: { channel, head in
                let isGateway = head.uri == "/gateway" || head.uri.hasPrefix("/gateway?")
                return channel.eventLoop.makeSucceededFuture(isGateway && !services.isFull ? HTTPHeaders() : nil)
            },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture { try Self.openWebSocket(channel, registry, services) }
            })
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withServerUpgrade: (
                upgraders: [upgrader],
                completionHandler: { context in
                    if let http = try? context.pipeline.syncOperations.handler(type: TextResponseHandler.self) {
                        context.pipeline.syncOperations.removeHandler(http, promise: nil)
                    }
                }
            ))
        try channel.pipeline.syncOperations.addHandler(TextResponseHandler { uri in services.respond(to: uri) })
    }

    private static func openWebSocket(
        _ channel: any NIOCore.Channel, _ registry: LoopRegistry, _ services: GatewayServices
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        let aggregator = NIOWebSocketFrameAggregator(
            minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 64,
            maxAccumulatedFrameSize: Limits.clientFrameByteCount)
        // Whole frames are written as bytes, past the encoder.
        let outlet = try pipeline.context(handlerType: WebSocketFrameEncoder.self)
        try pipeline.addHandlers(
            aggregator, ConnectionHandler(registry: registry, services: services, outlet: outlet))
    }
}
