import Contracts
import NIOCore
import NIOHTTP1
import ServiceKit
import SocketIOCodec
import Synchronization

/// Who is behind a namespace of one session. All is called on the session's event loop.
protocol NamespaceMember: AnyObject {
    /// The client wants to enter, and says this of itself.
    func enter(auth: JSONValue?)
    /// An event of the client; the answer goes to ``SocketIOSession/acknowledge(_:_:_:)`` if there is an id.
    func receive(_ name: String, _ arguments: [JSONValue], id: UInt64?)
    /// The client has left, or the session is over. Called once.
    func leave()
}

/// One session of Engine.IO and what is spoken over it: performs what the machines say.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the registry's event loop only; what other connections
/// call hops there.
final class SocketIOSession: @unchecked Sendable {
    let id: EngineIOSessionID
    let registry: LoopRegistry
    let services: GatewayServices
    private var engine: EngineIOSession
    /// `nil` where every message comes back.
    private var machine: SocketIOMachine?
    private var members: [String: any NamespaceMember] = [:]
    private var waitingPoll: EventLoopPromise<HTTPAnswer>?
    private var webSocket: SocketIOWebSocket?
    /// What runs, and when it fires.
    private var timer: (task: Scheduled<Void>, deadline: Timestamp)?
    private var drainWaiters: [EventLoopPromise<Void>] = []
    /// What the machine's end asked for is done.
    private var isOver = false
    /// Counted for a session that began by polling; WebSockets are counted where they are opened.
    private let address: String?

    var eventLoop: any EventLoop { registry.eventLoop }
    private var server: SocketIOServer { services.socketIO }

    // MARK: Opening

    /// On the loop of the registry: a session that begins by polling, and the answer.
    static func open(
        _ layer: SocketIOLayer, address: String, registry: LoopRegistry, services: GatewayServices
    ) -> HTTPAnswer {
        if let reason = services.whyFull { return .failed(.serviceUnavailable, reason) }
        guard services.limiter.admit(address: address) else {
            return .failed(.tooManyRequests, CloseCode.tooManyConnections.reason + "\n")
        }
        let id = services.socketIO.freshID()
        let (engine, answer) = EngineIOSession.polling(id, services.socketIO.configuration.session, now: .now)
        _ = SocketIOSession(id, engine, layer, address: address, registry: registry, services: services)
        return .ok(answer)
    }

    /// On the loop of the registry: a session that begins on a WebSocket.
    static func open(
        _ layer: SocketIOLayer, on webSocket: SocketIOWebSocket, registry: LoopRegistry, services: GatewayServices
    ) -> SocketIOSession {
        let id = services.socketIO.freshID()
        let (engine, first) = EngineIOSession.webSocket(id, services.socketIO.configuration.session, now: .now)
        let session = SocketIOSession(id, engine, layer, address: nil, registry: registry, services: services)
        session.webSocket = webSocket
        webSocket.write(first)
        return session
    }

    private init(
        _ id: EngineIOSessionID, _ engine: EngineIOSession, _ layer: SocketIOLayer, address: String?,
        registry: LoopRegistry, services: GatewayServices
    ) {
        self.id = id
        self.engine = engine
        self.address = address
        self.registry = registry
        self.services = services
        let configuration = services.socketIO.configuration
        machine =
            switch layer {
            case .socketIO:
                SocketIOMachine(
                    namespaces: configuration.namespaces, maximumByteCount: configuration.session.maximumPayload,
                    now: .now)
            case .engineEcho: nil
            }
        services.socketIO.add(self)
        services.counters.connections.add(1, ordering: .relaxed)
        schedule()
    }

    // MARK: From other loops

    func poll(from loop: any EventLoop) -> EventLoopFuture<HTTPAnswer> {
        eventLoop.flatSubmit { [self] in poll() }.hop(to: loop)
    }

    func pollCut() { eventLoop.execute { [self] in perform(engine.pollCut()) } }

    /// The head of a post has come. Fails with the refusal.
    func beginPost(from loop: any EventLoop) -> EventLoopFuture<HTTPAnswer?> {
        eventLoop.submit { [self] in perform(posting: engine.beginPost()) }.hop(to: loop)
    }

