import Contracts
import Logging
import NIOCore
import RedisBus
import ServiceKit
import SocketIOCodec

/// What a contract makes of a client's events and of the product's. All is called on the session's event loop.
protocol DialectContract: AnyObject {
    /// The client is in.
    func begin()
    /// An event of the client.
    func receive(_ name: String, _ arguments: [JSONValue], id: UInt64?)
    /// An event of a stream that the user may see.
    func receive(_ event: Event, _ stream: StreamID)
    /// Someone else is typing, or has stopped.
    func receive(_ typing: EphemeralEnvelope, in channel: ChannelID)
    /// People who are watched are now reachable, or not.
    func receive(_ presence: [UserPresence])
    /// What may be seen has changed.
    func accessChanged()
    /// The client has gone.
    func end()
}

/// A client of one contract: signed in with a token, reader of all that its user may see.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the session's event loop only.
final class DialectSocket: NamespaceMember, @unchecked Sendable {
    let id = ConnectionID.fresh()
    let namespace: String
    let session: SocketIOSession
    private var contract: (any DialectContract)?
    private var slot: Int32 = -1
    private var streams: StreamSession?
    private(set) var start: SessionStart?
    private var isOver = false
    /// One more client of presence for each workspace after the first in which people are watched.
    private var watchers: [WorkspaceID: PresenceWatcher] = [:]
    private var ownWatch: WorkspaceID?
    /// What waits for the names of people, in order.
    private var waiting: [(people: [UserID], work: () -> Void)] = []
    private var isNaming = false
    private var requestCount = 0
    private var lastSend: Task<Void, Never>?

    init(_ name: DialectName, session: SocketIOSession) {
        namespace = name.rawValue
        self.session = session
        contract =
            switch name {
            case .chatKet: ChatKetContract(socket: self)
            case .chatCall: ChatCallContract(socket: self)
            }
    }

    var services: GatewayServices { session.services }
    var people: PeopleDirectory { services.socketIO.people }
    var eventLoop: any EventLoop { session.eventLoop }

    // MARK: Membership

    func enter(auth: JSONValue?) {
        guard let token = auth?["token"]?.text else {
            eventLoop.execute { [self] in close(.unauthenticated) }
            return
        }
        slot = session.registry.open(nil)
        let streams = StreamSession(reader: self, slot: slot, registry: session.registry, services: services)
        self.streams = streams
        streams.open(token: token, cursors: [])
    }

    func receive(_ name: String, _ arguments: [JSONValue], id: UInt64?) { contract?.receive(name, arguments, id: id) }

    func leave() {
        guard !isOver else { return }
        isOver = true
        contract?.end()
        contract = nil
        waiting = []
        if let start {
            services.presence.disconnect(id, hasMoved: false)
            services.typing.forget(id)
            services.limiter.release(id, user: start.userID)
        }
        for watcher in watchers.values { services.presence.disconnect(watcher.connectionID, hasMoved: false) }
        watchers = [:]
        if slot >= 0 { session.registry.close(slot) }
        slot = -1
        streams = nil
    }

    // MARK: For the contract

    /// Whether the user is in the channel.
    func reads(_ channel: ChannelID) -> Bool { streams?.reads(.channel(channel)) ?? false }

    func emit(_ name: String, _ arguments: JSONValue...) {
        guard !isOver else { return }
        session.send(SocketIOPacket(namespace: namespace, .event(name: name, arguments: arguments, id: nil)))
    }

    func acknowledge(_ id: UInt64?, _ argument: JSONValue) {
        if !isOver { session.acknowledge(namespace, id, [argument]) }
    }

    /// Runs work once it is known who these people are; what comes later waits behind it.
    func naming(_ users: [UserID], _ work: @escaping () -> Void) {
        guard !isOver else { return }
        if waiting.isEmpty, people.unknown(of: users).isEmpty { return work() }
        guard waiting.count < Limits.socketIOQueueCount else {
            eventLoop.execute { [self] in close(.tooSlow) }
            return
        }
        waiting.append((users, work))
        askForNames()
    }

    private func askForNames() {
        guard !isNaming, !waiting.isEmpty else { return }
        isNaming = true
        let missing = people.unknown(of: waiting.prefix(Limits.rosterCount).lazy.flatMap(\.people))
        Task { [self, people] in
            do {
                var rest = missing
                while !rest.isEmpty {
                    let some = Set(rest.prefix(Limits.rosterCount))
                    try await people.load(some)
                    rest.subtract(some)
                }
                eventLoop.execute { [self] in named() }
            } catch {
                services.logger.info("people not named", metadata: ["error": "\(error)"])
                eventLoop.execute { [self] in close(.unavailable) }
            }
        }
    }

    private func named() {
        isNaming = false
        var done = 0
        while done < waiting.count, people.unknown(of: waiting[done].people).isEmpty {
            waiting[done].work()
            done += 1
            if isOver { return }
        }
        waiting.removeFirst(done)
        askForNames()
    }

    /// Works on a request of the client beside the loop, then acknowledges what that answers. Few at once.
    func request(_ id: UInt64?, _ work: @escaping @Sendable () async throws -> JSONValue) {
        guard requestCount < Limits.dialectRequestsAtOnce else {
            return acknowledge(id, failure(.rateLimited, "Too many requests at once; wait for answers."))
        }
        requestCount += 1
        Task { [self] in
            let answer: JSONValue
            do { answer = try await work() } catch { answer = failure(of: error) }
            eventLoop.execute { [self] in
                requestCount -= 1
                acknowledge(id, answer)
            }
        }
    }

