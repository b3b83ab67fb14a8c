import Contracts
import GatewayDomain
import Logging
import NIOCore
import ServiceKit
import Synchronization
import WebSocketCodec

/// One WebSocket of the native protocol: reads client frames into the machine, performs what it answers, and writes.
///
/// It writes to its socket itself and hands to NIO only what the socket does not take at once; until that has left, everything
/// else waits behind it.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the channel's event loop only.
final class Connection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let id = ConnectionID.fresh()
    let registry: LoopRegistry
    let services: GatewayServices
    private let address: String
    private let isDeflating: Bool
    private var machine = ConnectionMachine(now: .now)
    private var frames: FrameReader
    /// The beginning of a frame whose rest has not come.
    private var inbound: ByteBuffer?
    private var slot: Int32 = -1
    private(set) var session: StreamSession?
    /// From the client's first call on.
    var call: CallRelay?
    /// `nil` once the connection has gone.
    private var context: ChannelHandlerContext?
    private var socket: CInt = -1
    private var isLive = false
    private var isClosing = false
    private var hasMoved = false
    /// What leaves together at the end of the batch.
    private var batch: ByteBuffer?
    /// Bytes that wait in NIO for the socket.
    private var queuedByteCount = 0
    private var drainWaiters: [EventLoopPromise<Void>] = []

    /// - Parameter greeting: the answer to the handshake, which leaves together with hello.
    init(
        registry: LoopRegistry, services: GatewayServices, address: String, deflate: DeflateAgreement?,
        greeting: ByteBuffer
    ) {
        self.registry = registry
        self.services = services
        self.address = address
        isDeflating = deflate != nil
        frames = FrameReader(maximumMessageByteCount: Limits.clientFrameByteCount, deflate: deflate)
        batch = greeting
    }

    var eventLoop: any EventLoop { registry.eventLoop }
    var userID: UserID? { session?.userID }
    var sessionID: SessionID? { session?.sessionID }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        socket =
            (try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable { (handle: CInt) in handle }) ?? -1
        slot = registry.open(self)
        services.counters.connections.add(1, ordering: .relaxed)
        if isDeflating { services.counters.deflating.add(1, ordering: .relaxed) }
        write(services.frames.hello)
        endBatch()
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard self.context != nil else { return }
        self.context = nil
        call?.close()
        call = nil
        if let userID {
            services.presence.disconnect(id, hasMoved: hasMoved)
            services.typing.forget(id)
            services.limiter.release(id, user: userID)
        }
        services.limiter.release(address: address)
        registry.close(slot)
        services.counters.connections.subtract(1, ordering: .relaxed)
        if isDeflating { services.counters.deflating.subtract(1, ordering: .relaxed) }
        for waiter in drainWaiters { waiter.fail(ChannelError.ioOnClosedChannel) }
        drainWaiters = []
        session = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        var bytes = unwrapInboundIn(data)
        if var before = inbound {
            before.writeBuffer(&bytes)
            bytes = before
            inbound = nil
        }
        while !isClosing, let input = frames.next(&bytes, inflater: registry.inflater) { receive(input) }
        if !isClosing, bytes.readableBytes > 0 { inbound = bytes }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func receive(_ input: FrameReader.Input) {
        switch input {
        case .text(let bytes): perform(machine.receive(ClientFrame(json: bytes), now: .now))
        case .binary: perform(machine.receive(nil, now: .now))
        case .ping(let bytes):
            write(FrameWriter.frame(.pong, bytes))
            perform(machine.noteAlive(now: .now))
        case .pong: perform(machine.noteAlive(now: .now))
        case .close(let code, _): endWith(FrameWriter.close(code: code ?? 1000), graceSeconds: 0)
        case .failure(let failure):
            close(failure.closeCode == 1009 ? .frameTooLarge : .malformedFrame)
        }
    }

    private func perform(_ action: ConnectionMachine.Action) {
        switch action {
        case .none: break
        case .identify(let identify):
            let session = StreamSession(reader: self, slot: slot, registry: registry, services: services)
            self.session = session
            session.open(token: identify.token, cursors: identify.cursors)
        case .answerHeartbeat: write(services.frames.heartbeat)
        case .updatePresence(let update): services.presence.update(id, update)
        case .watchPresence(let watch): services.presence.watch(id, watch)
        case .typing(let typing):
            if let userID, session?.reads(.channel(typing.channelID)) == true {
                services.typing.typing(typing, user: userID, connection: id)
            }
        case .call(let frame): receive(frame)
        case .refuse(let failed): send(.callFailed(failed))
        case .close(let code): close(code)
        }
    }

    /// Time has passed: called every few seconds by the registry.
    func check(now: Timestamp) {
        if !isClosing { perform(machine.check(now: now)) }
    }

    // MARK: Writing

    func send(_ frame: ServerFrame) {
        do {
            write(try FrameWriter.frame(frame))
        } catch {
            services.logger.error("frame not encoded", metadata: ["error": "\(error)"])
        }
    }

    /// Live frames that come while others wait.
    func enqueue(_ frames: FrameBatch) { write(isDeflating ? frames.deflated : frames.plain) }

    /// What the socket did not take of live frames.
    func enqueue(_ rest: ByteBuffer?) {
        if let rest, !isClosing { queue(rest) }
    }

    private func write(_ bytes: ByteBuffer) {
        guard context != nil, !isClosing else { return }
        if batch != nil {
            batch?.writeImmutableBuffer(bytes)
        } else {
            writeNow(bytes)
        }
    }

    private func writeNow(_ bytes: ByteBuffer) {
        var rest = bytes
        if queuedByteCount == 0 {
            rest.moveReaderIndex(forwardBy: rest.withUnsafeReadableBytes { sendNow($0, socket) })
        }
        if rest.readableBytes > 0 { queue(rest) }
    }

    /// Leaves bytes to NIO, which writes them when the socket takes them. Live frames go behind them.
    private func queue(_ bytes: ByteBuffer) {
        guard let context else { return }
        let count = bytes.readableBytes
        guard queuedByteCount + count <= Limits.connectionQueueByteCount else {
            services.counters.tooSlow.add(1, ordering: .relaxed)
            return close(.tooSlow)
        }
        queuedByteCount += count
        if isLive { registry.setMode(.queued, socket: socket, of: slot) }
        let written = eventLoop.makePromise(of: Void.self)
        written.futureResult.whenSuccess { [self] in
            queuedByteCount -= count
            if queuedByteCount == 0 { becomeDrained() }
        }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: written)
    }

    private func becomeDrained() {
        guard context != nil else { return }
        if isLive, !isClosing { goLive() }
        for waiter in drainWaiters { waiter.succeed() }
        drainWaiters = []
    }

    private func goLive() {
        isLive = true
        registry.setMode(
            queuedByteCount > 0 ? .queued : isDeflating ? .deflated : .plain, socket: socket, of: slot)
    }

    // MARK: Closing

    /// Asks the client to connect elsewhere and to leave then.
    func move(deadline: Duration) {
        guard !isClosing else { return }
        hasMoved = true
        // Who has not said who it is has nothing to lose.
        if session == nil { return close(.goingAway) }
        send(.move(Move(deadlineMilliseconds: Int(deadline / .milliseconds(1)))))
    }

    func close(_ code: CloseCode) {
        if !isClosing { endWith(FrameWriter.close(code: UInt16(code.rawValue), reason: code.reason), graceSeconds: 1) }
    }

    /// Says goodbye, and waits for the peer to close, but not long: one that does not read must not keep the socket.
    private func endWith(_ frame: ByteBuffer, graceSeconds: Int64) {
        guard let context, !isClosing else { return }
        endBatch()
        isClosing = true
        // Nothing live after the end.
        registry.setMode(.vacant, socket: -1, of: slot)
        let channel = context.channel
        var rest = frame
        if queuedByteCount == 0 {
            rest.moveReaderIndex(forwardBy: rest.withUnsafeReadableBytes { sendNow($0, socket) })
        }
        if rest.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(rest), promise: nil) }
        if graceSeconds == 0 {
            channel.close(promise: nil)
        } else {
            eventLoop.scheduleTask(in: .seconds(graceSeconds)) { channel.close(promise: nil) }
        }
    }
}

