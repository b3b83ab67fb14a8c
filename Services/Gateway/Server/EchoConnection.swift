import Contracts
import NIOCore
import WebSocketCodec

/// Sends every message back as it came, for conformance suites of the WebSocket layer. Served at `/echo` where the
/// configuration says so.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the channel's event loop only.
final class EchoConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private let registry: LoopRegistry
    private let services: GatewayServices
    private let address: String
    private let greeting: ByteBuffer
    private let deflater: MessageDeflater?
    private var frames: FrameReader
    private var inbound = ByteBuffer()
    private var isClosing = false

    init(
        registry: LoopRegistry, services: GatewayServices, address: String, deflate: DeflateAgreement?,
        greeting: ByteBuffer
    ) {
        self.registry = registry
        self.services = services
        self.address = address
        self.greeting = greeting
        deflater = deflate.map { _ in MessageDeflater() }
        frames = FrameReader(maximumMessageByteCount: Limits.echoMessageByteCount, deflate: deflate)
    }

    func handlerAdded(context: ChannelHandlerContext) { context.writeAndFlush(NIOAny(greeting), promise: nil) }

    func channelInactive(context: ChannelHandlerContext) { services.limiter.release(address: address) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        var bytes = unwrapInboundIn(data)
        inbound.writeBuffer(&bytes)
        while !isClosing, let input = frames.next(&inbound, inflater: registry.inflater) {
            switch input {
            case .text(let message): send(context, .text, message)
            case .binary(let message): send(context, .binary, message)
            case .ping(let payload): context.write(NIOAny(FrameWriter.frame(.pong, payload)), promise: nil)
            case .pong: break
            case .close(let code, _): end(context, code.map { FrameWriter.close(code: $0) })
            case .failure(let failure): end(context, FrameWriter.close(code: failure.closeCode))
            }
        }
        context.flush()
        inbound.discardReadBytes()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func send(_ context: ChannelHandlerContext, _ opcode: Opcode, _ message: ByteBuffer) {
        let compressed = deflater?.deflate(message)
        let isSmaller = compressed.map { $0.readableBytes < message.readableBytes } ?? false
        context.write(
            NIOAny(FrameWriter.frame(opcode, (isSmaller ? compressed : nil) ?? message, isCompressed: isSmaller)),
            promise: nil)
    }

    private func end(_ context: ChannelHandlerContext, _ frame: ByteBuffer?) {
        isClosing = true
        let channel = context.channel
        context.writeAndFlush(NIOAny(frame ?? FrameWriter.frame(.close, ByteBuffer()))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }
}