    /// Sends a message after those that were sent before. What the API says of it goes to the handler on the loop.
    func send(
        _ content: String, key: String, to channel: ChannelID, id: UInt64?,
        then handle: @escaping @Sendable (BusSendReply) -> JSONValue
    ) {
        guard let start else { return }
        let message = BusSendRequest(
            userID: start.userID, sessionID: start.sessionID, channelID: channel, content: content, idempotencyKey: key)
        request(id) { [self] in
            let reply = try await inOrder { [services] in try await services.api.send(message) }
            return try await onLoop { handle(reply) }
        }
    }

    private func inOrder<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let task = try await onLoop { [self] in
            let task = Task { [lastSend] in
                await lastSend?.value
                return try await work()
            }
            lastSend = Task { _ = await task.result }
            return task
        }
        return try await task.value
    }

    /// Runs on the loop; throws if the client has gone.
    func onLoop<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws -> Value {
        try await eventLoop.submit { [self] in
            guard !isOver else { throw CancellationError() }
            return work()
        }.get()
    }

    // MARK: Presence

    /// Watches people of a workspace, instead of those of it that were watched before.
    func watch(_ users: [UserID], in workspace: WorkspaceID) {
        guard let start, let streams, streams.workspaces.contains(workspace) else { return }
        let watch = PresenceWatch(workspaceID: workspace, userIDs: Array(users.prefix(Limits.presenceWatchCount)))
        if ownWatch == nil { ownWatch = workspace }
        if ownWatch == workspace { return services.presence.watch(id, watch) }
        if watchers[workspace] == nil {
            guard watchers.count < Limits.dialectWatchCount else { return }
            let watcher = PresenceWatcher(socket: self)
            watchers[workspace] = watcher
            services.presence.connect(watcher, user: start.userID, workspaces: streams.workspaces)
        }
        if let watcher = watchers[workspace] { services.presence.watch(watcher.connectionID, watch) }
    }

    /// From any thread.
    fileprivate func receive(_ states: PresenceStates) {
        eventLoop.execute { [self] in contract?.receive(states.users) }
    }
}

/// Watches people of one more workspace for a socket: a client of presence watches those of one.
///
/// SAFETY: `@unchecked Sendable` because nothing in it changes, and the socket is only told something on its loop.
private final class PresenceWatcher: PresenceClient, @unchecked Sendable {
    let connectionID = ConnectionID.fresh()
    private weak let socket: DialectSocket?

    init(socket: DialectSocket) { self.socket = socket }

    func sendEphemeral(_ frame: PresenceStates) { socket?.receive(frame) }
}

extension DialectSocket: PresenceClient {
    var connectionID: ConnectionID { id }

    func sendEphemeral(_ frame: PresenceStates) { receive(frame) }
}

extension DialectSocket: StreamReader {
    func begin(_ start: SessionStart) {
        guard !isOver, session.admit(to: namespace) else { return }
        self.start = start
        services.presence.connect(self, user: start.userID, workspaces: streams?.workspaces ?? [])
        // Counted in this turn, so that whoever leaves while Redis is asked gives the place back.
        services.limiter.admit(id, user: start.userID) { [self] isAdmitted in
            if !isAdmitted { eventLoop.execute { [self] in close(.tooManyConnections) } }
        }
        contract?.begin()
    }

    func receive(_ event: PreparedEvent, _ stream: StreamID, _ seq: StreamSequence) {
        guard start != nil else { return }
        do {
            let frame = try WireJSON.decode(EventFrame.self, from: event.json.readableBytesView)
            contract?.receive(frame.event, stream)
        } catch {
            services.logger.error("event not translated", metadata: ["stream": "\(stream)", "error": "\(error)"])
        }
    }

    func receive(_ notice: EphemeralNotice) { contract?.receive(notice.envelope, in: notice.channelID) }

    /// The contracts know no gap: the client connects again and syncs.
    func sendReset(_ place: Cursor) {
        eventLoop.execute { [self] in if !isOver { session.end(.mustReconnect) } }
    }

    func becomeCurrent() {}

    func accessChanged() {
        guard let streams, start != nil else { return }
        services.presence.accessChanged(id, workspaces: streams.workspaces)
        for watcher in watchers.values {
            services.presence.accessChanged(watcher.connectionID, workspaces: streams.workspaces)
        }
        contract?.accessChanged()
    }

    func beginBatch() {}
    func endBatch() {}

    func drained() async throws {
        try await eventLoop.flatSubmit { [self] () -> EventLoopFuture<Void> in
            isOver ? eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel) : session.drained()
        }.get()
    }

    func close(_ code: CloseCode) {
        guard !isOver else { return }
        // Not in the middle of what the registry is doing.
        eventLoop.execute { [self] in
            guard !isOver else { return }
            if start == nil {
                let data: JSONValue = [
                    "code": .number("\(code.rawValue)"), "action": .string(code.action.rawValue),
                ]
                session.refuse(namespace, ["message": .string(code.reason), "data": data])
            } else if code.action == .resume {
                // A client's library connects again by itself when the transport closes, and not when it is put out.
                session.end(.mustReconnect)
            } else {
                session.disconnect(namespace)
            }
        }
    }
}

/// What a client is told of a request that failed: `success`, `error` for people and `code` for programs.
func failure(_ code: ErrorCode, _ detail: String?) -> JSONValue {
    ["success": false, "error": .string(detail ?? code.title), "code": .string(code.rawValue)]
}

private func failure(of error: any Error) -> JSONValue {
    switch error as? BusError {
    case .failed(let reason): failure(reason.code, reason.detail)
    case let error?: failure(error.code, nil)
    case nil: failure(.internalError, nil)
    }
}
