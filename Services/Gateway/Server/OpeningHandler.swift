import Contracts
import NIOCore
import NIOHTTP1
import ServiceKit
import WebSocketCodec

/// The first bytes of a connection: a request for a WebSocket goes to who speaks its dialect, everything else to HTTP.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the channel's event loop only.
final class OpeningHandler: ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let registry: LoopRegistry
    private let services: GatewayServices
    private var bytes = ByteBuffer()
    /// `nil` once the connection is another handler's, or has gone.
    private var context: ChannelHandlerContext?
    private var isDone = false

    init(registry: LoopRegistry, services: GatewayServices) {
        self.registry = registry
        self.services = services
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        registry.expectOpening(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        bytes = ByteBuffer()
    }

    /// ``Limits/identifyTimeout`` has passed since the connection was accepted.
    func expire() { context?.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        if isDone { return context.fireChannelRead(data) }
        bytes.writeBuffer(&part)
        switch RequestHead.parse(bytes) {
        case .incomplete: break
        case .malformed: refuse(context, Handshake.response("400 Bad Request", body: "This is not HTTP/1.1.\n"))
        case .tooLarge:
            refuse(context, Handshake.response("431 Request Header Fields Too Large", body: "The head is too large.\n"))
        case .head(let head, let byteCount):
            if head.isWebSocketUpgrade {
                bytes.moveReaderIndex(forwardBy: byteCount)
                upgrade(context, head)
            } else {
                serveHTTP(context)
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: WebSocket

    private func upgrade(_ context: ChannelHandlerContext, _ head: RequestHead) {
        guard let dialect = Dialect(path: head.path, services) else {
            return refuse(context, Handshake.response("404 Not Found", body: "The gateway is at /gateway.\n"))
        }
        if let reason = services.whyFull {
            return refuse(
                context, Handshake.response("503 Service Unavailable", fields: [("Retry-After", "1")], body: reason))
        }
        let address = services.address(of: head, peer: context.remoteAddress)
        guard services.limiter.admit(address: address) else {
            return refuse(
                context,
                Handshake.response(
                    "429 Too Many Requests", fields: [("Retry-After", "30")], body: CloseCode.tooManyConnections.reason)
            )
        }
        switch Handshake.answer(head, offeringDeflate: true) {
        case .refused(let response):
            services.limiter.release(address: address)
            refuse(context, response)
        case .accepted(let response, let deflate):
            become(
                context,
                dialect.handler(
                    for: head, registry: registry, services: services, address: address, deflate: deflate,
                    greeting: response))
        }
    }

    /// What came after the head is the new handler's.
    private func become(_ context: ChannelHandlerContext, _ handler: any ChannelHandler & Sendable) {
        isDone = true
        do {
            try context.pipeline.syncOperations.addHandler(handler, position: .after(self))
        } catch {
            return context.close(promise: nil)
        }
        if bytes.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(bytes)) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func refuse(_ context: ChannelHandlerContext, _ response: ByteBuffer) {
        isDone = true
        let channel = context.channel
        context.writeAndFlush(NIOAny(response)).whenComplete { _ in channel.close(promise: nil) }
    }

    // MARK: HTTP

    private func serveHTTP(_ context: ChannelHandlerContext) {
        isDone = true
        do {
            let pipeline = context.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline()
            try pipeline.addHandler(services.httpHandler(registry))
        } catch {
            return context.close(promise: nil)
        }
        context.fireChannelRead(wrapInboundOut(bytes))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}

/// What is spoken on a WebSocket, by the address it was opened at.
private enum Dialect {
    case native
    case echo
    case socketIO(SocketIOLayer)

    init?(path: Substring, _ services: GatewayServices) {
        switch path {
        case "/gateway": self = .native
        case "/echo" where services.configuration.isEchoing: self = .echo
        default:
            guard let layer = services.socketIO.layer(at: path) else { return nil }
            self = .socketIO(layer)
        }
    }

    func handler(
        for head: RequestHead, registry: LoopRegistry, services: GatewayServices, address: String,
        deflate: DeflateAgreement?, greeting: ByteBuffer
    ) -> any ChannelHandler & Sendable {
        switch self {
        case .native:
            Connection(
                registry: registry, services: services, address: address, deflate: deflate, greeting: greeting)
        case .echo:
            EchoConnection(
                registry: registry, services: services, address: address, deflate: deflate, greeting: greeting)
        case .socketIO(let layer):
            SocketIOWebSocket(
                layer, head: head, registry: registry, services: services, address: address, deflate: deflate,
                greeting: greeting)
        }
    }
}