extension Connection: StreamReader {
    func begin(_ start: SessionStart) {
        var ready = ByteBuffer()
        ready.writeJSON(
            Ready(connectionID: id, sessionID: start.sessionID, userID: start.userID, streams: start.places))
        write(FrameWriter.frame(.text, ready))
        if !isClosing { goLive() }
        services.presence.connect(self, user: start.userID, workspaces: session?.workspaces ?? [])
        services.limiter.admit(id, user: start.userID) { [self] isAdmitted in
            eventLoop.execute { [self] in
                if !isAdmitted { return close(.tooManyConnections) }
                // It may have gone while it was asked for: then nobody else gives its place back.
                if context == nil { services.limiter.release(id, user: start.userID) }
            }
        }
    }

    func receive(_ event: PreparedEvent, _ stream: StreamID, _ seq: StreamSequence) {
        write(isDeflating ? event.deflated : event.frame)
    }

    func receive(_ notice: EphemeralNotice) {
        if queuedByteCount == 0 { write(notice.frame) }
    }

    func sendReset(_ place: Cursor) { send(.reset(Reset(stream: place.stream, seq: place.seq))) }

    func becomeCurrent() { write(services.frames.current) }

    func accessChanged() {
        if let session { services.presence.accessChanged(id, workspaces: session.workspaces) }
    }

    func beginBatch() {
        if batch == nil { batch = ByteBuffer() }
    }

    func endBatch() {
        guard let bytes = batch else { return }
        batch = nil
        if bytes.readableBytes > 0, !isClosing { writeNow(bytes) }
    }

    func drained() async throws {
        try await eventLoop.flatSubmit { [self] () -> EventLoopFuture<Void> in
            guard context != nil, !isClosing else {
                return eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
            }
            guard queuedByteCount > 0 else { return eventLoop.makeSucceededVoidFuture() }
            let promise = eventLoop.makePromise(of: Void.self)
            drainWaiters.append(promise)
            return promise.futureResult
        }.get()
    }
}

extension Connection: PresenceClient {
    var connectionID: ConnectionID { id }

    func sendEphemeral(_ frame: PresenceStates) {
        eventLoop.execute { [self] in
            if queuedByteCount <= Limits.ephemeralQueueByteCount { send(.presence(frame)) }
        }
    }
}
