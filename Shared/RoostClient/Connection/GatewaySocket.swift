import Contracts
package import NIOCore
import NIOHTTP1
import NIOPosix
package import NIOWebSocket

/// One WebSocket to a gateway. It reads no faster than its user does.
package struct GatewaySocket: Sendable {
    /// The frames of an open socket.
    package typealias Duplex = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    /// The gateway, or a proxy before it, answered something else than an upgrade.
    struct NotUpgraded: Error {}

    private let channel: any NIOCore.Channel
    private let outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>

    /// What arrives.
    enum Arrival: Sendable {
        case text(ByteBuffer)
        /// The gateway's close frame; `nil` without a code. Nothing follows.
        case close(Int?)
    }

    /// Opens a socket, hands it to `body` with what arrives, and closes it when `body` returns or throws.
    static func connect<Result: Sendable>(
        to address: ServerAddress,
        _ body: (GatewaySocket, NIOAsyncChannelInboundStream<WebSocketFrame>) async throws -> Result
    ) async throws -> Result {
        let upgrade = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(TimeAmount(Limits.clientAnswerPatience))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: address.host, port: address.port) { channel in
                channel.eventLoop.makeCompletedFuture { try configure(channel, for: address) }
            }
        guard let duplex = try await upgrade.get() else { throw NotUpgraded() }
        return try await duplex.executeThenClose { inbound, outbound in
            try await body(GatewaySocket(channel: duplex.channel, outbound: outbound), inbound)
        }
    }

    /// Prepares a channel that asks for a WebSocket once it is connected.
    /// - Returns: `nil` for a server that answers something else. It fails when the channel closes without an answer, as it
    ///   does after ``Limits/clientAnswerPatience``.
    package static func configure(
        _ channel: any NIOCore.Channel, for address: ServerAddress
    ) throws -> EventLoopFuture<Duplex?> {
        let upgrader = NIOTypedWebSocketClientUpgrader<Duplex?>(
            maxFrameSize: Limits.serverFrameByteCount,
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOWebSocketFrameAggregator(
                            minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1_024,
                            maxAccumulatedFrameSize: Limits.serverFrameByteCount))
                    return try Duplex(wrappingChannelSynchronously: channel)
                }
            })
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: "/gateway", headers: ["Host": "\(address.host):\(address.port)"])
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
            upgradeConfiguration: .init(
                upgradeRequestHead: head, upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in channel.close().map { nil } }))
        // hello may come in one segment with the answer to the upgrade.
        configuration.leftOverBytesStrategy = .forwardBytes
        let upgrade = try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
            configuration: configuration)
        // A socket that is open and never answered would be waited for until somebody else closes it.
        let impatience = channel.eventLoop.scheduleTask(in: TimeAmount(Limits.clientAnswerPatience)) {
            channel.close(promise: nil)
        }
        upgrade.whenComplete { _ in impatience.cancel() }
        return upgrade
    }

    /// Reads a frame: what it means to a client, after answering a ping. `nil` for frames without a meaning of their own.
    func read(_ frame: WebSocketFrame) async throws -> Arrival? {
        var bytes = frame.unmaskedData
        switch frame.opcode {
        case .text: return .text(bytes)
        case .connectionClose: return .close(bytes.readInteger(as: UInt16.self).map(Int.init))
        case .ping:
            try await outbound.write(
                WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: frame.unmaskedData))
            return nil
        default: return nil
        }
    }

    /// Sends a text frame (RFC 6455 §5.6).
    func send(text: ByteBuffer) async throws {
        try await outbound.write(WebSocketFrame(fin: true, opcode: .text, maskKey: .random(), data: text))
    }

    /// Says goodbye (RFC 6455 §7.4.1: 1000) and closes without waiting: the gateway has nothing to say any more.
    func close() {
        var code = channel.allocator.buffer(capacity: 2)
        code.writeInteger(UInt16(1000))
        let frame = WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: code)
        channel.writeAndFlush(frame).whenComplete { [channel] _ in channel.close(promise: nil) }
    }

    /// Closes without a word: the other side does not answer any more.
    func abort() { channel.close(promise: nil) }
}
