package import Logging
import NIOCore
import NIOHTTP1
package import NIOPosix
import ServiceLifecycle

/// A small HTTP/1 listener that answers probes and has pages of figures, for a service that has no other HTTP. Listens until shutdown.
package struct HealthServer: Service {
    /// A connection on which nothing happens for this long is closed.
    private static let idleTime = TimeAmount.seconds(10)

    private let host: String
    private let port: Int
    private let health: HealthCheck
    private let pages: @Sendable (_ uri: String) async -> TextResponse?
    private let eventLoopGroup: MultiThreadedEventLoopGroup
    private let logger: Logger
    private let onListening: @Sendable (_ port: Int) -> Void

    /// A server that listens when ``run()`` is called.
    /// - Parameters:
    ///   - port: 0 for any that is free.
    ///   - onListening: told the port once it listens.
    ///   - pages: answers what is no probe; `nil` for an address where nothing is.
    package init(
        host: String, port: Int, health: HealthCheck, logger: Logger,
        eventLoopGroup: MultiThreadedEventLoopGroup = .singleton,
        onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in },
        pages: @escaping @Sendable (_ uri: String) async -> TextResponse? = { _ in nil }
    ) {
        self.host = host
        self.port = port
        self.health = health
        self.pages = pages
        self.logger = logger
        self.eventLoopGroup = eventLoopGroup
        self.onListening = onListening
    }

    /// Serves until graceful shutdown or until the task is cancelled.
    /// - Throws: when the address cannot be listened at.
    package func run() async throws {
        let listener = try await listen()
        let boundPort = listener.localAddress?.port ?? port
        logger.info("listening for probes", metadata: ["port": "\(boundPort)"])
        onListening(boundPort)
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await listener.closeFuture.get()
        } onCancelOrGracefulShutdown: {
            listener.close(promise: nil)
        }
    }

    private func listen() async throws -> any Channel {
        let (health, pages) = (self.health, self.pages)
        return try await ServerBootstrap(group: eventLoopGroup)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandlers(
                        IdleStateHandler(allTimeout: Self.idleTime),
                        TextResponseHandler { uri, eventLoop in
                            if let answer = health.answer(to: uri) { return eventLoop.makeSucceededFuture(answer) }
                            return eventLoop.makeFutureWithTask {
                                await pages(uri) ?? TextResponse(.notFound, "There is nothing at this address.\n")
                            }
                        })
                }
            }
            .bind(host: host, port: port).get()
    }
}
