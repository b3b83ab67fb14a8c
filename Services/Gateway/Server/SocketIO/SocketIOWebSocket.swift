import Contracts
import NIOCore
import ServiceKit
import SocketIOCodec
import Synchronization
import WebSocketCodec

/// A WebSocket that carries a session of Engine.IO: its own, or one that began by polling, which may live on another
/// loop.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the channel's event loop only; what the session calls
/// hops there.
final class SocketIOWebSocket: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let registry: LoopRegistry
    private let services: GatewayServices
    private let address: String
    private let greeting: ByteBuffer
    private let layer: SocketIOLayer
    private let request: Result<EngineIORequest, EngineIORefusal>
    private let queueBound: Int
    private var frames: FrameReader
    private var inbound = ByteBuffer()
    private var session: SocketIOSession?
    private var context: ChannelHandlerContext?
    private var isClosing = false
    private var queuedByteCount = 0
    private var drainWaiters: [EventLoopPromise<Void>] = []

    /// - Parameters:
    ///   - address: where the client comes from; it has been admitted.
    ///   - greeting: the answer to the handshake.
    init(
        _ layer: SocketIOLayer, head: RequestHead, registry: LoopRegistry, services: GatewayServices, address: String,
        deflate: DeflateAgreement?, greeting: ByteBuffer
    ) {
        self.layer = layer
        request = EngineIORequest.parse(method: head.method, isUpgrade: true) { head.query($0) }
        self.registry = registry
        self.services = services
        self.address = address
        self.greeting = greeting
        let payload = services.socketIO.configuration.session.maximumPayload
        // One byte more: the digit that says that it is a message.
        frames = FrameReader(maximumMessageByteCount: payload + 1, deflate: deflate)
        queueBound = max(Limits.connectionQueueByteCount, 2 * payload)
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        context.writeAndFlush(wrapOutboundOut(greeting), promise: nil)
        switch request {
        case .success(.openWebSocket):
            session = SocketIOSession.open(layer, on: self, registry: registry, services: services)
        case .success(.upgrade(let id)):
            guard let known = services.socketIO.session(id) else { return end() }
            session = known
            known.attach(self)
        case .success, .failure: end()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard self.context != nil else { return }
        self.context = nil
        services.limiter.release(address: address)
        session?.closed(self)
        session = nil
        for waiter in drainWaiters { waiter.fail(ChannelError.ioOnClosedChannel) }
        drainWaiters = []
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        var bytes = unwrapInboundIn(data)
        inbound.writeBuffer(&bytes)
        while !isClosing, let input = frames.next(&inbound, inflater: registry.inflater) { receive(input) }
        inbound.discardReadBytes()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func receive(_ input: FrameReader.Input) {
        switch input {
        case .text(let text): session?.receive(.text(String(buffer: text)), on: self)
        case .binary(let bytes): session?.receive(.binary(bytes), on: self)
        case .ping(let payload):
            writeNow(FrameWriter.frame(.pong, payload))
            session?.receiveControlFrame(on: self)
        case .pong: session?.receiveControlFrame(on: self)
        case .close(let code, _): close(FrameWriter.close(code: code ?? 1000))
        case .failure(let failure): close(FrameWriter.close(code: failure.closeCode))
        }
    }

    // MARK: From the session's loop

    func write(_ message: EngineIOMessage) {
        registry.eventLoop.execute { [self] in
            switch message {
            case .text(let text): writeNow(FrameWriter.frame(.text, ByteBuffer(string: text)))
            case .binary(let bytes): writeNow(FrameWriter.frame(.binary, bytes))
            }
        }
    }

    /// Closes after what was written before.
    func end() { registry.eventLoop.execute { [self] in close(FrameWriter.close(code: 1000)) } }

    /// When the socket has taken all that was written.
    func drained() -> EventLoopFuture<Void> {
        registry.eventLoop.flatSubmit { [self] () -> EventLoopFuture<Void> in
            guard context != nil else { return registry.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
            guard queuedByteCount > 0 else { return registry.eventLoop.makeSucceededVoidFuture() }
            let promise = registry.eventLoop.makePromise(of: Void.self)
            drainWaiters.append(promise)
            return promise.futureResult
        }
    }

    // MARK: On the channel's loop

    private func writeNow(_ frame: ByteBuffer) {
        guard let context, !isClosing else { return }
        let count = frame.readableBytes
        guard queuedByteCount + count <= queueBound else {
            services.counters.tooSlow.add(1, ordering: .relaxed)
            session?.endFromOutside(.tooSlow)
            return context.close(promise: nil)
        }
        queuedByteCount += count
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { [self] _ in
            queuedByteCount -= count
            guard queuedByteCount == 0 else { return }
            for waiter in drainWaiters { waiter.succeed() }
            drainWaiters = []
        }
        context.writeAndFlush(wrapOutboundOut(frame), promise: written)
    }

    private func close(_ frame: ByteBuffer) {
        guard let context, !isClosing else { return }
        isClosing = true
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(frame)).whenComplete { _ in channel.close(promise: nil) }
        // One that does not read must not keep the socket.
        context.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
    }
}
