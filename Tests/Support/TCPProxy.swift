import Foundation
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// A TCP proxy in front of one server whose cable a test can cut, block or make slow.
package final class TCPProxy: Sendable {
    /// How a cable that stands carries bytes, both ways.
    package struct Quality: Sendable, Equatable {
        /// Nothing comes through, and nobody is told: connections stand still.
        package var isBlocked = false
        /// How long each byte is on its way.
        package var delay = Duration.zero
        /// `nil`: as many as there are.
        package var bytesPerSecond: Int?

        package init(isBlocked: Bool = false, delay: Duration = .zero, bytesPerSecond: Int? = nil) {
            self.isBlocked = isBlocked
            self.delay = delay
            self.bytesPerSecond = bytesPerSecond
        }
    }

    private struct State {
        var isCut = false
        var quality = Quality()
        /// Both ends of every connection that stands.
        var channels: [ObjectIdentifier: any Channel] = [:]
        var listener: (any Channel)?
    }

    private let host: String
    private let port: Int
    private let state = Mutex(State())

    /// - Parameter target: an address such as `http://127.0.0.1:8080`.
    package init(to target: String) async throws {
        guard let address = URLComponents(string: target), let host = address.host, let port = address.port else {
            throw Timeout("\(target) is no address")
        }
        (self.host, self.port) = (host, port)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { [self] channel in accept(channel) }
            .bind(host: "127.0.0.1", port: 0).get()
        state.withLock { $0.listener = listener }
    }

    deinit {
        state.withLock { state in
            state.listener?.close(promise: nil)
            for channel in state.channels.values { channel.close(promise: nil) }
        }
    }

    /// Where clients connect instead of the target.
    package var url: String { "http://127.0.0.1:\(state.withLock { $0.listener?.localAddress?.port } ?? 0)" }

    /// Sockets that stand, two a connection.
    package var socketCount: Int { state.withLock { $0.channels.count } }

    /// Resets every connection on both sides and refuses new ones. Returns when all sockets are closed.
    package func cut() async throws {
        let channels = state.withLock { state in
            state.isCut = true
            return Array(state.channels.values)
        }
        for channel in channels {
            // Lingering for no time makes close a reset: no close frame and no FIN, as when a cable is cut.
            try? await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
            try? await channel.close()
        }
        try await eventually("all sockets of the proxy are closed") { socketCount == 0 ? true : nil }
    }

    /// Lets new connections through again, at full speed.
    package func restore() {
        state.withLock { state in
            state.isCut = false
            state.quality = Quality()
        }
    }

    /// Changes how bytes are carried from now on, also those under way.
    package var quality: Quality {
        get { state.withLock { $0.quality } }
        set { state.withLock { $0.quality = newValue } }
    }

    private func accept(_ client: any Channel) -> EventLoopFuture<Void> {
        guard register(client) else { return client.close() }
        // On the client's own loop, so that the two ends can call each other.
        return ClientBootstrap(group: client.eventLoop)
            .channelOption(.autoRead, value: false)
            .channelInitializer { [self] server in
                guard register(server) else { return server.close() }
                return server.eventLoop.makeCompletedFuture {
                    try server.pipeline.syncOperations.addHandler(Pump(to: client, by: self))
                    try client.pipeline.syncOperations.addHandler(Pump(to: server, by: self))
                }
            }
            .connect(host: host, port: port)
            .flatMap { server in
                server.setOption(.autoRead, value: true).and(client.setOption(.autoRead, value: true)).map { _ in }
            }
            .flatMapErrorThrowing { error in
                client.close(promise: nil)
                throw error
            }
    }

    private func register(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isWanted = state.withLock { state in
            if !state.isCut { state.channels[id] = channel }
            return !state.isCut
        }
        if isWanted {
            channel.closeFuture.whenComplete { [weak self] _ in
                _ = self?.state.withLock { $0.channels.removeValue(forKey: id) }
            }
        }
        return isWanted
    }
}

/// Passes on what one end reads, and its end, when the cable lets it.
private final class Pump: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Bytes that may be under way before no more are read.
    private static let window = 1024 * 1024
    /// How often a blocked cable is looked at.
    private static let patience = TimeAmount.milliseconds(20)

    private let peer: any Channel
    private let proxy: TCPProxy
    private var underWay = CircularBuffer<ByteBuffer>()
    private var byteCount = 0
    /// When the last of them has arrived.
    private var due = NIODeadline.now()
    private var isScheduled = false
    private var hasEnded = false

    init(to peer: any Channel, by proxy: TCPProxy) {
        self.peer = peer
        self.proxy = proxy
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        if underWay.isEmpty, proxy.quality == TCPProxy.Quality() { return peer.writeAndFlush(bytes, promise: nil) }
        underWay.append(bytes)
        byteCount += bytes.readableBytes
        if byteCount > Self.window { context.channel.setOption(.autoRead, value: false).whenFailure { _ in } }
        schedule(context)
    }

    /// The first of what is under way is delivered when its time has come.
    private func schedule(_ context: ChannelHandlerContext) {
        guard !isScheduled, let first = underWay.first else { return }
        isScheduled = true
        let quality = proxy.quality
        var time = quality.isBlocked ? NIODeadline.now() + Self.patience : max(.now() + TimeAmount(quality.delay), due)
        if let rate = quality.bytesPerSecond {
            time = time + .nanoseconds(Int64(first.readableBytes) * 1_000_000_000 / Int64(max(rate, 1)))
        }
        due = time
        context.eventLoop.assumeIsolated().scheduleTask(deadline: time) { [self] in
            isScheduled = false
            if !proxy.quality.isBlocked { deliver(context) }
            schedule(context)
            if hasEnded, underWay.isEmpty { peer.close(promise: nil) }
        }
    }

    private func deliver(_ context: ChannelHandlerContext) {
        guard let bytes = underWay.popFirst() else { return }
        byteCount -= bytes.readableBytes
        peer.writeAndFlush(bytes, promise: nil)
        if byteCount <= Self.window, !hasEnded {
            context.channel.setOption(.autoRead, value: true).whenFailure { _ in }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        hasEnded = true
        if underWay.isEmpty { peer.close(promise: nil) }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
