import Contracts
import NIOCore
import NIOPosix
import NIOSSL

/// Opens connections on one event loop: socket, TLS, sign-in.
struct RedisConnector: Sendable {
    /// Redis refused the sign-in, or ended the connection during it.
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    private let configuration: RedisConfiguration
    private let eventLoop: any EventLoop
    private let tls: NIOSSLContext?

    /// Reads the certificates.
    init(configuration: RedisConfiguration, eventLoop: any EventLoop) throws {
        self.configuration = configuration
        self.eventLoop = eventLoop
        guard configuration.usesTLS else {
            tls = nil
            return
        }
        var settings = TLSConfiguration.makeClientConfiguration()
        if let file = configuration.trustedCertificates { settings.trustRoots = .file(file) }
        tls = try NIOSSLContext(configuration: settings)
    }

    /// Connects and signs in.
    /// - Parameter name: shown by `CLIENT LIST`; no spaces.
    func connect(name: String, isSubscriber: Bool) async throws -> NIOLoopBound<RedisConnection> {
        let eventLoop = eventLoop
        typealias MakePipeline = @Sendable (any NIOCore.Channel) -> EventLoopFuture<NIOLoopBound<RedisConnection>>
        let makePipeline: MakePipeline = { channel in
            channel.eventLoop.makeCompletedFuture {
                if let tls {
                    try channel.pipeline.syncOperations.addHandler(try makeTLSHandler(tls))
                }
                let connection = RedisConnection(eventLoop: eventLoop, isSubscriber: isSubscriber)
                try channel.pipeline.syncOperations.addHandler(connection)
                return NIOLoopBound(connection, eventLoop: eventLoop)
            }
        }
        let bootstrap = ClientBootstrap(group: eventLoop).connectTimeout(TimeAmount(Limits.redisConnectDeadline))
        let connection =
            switch configuration.endpoint {
            case .tcp(let host, let port):
                try await bootstrap
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .connect(host: host, port: port, channelInitializer: makePipeline)
            case .unix(let path):
                try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: makePipeline)
            }
        do {
            try await signIn(connection, name: name)
        } catch {
            eventLoop.execute { connection.value.close("sign-in failed") }
            throw error
        }
        return connection
    }

    private func makeTLSHandler(_ context: NIOSSLContext) throws -> NIOSSLClientHandler {
        guard case .tcp(let host, _) = configuration.endpoint, !host.isIPAddress else {
            return try NIOSSLClientHandler(context: context, serverHostname: nil)
        }
        return try NIOSSLClientHandler(context: context, serverHostname: host)
    }

    private func signIn(_ connection: NIOLoopBound<RedisConnection>, name: String) async throws {
        var commands: [RedisCommand] = []
        if let password = configuration.password {
            let words: [RedisArgument] = [configuration.user, password].compactMap { $0.map { .text($0) } }
            commands.append(RedisCommand("AUTH", arguments: words))
        }
        if configuration.database != 0 {
            commands.append(RedisCommand("SELECT", .integer(Int64(configuration.database))))
        }
        commands.append(RedisCommand("CLIENT", "SETNAME", .text(name)))
        var bytes = ByteBuffer()
        for command in commands { command.encode(into: &bytes) }
        let (sent, count) = (bytes, commands.count)
        let replies = await withCheckedContinuation { continuation in
            eventLoop.execute { connection.value.send(sent, commandCount: count, caller: .all(continuation)) }
        }
        for reply in try replies.get() {
            if case .error(let text) = reply { throw Refused(description: text) }
        }
    }
}

extension String {
    /// Server name indication takes names only (RFC 6066 §3).
    fileprivate var isIPAddress: Bool {
        (try? SocketAddress(ipAddress: self, port: 0)) != nil
    }
}