    func post(_ packets: [EngineIOPacket]?, from loop: any EventLoop) -> EventLoopFuture<HTTPAnswer> {
        eventLoop.submit { [self] in
            perform(posting: engine.post(packets, now: .now)) ?? .refused(.badRequest)
        }.hop(to: loop)
    }

    func postCut() { eventLoop.execute { [self] in perform(engine.postCut()) } }

    /// A WebSocket wants to take the session over.
    func attach(_ socket: SocketIOWebSocket) {
        eventLoop.execute { [self] in
            guard engine.attachWebSocket(now: .now) else { return socket.end() }
            webSocket = socket
            schedule()
        }
    }

    func receive(_ message: EngineIOMessage, on socket: SocketIOWebSocket) {
        eventLoop.execute { [self] in
            if socket === webSocket { perform(engine.receive(message, now: .now)) }
        }
    }

    /// A ping or a pong of the WebSocket's own protocol.
    func receiveControlFrame(on socket: SocketIOWebSocket) {
        eventLoop.execute { [self] in
            if socket === webSocket { perform(engine.receiveControlFrame(now: .now)) }
        }
    }

    func closed(_ socket: SocketIOWebSocket) {
        eventLoop.execute { [self] in
            guard socket === webSocket else { return }
            webSocket = nil
            perform(engine.webSocketClosed())
        }
    }

    func endFromOutside(_ reason: EngineIOSession.Reason, in delay: TimeAmount = .zero) {
        eventLoop.scheduleTask(in: delay) { [self] in end(reason) }
    }

    // MARK: On the loop

    private func poll() -> EventLoopFuture<HTTPAnswer> {
        let promise = eventLoop.makePromise(of: HTTPAnswer.self)
        let actions = engine.poll(now: .now)
        if waitingPoll == nil {
            waitingPoll = promise
        } else if let last = waitingPoll {
            // The one that waited is told by the machine's first action, this one refused by the second.
            waitingPoll = nil
            for case .answerPoll(let payload) in actions { last.succeed(.ok(payload)) }
            promise.succeed(.refused(.badRequest))
            perform(actions.filter { if case .end = $0 { true } else { false } })
            return promise.futureResult
        }
        perform(actions)
        return promise.futureResult
    }

    /// What the actions answer to a post, if they do.
    private func perform(posting actions: [EngineIOSession.Action]) -> HTTPAnswer? {
        var answer: HTTPAnswer?
        for action in actions {
            switch action {
            case .acceptPost: answer = .ok("ok")
            case .refusePost: answer = .refused(engine.hasEnded && actions.count == 1 ? .sessionUnknown : .badRequest)
            default: break
            }
        }
        perform(actions)
        return answer
    }

    private func perform(_ actions: [EngineIOSession.Action]) {
        for action in actions {
            switch action {
            case .answerPoll(let payload): answerPoll(.ok(payload))
            case .refusePoll: answerPoll(.refused(.sessionUnknown))
            case .acceptPost, .refusePost: break
            case .write(let message): webSocket?.write(message)
            case .deliver(let message): if !isOver { deliver(message) }
            case .dropWebSocket:
                webSocket?.end()
                webSocket = nil
            case .end: finish()
            }
        }
        if engine.isDrained || engine.hasEnded { resumeDrained() }
        schedule()
    }

    private func answerPoll(_ answer: HTTPAnswer) {
        waitingPoll?.succeed(answer)
        waitingPoll = nil
    }

    /// To cancel a timer costs as much as the loop has timers: one that fires before anything is due is left to look again
    /// then, and one of a session that has ended finds nobody.
    private func schedule() {
        guard !engine.hasEnded else { return }
        let deadline = engine.deadline
        if let timer {
            guard deadline < timer.deadline else { return }
            timer.task.cancel()
        }
        let delay = max(0, deadline.milliseconds - Timestamp.now.milliseconds)
        let task: Scheduled<Void> = eventLoop.scheduleTask(in: .milliseconds(delay)) { [weak self] in
            self?.timerFired()
        }
        timer = (task, deadline)
    }

    private func timerFired() {
        timer = nil
        guard !engine.hasEnded else { return }
        if machine?.check(now: .now) == false { return end(.closedByServer) }
        perform(engine.check(now: .now))
    }

