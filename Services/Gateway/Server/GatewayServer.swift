import Contracts
import Glibc
import Logging
import NIOCore
package import NIOPosix
import RedisBus
import ServiceKit
import ServiceLifecycle
import Synchronization

/// Listens until shutdown, then has its clients move to other gateways.
package struct GatewayServer: Service {
    /// After the deadline connections are closed; this is how long that may take.
    private static let closingTime = Duration.seconds(2)

    private let services: GatewayServices
    private let eventLoopGroup: MultiThreadedEventLoopGroup

    package init(services: GatewayServices, eventLoopGroup: MultiThreadedEventLoopGroup) {
        self.services = services
        self.eventLoopGroup = eventLoopGroup
    }

    package func run() async throws {
        services.start()
        let listener = try await listen()
        services.logger.info("listening", metadata: ["port": "\(services.configuration.port)"])
        let keys = Task { try await services.keys.load() }
        let watch = Task { await services.nodes.run() }
        try await withGracefulShutdownHandler {
            try await listener.closeFuture.get()
        } onGracefulShutdown: {
            services.beginDraining()
            listener.close(promise: nil)
        }
        keys.cancel()
        await drain()
        watch.cancel()
    }

    /// Make before break: clients are asked to connect elsewhere, a few at a time, and go on getting events here until they
    /// have. Whoever is left at the deadline is closed with a code that says to resume.
    private func drain() async {
        let deadline = services.configuration.drainDeadline
        let spread = min(Limits.drainSpread, deadline / 2)
        services.socketIO.endAll(over: spread)
        for loop in services.loops { loop.moveAll(over: spread, deadline: deadline - spread) }
        await waitForClients(until: .now + deadline)
        for loop in services.loops { loop.closeAll(.goingAway) }
        await waitForClients(until: .now + Self.closingTime)
        await services.presence.drain()
    }

    private func waitForClients(until deadline: ContinuousClock.Instant) async {
        while services.counters.connections.load(ordering: .relaxed) > 0, ContinuousClock.now < deadline {
            do { try await Task.sleep(for: .milliseconds(20)) } catch { return }
        }
    }

    private func listen() async throws -> any NIOCore.Channel {
        let services = self.services
        let channel = try await ServerBootstrap(group: eventLoopGroup)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // What is accepted has the options of the listening socket (tcp(7)): none is set a connection.
            .serverChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // What the kernel holds for a client that does not read is bounded too.
            .serverChannelOption(.socketOption(.so_sndbuf), value: Limits.socketSendByteCount)
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 65_536)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let registry = services.loops.first(where: { $0.eventLoop === channel.eventLoop }) else {
                        preconditionFailure("A connection is accepted on a loop of the gateway's own group.")
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        OpeningHandler(registry: registry, services: services))
                }
            }
            .bind(host: services.configuration.host, port: services.configuration.port).get()
        // The other end is nginx on the same network: pacing, a timer for each write where the machine prefers BBR, is for
        // nginx to do. Every Linux has Reno for everybody.
        let reno = (UInt8(ascii: "r"), UInt8(ascii: "e"), UInt8(ascii: "n"), UInt8(ascii: "o"))
        try await (channel as? any SocketOptionProvider)?
            .unsafeSetSocketOption(level: .tcp, name: .init(rawValue: TCP_CONGESTION), value: reno).get()
        return channel
    }
}
