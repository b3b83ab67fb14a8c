import Foundation
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// A TCP proxy in front of one server whose cable a test can cut.
package final class TCPProxy: Sendable {
    private struct State {
        var isCut = false
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

    /// Lets new connections through again.
    package func restore() { state.withLock { $0.isCut = false } }

    private func accept(_ client: any Channel) -> EventLoopFuture<Void> {
        guard register(client) else { return client.close() }
        // On the client's own loop, so that the two ends can call each other.
        return ClientBootstrap(group: client.eventLoop)
            .channelOption(.autoRead, value: false)
            .channelInitializer { [self] server in
                guard register(server) else { return server.close() }
                return server.eventLoop.makeCompletedFuture {
                    try server.pipeline.syncOperations.addHandler(Pump(to: client))
                    try client.pipeline.syncOperations.addHandler(Pump(to: server))
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

/// Passes on what one end reads, and its end.
private final class Pump: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let peer: any Channel

    init(to peer: any Channel) { self.peer = peer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        peer.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        peer.close(promise: nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