    /// The session is over.
    private func finish() {
        isOver = true
        answerPoll(.ok(EngineIOPacket.close.pollingText))
        webSocket?.end()
        webSocket = nil
        // A poll that the client's own end has overtaken still finds its answer.
        eventLoop.scheduleTask(in: .seconds(1)) { [self] in server.remove(self) }
        services.counters.connections.subtract(1, ordering: .relaxed)
        if let address { services.limiter.release(address: address) }
        let left = members
        members = [:]
        for member in left.values { member.leave() }
    }

    private func resumeDrained() {
        let waiters = drainWaiters
        drainWaiters = []
        for waiter in waiters {
            if engine.hasEnded { waiter.fail(ChannelError.ioOnClosedChannel) } else { waiter.succeed() }
        }
    }

    // MARK: Socket.IO

    private func deliver(_ message: EngineIOMessage) {
        guard machine != nil else { return perform(engine.send([message])) }
        guard let action = machine?.receive(message) else { return }
        switch action {
        case .none: break
        case .connect(let namespace, let auth):
            let member = makeMember(namespace)
            members[namespace] = member
            member.enter(auth: auth)
        case .refuse(let namespace):
            send(SocketIOPacket(namespace: namespace, .connectError(["message": "Invalid namespace"])))
        case .event(let namespace, let name, let arguments, let id):
            members[namespace]?.receive(name, arguments, id: id)
        case .disconnect(let namespace): members.removeValue(forKey: namespace)?.leave()
        case .close(let reason): end(reason)
        }
    }

    private func makeMember(_ namespace: String) -> any NamespaceMember {
        if server.configuration.echoNamespaces.contains(namespace) {
            return EchoNamespace(namespace: namespace, session: self)
        }
        guard let name = DialectName(rawValue: namespace) else {
            preconditionFailure("The machine lets clients into namespaces that there are.")
        }
        return DialectSocket(name, session: self)
    }

    // MARK: For members

    /// Lets the client in. Whether it still wants to.
    func admit(to namespace: String) -> Bool {
        guard machine?.entered(namespace) == true else { return false }
        send(SocketIOPacket(namespace: namespace, .connect(["sid": .string(server.freshID().secret)])))
        return true
    }

    /// Does not let it in.
    func refuse(_ namespace: String, _ error: JSONValue) {
        machine?.left(namespace)
        members.removeValue(forKey: namespace)?.leave()
        send(SocketIOPacket(namespace: namespace, .connectError(error)))
    }

    /// Puts it out.
    func disconnect(_ namespace: String) {
        machine?.left(namespace)
        members.removeValue(forKey: namespace)?.leave()
        send(SocketIOPacket(namespace: namespace, .disconnect))
    }

    func send(_ packet: SocketIOPacket) { perform(engine.send(packet.messages)) }

    func acknowledge(_ namespace: String, _ id: UInt64?, _ arguments: [JSONValue]) {
        guard let id else { return }
        send(SocketIOPacket(namespace: namespace, .acknowledgement(id: id, arguments: arguments)))
    }

    /// Ends the session at once: the client's library connects again by itself.
    func end(_ reason: EngineIOSession.Reason) { perform(engine.end(reason)) }

    /// When nothing waits for the client any more.
    func drained() -> EventLoopFuture<Void> {
        guard !engine.hasEnded else { return eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
        if engine.isDrained { return webSocket?.drained().hop(to: eventLoop) ?? eventLoop.makeSucceededVoidFuture() }
        let promise = eventLoop.makePromise(of: Void.self)
        drainWaiters.append(promise)
        return promise.futureResult
    }
}

/// A namespace that sends back what it gets, as the protocol's public suite wants it.
final class EchoNamespace: NamespaceMember {
    private let namespace: String
    private let session: SocketIOSession

    init(namespace: String, session: SocketIOSession) {
        self.namespace = namespace
        self.session = session
    }

    func enter(auth: JSONValue?) {
        guard session.admit(to: namespace) else { return }
        emit("auth", [auth ?? .object([])])
    }

    func receive(_ name: String, _ arguments: [JSONValue], id: UInt64?) {
        switch name {
        case "message": emit("message-back", arguments)
        case "message-with-ack": session.acknowledge(namespace, id, arguments)
        default: break
        }
    }

    func leave() {}

    private func emit(_ name: String, _ arguments: [JSONValue]) {
        session.send(SocketIOPacket(namespace: namespace, .event(name: name, arguments: arguments, id: nil)))
    }
}
