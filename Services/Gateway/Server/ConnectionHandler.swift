import Contracts
import GatewayDomain
import Logging
import NIOCore
import NIOWebSocket
import RedisBus
import ServiceKit
import Synchronization

/// One WebSocket: reads client frames into the machine, performs what it answers, and writes events.
///
/// It writes whole frames as bytes past the WebSocket encoder, so that a prepared event costs no encoding.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the channel's event loop only.
final class ConnectionHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = WebSocketFrame

    let id = ConnectionID.fresh()
    let registry: LoopRegistry
    let services: GatewayServices
    private var machine = ConnectionMachine(now: .now)
    private var catchUp = CatchUp<PreparedEvent>()
    /// What the connection reads.
    private var streams: Set<StreamID> = []
    /// Those of them that the stream table counts it for, which it must be told when the connection stops reading.
    private var attached: Set<StreamID> = []
    private(set) var userID: UserID?
    private(set) var sessionID: SessionID?
    /// From the client's first call on.
    var call: CallRelay?
    /// Events of the user's own stream up to here are part of what identify answered: their effects are done.
    private var effectsDoneThrough: StreamSequence = 0
    /// The place in the pipeline just below the encoder; `nil` once the connection has gone.
    private var outlet: ChannelHandlerContext?
    private var isClosing = false
    /// The control flows under way: identify, and the catch-up of streams joined later.
    private var flows: [Int: Task<Void, Never>] = [:]
    private var lastFlow = 0
    /// Which flow replays a stream. One that was left, or left and joined again, is no business of the earlier flow.
    private var replayer: [StreamID: Int] = [:]

    init(registry: LoopRegistry, services: GatewayServices, outlet: ChannelHandlerContext) {
        self.registry = registry
        self.services = services
        self.outlet = outlet
    }

    var eventLoop: any EventLoop { registry.eventLoop }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        registry.add(self)
        services.counters.connections.add(1, ordering: .relaxed)
        send(
            .hello(
                Hello(
                    heartbeatIntervalMilliseconds: Int(Limits.heartbeatInterval / .milliseconds(1)),
                    identifyTimeoutMilliseconds: Int(Limits.identifyTimeout / .milliseconds(1)))))
    }

    func channelInactive(context: ChannelHandlerContext) {
        for flow in flows.values { flow.cancel() }
        flows = [:]
        call?.close()
        call = nil
        registry.remove(self, streams: streams)
        services.streams.detach(attached, loop: registry.index)
        services.counters.connections.subtract(1, ordering: .relaxed)
        streams = []
        attached = []
        outlet = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .text:
            let bytes = frame.unmaskedData.readableBytesView
            perform(machine.receive(try? WireJSON.decode(ClientFrame.self, from: bytes), now: .now))
        case .ping:
            write(webSocketFrame(.pong, frame.unmaskedData))
            perform(machine.noteAlive(now: .now))
        case .pong: perform(machine.noteAlive(now: .now))
        case .connectionClose:
            isClosing = true
            write(webSocketFrame(.close, frame.unmaskedData.getSlice(at: 0, length: 2) ?? ByteBuffer()))
            context.close(promise: nil)
        default: perform(machine.receive(nil, now: .now))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? NIOWebSocketError {
            close(error == .invalidFrameLength ? .frameTooLarge : .malformedFrame)
        } else if let error = error as? NIOWebSocketFrameAggregator.Error {
            close(error == .accumulatedFrameSizeIsTooLarge ? .frameTooLarge : .malformedFrame)
        } else {
            context.close(promise: nil)
        }
    }

    private func perform(_ action: ConnectionMachine.Action) {
        switch action {
        case .none: break
        case .identify(let identify): start { flow in await self.identify(identify, flow) }
        case .answerHeartbeat: send(.heartbeat(Heartbeat()))
        case .call(let frame): receive(frame)
        case .refuse(let failed): send(.callFailed(failed))
        case .close(let code): close(code)
        }
    }

    /// Time has passed: called once a second by the registry.
    func check(now: Timestamp) {
        if !isClosing { perform(machine.check(now: now)) }
    }

    // MARK: Events

    /// A live event of a stream that this connection reads.
    func receive(_ event: PreparedEvent, _ stream: StreamID, _ seq: StreamSequence) {
        guard !isClosing else { return }
        if catchUp.isIdle {
            deliver(event, stream, seq)
        } else {
            switch catchUp.receive(stream, seq, event) {
            case .deliver: deliver(event, stream, seq)
            // The end of the session does not wait for a replay to end.
            case .hold: if event.effects.contains(where: endsSession) { close(.sessionRevoked) }
            case .drop: break
            case .overflow: close(.tooSlow)
            }
        }
    }

    private func endsSession(_ effect: AccessEffect) -> Bool {
        if case .revoke(let session) = effect { session == sessionID } else { false }
    }

    private func deliver(_ event: PreparedEvent, _ stream: StreamID, _ seq: StreamSequence) {
        guard let outlet else { return }
        // The watermark is the bound of what may wait for one connection.
        guard outlet.channel.isWritable else { return close(.tooSlow) }
        write(event.frame)
        apply(event, stream, seq)
    }

    private func apply(_ event: PreparedEvent, _ stream: StreamID, _ seq: StreamSequence) {
        guard !event.effects.isEmpty, case .user = stream, seq > effectsDoneThrough else { return }
        for effect in event.effects {
            switch effect {
            case .join(let place): if !streams.contains(place.stream) { join(place) }
            case .leave(let stream): leave(stream)
            case .revoke: if endsSession(effect) { close(.sessionRevoked) }
            }
        }
    }

    private func join(_ place: Cursor) {
        start { flow in await self.catchUp(on: place, flow) }
        addReader(place.stream, after: place.seq, flow: lastFlow)
    }

    private func leave(_ stream: StreamID) {
        guard streams.remove(stream) != nil else { return }
        registry.removeReader(self, of: stream)
        if attached.remove(stream) != nil { services.streams.detach([stream], loop: registry.index) }
        catchUp.forget(stream)
        replayer[stream] = nil
    }

    private func addReader(_ stream: StreamID, after seq: StreamSequence, flow: Int) {
        streams.insert(stream)
        replayer[stream] = flow
        catchUp.begin(stream, after: seq)
        registry.addReader(self, of: stream)
    }

    // MARK: Writing

    func send(_ frame: ServerFrame) {
        do {
            write(webSocketFrame(.text, ByteBuffer(bytes: try WireJSON.encode(frame))))
        } catch {
            services.logger.error("frame not encoded", metadata: ["error": "\(error)"])
        }
    }

    /// The same for frames that come unasked: they may not pile up behind a client that does not read.
    func sendBounded(_ frame: ServerFrame) {
        guard !isClosing, let outlet else { return }
        if outlet.channel.isWritable { send(frame) } else { close(.tooSlow) }
    }

    func sendReset(_ place: Cursor) { send(.reset(Reset(stream: place.stream, seq: place.seq))) }

    private func write(_ frame: ByteBuffer) { outlet?.writeAndFlush(NIOAny(frame), promise: nil) }

    func close(_ code: CloseCode) {
        guard !isClosing, let outlet else { return }
        isClosing = true
        var payload = ByteBuffer()
        payload.writeInteger(UInt16(code.rawValue))
        payload.writeString(code.reason)
        // A peer that does not read must not keep the socket: closing waits for this write no longer than a second.
        let channel = outlet.channel
        outlet.writeAndFlush(NIOAny(webSocketFrame(.close, payload))).whenComplete { _ in
            channel.close(promise: nil)
        }
        eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
    }

    // MARK: Control flows

    /// Runs a control flow that ends with the connection. What fails closes it, and the client resumes elsewhere.
    private func start(_ flow: @escaping @Sendable (_ number: Int) async -> Void) {
        lastFlow += 1
        let number = lastFlow
        flows[number] = Task { [self] in
            await flow(number)
            eventLoop.execute { [self] in flows[number] = nil }
        }
    }

    /// Runs on the loop; throws if the connection has gone.
    private func onLoop<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws -> Value {
        try await eventLoop.submit { [self] in
            guard outlet != nil, !isClosing else { throw ChannelError.ioOnClosedChannel }
            return work()
        }.get()
    }

    /// Has the stream table count this connection, once a stream. What the connection stopped reading meanwhile, or was
    /// counted for already, is given back at once.
    private func attach(_ wanted: [StreamID]) async throws {
        try await services.streams.attach(wanted, loop: registry.index)
        try await eventLoop.submit { [self] in
            let surplus = wanted.filter { !streams.contains($0) || !attached.insert($0).inserted }
            services.streams.detach(surplus, loop: registry.index)
        }.get()
    }

    private func closeFromTask(_ code: CloseCode) { eventLoop.execute { [self] in close(code) } }

    /// The user's stream first, so that no change of access is missed; then who this is and what it may see; then
    /// everything it may see, from the client's cursors on.
    private func identify(_ identify: Identify, _ flow: Int) async {
        do {
            let claims = try await services.keys.verify(identify.token)
            let own = StreamID.user(claims.userID)
            try await onLoop { [self] in
                userID = claims.userID
                sessionID = claims.sessionID
                effectsDoneThrough = .max
                addReader(own, after: 0, flow: flow)
            }
            try await attach([own])
            let known = try await services.api.identify(user: claims.userID, session: claims.sessionID)
            let cursors = Dictionary(identify.cursors.map { ($0.stream, $0.seq) }, uniquingKeysWith: min)
            let places = known.heads.map { Cursor(stream: $0.stream, seq: cursors[$0.stream] ?? $0.seq) }
            try await onLoop { [self] in
                effectsDoneThrough = known.heads.first { $0.stream == own }?.seq ?? 0
                for place in places {
                    if place.stream == own {
                        catchUp.begin(own, after: place.seq)
                    } else {
                        addReader(place.stream, after: place.seq, flow: flow)
                    }
                }
            }
            try await attach(places.map(\.stream).filter { $0 != own })
            try await onLoop { [self] in
                send(.ready(Ready(connectionID: id, sessionID: claims.sessionID, user: known.user, streams: places)))
            }
            try await replay(places, flow)
            try await onLoop { [self] in send(.current(Current())) }
        } catch TokenError.expired {
            closeFromTask(.tokenExpired)
        } catch TokenError.invalid {
            closeFromTask(.unauthenticated)
        } catch {
            closeFromTask(closeCode(for: error))
        }
    }

    /// Begins a stream that was joined while connected.
    private func catchUp(on place: Cursor, _ flow: Int) async {
        do {
            try await attach([place.stream])
            try await replay([place], flow)
        } catch {
            closeFromTask(closeCode(for: error))
        }
    }

    /// Sends what came after the places, then lets live events of these streams through.
    private func replay(_ places: [Cursor], _ flow: Int) async throws {
        var cursors = places
        while !cursors.isEmpty {
            var covered: [Cursor] = []
            var hasMore = true
            while hasMore {
                let page = try await services.api.replay(for: try await onLoop { [self] in userID }, after: cursors)
                try await send(page, flow)
                covered += page.reply.resets
                cursors = page.reply.covered
                hasMore = page.reply.hasMore
            }
            let settlement = try await services.streams.settle(covered + cursors)
            try await onLoop { [self] in
                let behind = Set(settlement.behind.map(\.stream))
                let ended = places.map(\.stream).filter { replayer[$0] == flow && !behind.contains($0) }
                for stream in ended { replayer[stream] = nil }
                for (stream, seq, event) in catchUp.end(ended, lagging: settlement.lagging)
                where streams.contains(stream) && !isClosing {
                    deliver(event, stream, seq)
                }
            }
            cursors = settlement.behind
        }
    }

    /// Writes a page and waits until the socket has taken it, so that a slow client holds one page at most.
    private func send(_ page: APIClient.Replay, _ flow: Int) async throws {
        let promise = eventLoop.makePromise(of: Void.self)
        eventLoop.execute { [self] in
            guard let outlet, !isClosing else { return promise.fail(ChannelError.ioOnClosedChannel) }
            for place in page.reply.resets where replayer[place.stream] == flow {
                catchUp.replayed(place.stream, to: place.seq)
                sendReset(place)
            }
            for (stream, seq, event) in page.events where replayer[stream] == flow && !isClosing {
                outlet.write(NIOAny(event.frame), promise: nil)
                catchUp.replayed(stream, to: seq)
                apply(event, stream, seq)
            }
            outlet.writeAndFlush(NIOAny(ByteBuffer()), promise: promise)
        }
        try await promise.futureResult.get()
    }

    private func closeCode(for error: any Error) -> CloseCode {
        if case .failed(let failure) = error as? BusError, failure.code == .sessionRevoked { return .sessionRevoked }
        return .unavailable
    }
}

extension ConnectionHandler: Hashable {
    static func == (left: ConnectionHandler, right: ConnectionHandler) -> Bool { left === right }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
