import Contracts
import Logging
import NIOCore
import ServiceKit
import SocketIOCodec

/// The events of ChatKet, in the namespace `/`: a room is a channel. Live events go only to rooms that the client has
/// joined.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the session's event loop only.
final class ChatKetContract: DialectContract, @unchecked Sendable {
    /// How long changes of rosters gather before they are sent.
    private static let rosterHold = TimeAmount.milliseconds(300)

    private struct Room {
        var workspace: WorkspaceID?
        /// `nil` until they are known.
        var members: [UserID]?
        var isRosterDue = false
    }

    /// It lets go of this contract when the client has gone.
    private let socket: DialectSocket
    private var rooms: [ChannelID: Room] = [:]
    private var online: [UserID: Bool] = [:]
    private var typers = TypingTimers()
    private var isSendingRosters = false

    init(socket: DialectSocket) { self.socket = socket }

    func begin() {}

    func end() {
        typers.cancelAll()
        rooms = [:]
    }

    // MARK: From the client

    func receive(_ name: String, _ arguments: [JSONValue], id: UInt64?) {
        let payload = arguments.first ?? .null
        switch name {
        case "rooms:sync": syncRooms(payload, id)
        case "room:join": joinRoom(payload, id)
        case "room:leave": leaveRoom(payload, id)
        case "message:send": sendMessage(payload, id)
        case "typing:update": typing(payload, id)
        case "presence:ping":
            guard room(payload, id) != nil else { return }
            socket.acknowledge(id, ["success": true])
        default: socket.acknowledge(id, failure(.notFound, "There is no event \(name.prefix(64))."))
        }
    }

    /// The channel that a payload names, if the user is in it; else the request is refused.
    private func room(_ payload: JSONValue, _ id: UInt64?) -> ChannelID? {
        guard let channel = payload["roomId"]?.text.flatMap({ ChannelID($0) }), socket.reads(channel) else {
            socket.acknowledge(id, failure(.notFound, "There is no such room, or you are not in it."))
            return nil
        }
        return channel
    }

    private func syncRooms(_ payload: JSONValue, _ id: UInt64?) {
        guard let wanted = payload["rooms"]?.elements, wanted.count <= Limits.roomsPerSync else {
            return socket.acknowledge(
                id, failure(.validationFailed, "Send rooms, at most \(Limits.roomsPerSync) of them."))
        }
        // All at once, so that nothing live is missed while they are looked up.
        for one in wanted { if let channel = member(one) { enter(channel) } }
        socket.request(id) { [self] in
            var results: [JSONValue] = []
            for one in wanted {
                let roomID = one["roomId"] ?? .null
                guard let channel = try await socket.onLoop({ [self] in member(one) }) else {
                    results.append(["roomId": roomID, "synced": false])
                    continue
                }
                let (count, hasMore) = try await catchUp(channel, since: time(one))
                results.append([
                    "roomId": roomID, "synced": true, "messageCount": .number("\(count)"), "hasMore": .bool(hasMore),
                ])
            }
            return ["success": true, "results": .array(results)]
        }
    }

    private func member(_ room: JSONValue) -> ChannelID? {
        guard let channel = room["roomId"]?.text.flatMap({ ChannelID($0) }), socket.reads(channel) else { return nil }
        return channel
    }

    private func time(_ room: JSONValue) -> Timestamp? { room["lastSeenAt"]?.text.flatMap { Timestamp($0) } }

    private func joinRoom(_ payload: JSONValue, _ id: UInt64?) {
        guard let channel = room(payload, id) else { return }
        enter(channel)
        let since = time(payload)
        socket.request(id) { [self] in
            let (count, hasMore) = try await catchUp(channel, since: since)
            return ["success": true, "messageCount": .number("\(count)"), "hasMore": .bool(hasMore)]
        }
    }

    private func leaveRoom(_ payload: JSONValue, _ id: UInt64?) {
        if let channel = payload["roomId"]?.text.flatMap({ ChannelID($0) }) { rooms[channel] = nil }
        socket.acknowledge(id, ["success": true])
    }

    private func sendMessage(_ payload: JSONValue, _ id: UInt64?) {
        guard let channel = room(payload, id) else { return }
        guard let text = payload["text"]?.text, let key = payload["clientMsgId"]?.text else {
            return socket.acknowledge(id, failure(.validationFailed, "Send roomId, text and clientMsgId."))
        }
        socket.send(text, key: key, to: channel, id: id) { [self] reply in acknowledgement(reply, channel) }
    }

    private func acknowledgement(_ reply: BusSendReply, _ channel: ChannelID) -> JSONValue {
        if let message = reply.message {
            return [
                "success": true, "messageId": .string("\(message.id)"), "isDuplicate": .bool(reply.isDuplicate),
            ]
        }
        let refusal = failure(reply.failure ?? .internalError, reply.detail)
        guard let left = reply.mutedForMilliseconds, case .object(let members) = refusal else { return refusal }
        let until = JSONValue.string("\(Timestamp.now + .milliseconds(left))")
        socket.emit(
            "room:system",
            [
                "type": "muted", "roomId": .string("\(channel)"), "createdAt": .string("\(Timestamp.now)"),
                "until": until,
            ])
        return .object(members + [.init("mutedUntil", until)])
    }

    private func typing(_ payload: JSONValue, _ id: UInt64?) {
        guard let channel = room(payload, id), let user = socket.start?.userID else { return }
        let typing = Typing(channelID: channel, isTyping: payload["isTyping"]?.truth ?? true)
        socket.services.typing.typing(typing, user: user, connection: socket.id)
        socket.acknowledge(id, ["success": true])
    }

    // MARK: Catching up

    private func enter(_ channel: ChannelID) {
        if rooms[channel] == nil { rooms[channel] = Room() }
    }

    /// Sends what was missed, the newest, and sees to the roster. Answers how many messages, and whether older ones
    /// remain.
    private func catchUp(_ channel: ChannelID, since: Timestamp?) async throws -> (count: Int, hasMore: Bool) {
        guard let user = try await socket.onLoop({ [self] in socket.start?.userID }) else { throw CancellationError() }
        var history = HistoryReply(messages: [], hasMore: false)
        if let since {
            let start = Timestamp(milliseconds: since.milliseconds - Limits.historyOverlap.nanoseconds / 1_000_000)
            history = try await socket.services.api.history(
                HistoryRequest(userID: user, channelID: channel, since: start, limit: Limits.historyCount))
        }
        let roster = try await socket.services.api.roster(RosterRequest(userID: user, channelID: channel)).rosters.first
        if let roster { socket.people.remember(roster.users) }
        try await socket.onLoop { [self, history] in
            for message in history.messages { emit(message) }
            if let roster { watch(roster, in: channel) }
        }
        // The next room waits until this one has left.
        try await socket.drained()
        return (history.messages.count, history.hasMore)
    }

    private func watch(_ roster: WorkspaceRoster, in channel: ChannelID) {
        guard rooms[channel] != nil else { return }
        rooms[channel]?.workspace = roster.workspaceID
        rooms[channel]?.members = roster.users.map(\.id)
        watchMembers(of: roster.workspaceID)
        makeRosterDue(channel)
    }

    private func watchMembers(of workspace: WorkspaceID) {
        var seen: Set<UserID> = []
        let users = rooms.values.filter { $0.workspace == workspace }.flatMap { $0.members ?? [] }
        socket.watch(users.filter { seen.insert($0).inserted }, in: workspace)
    }

    // MARK: From the product

    func receive(_ event: Event, _ stream: StreamID) {
        guard case .channel(let channel) = stream, rooms[channel] != nil else { return }
        switch event {
        case .messageCreated(let message): emit(message)
        case .channelMemberJoined(let member):
            socket.people.remember([member.user])
            change(channel) { $0 + [member.user.id] }
            announce("join", member.user.id, in: channel, at: member.joinedAt)
        case .channelMemberLeft(let left):
            change(channel) { $0.filter { $0 != left.userID } }
            announce("leave", left.userID, in: channel, at: .now)
        default: break
        }
    }

    private func change(_ channel: ChannelID, _ change: ([UserID]) -> [UserID]) {
        guard let members = rooms[channel]?.members, let workspace = rooms[channel]?.workspace else { return }
        rooms[channel]?.members = Array(change(members).prefix(Limits.rosterCount))
        watchMembers(of: workspace)
        makeRosterDue(channel)
    }

    private func emit(_ message: Message) {
        socket.naming([message.authorID]) { [self] in
            guard rooms[message.channelID] != nil else { return }
            socket.emit(
                "message:new",
                [
                    "messageId": .string("\(message.id)"), "roomId": .string("\(message.channelID)"),
                    "text": .string(message.content), "createdAt": .string("\(message.createdAt)"),
                    "sender": person(message.authorID),
                ])
        }
    }

    private func announce(_ type: String, _ user: UserID, in channel: ChannelID, at time: Timestamp) {
        socket.naming([user]) { [self] in
            socket.emit(
                "room:system",
                [
                    "type": .string(type), "roomId": .string("\(channel)"), "user": person(user),
                    "createdAt": .string("\(time)"),
                ])
        }
    }

    private func person(_ user: UserID) -> JSONValue {
        ["id": .string("\(user)"), "username": .string(socket.people.user(user)?.username ?? "")]
    }

    /// The contract has no end of its own for typing, so one is sent when nothing came for as long as typing lives.
    func receive(_ typing: EphemeralEnvelope, in channel: ChannelID) {
        guard rooms[channel] != nil else { return }
        typers.note(typing, in: channel, on: socket.eventLoop) { [self] in
            typers.forget(typing.userID, in: channel)
            tell(typing.userID, false, channel)
        }
        tell(typing.userID, typing.isTyping, channel)
    }

    private func tell(_ user: UserID, _ isTyping: Bool, _ channel: ChannelID) {
        socket.naming([user]) { [self] in
            socket.emit(
                "typing:update",
                ["roomId": .string("\(channel)"), "user": person(user), "isTyping": .bool(isTyping)])
        }
    }

    func accessChanged() {
        for channel in rooms.keys where !socket.reads(channel) { rooms[channel] = nil }
    }

    // MARK: Rosters

    func receive(_ presence: [UserPresence]) {
        var changed: Set<UserID> = []
        for one in presence {
            let isOnline = one.state != .offline
            if online.updateValue(isOnline, forKey: one.userID) != isOnline { changed.insert(one.userID) }
        }
        for (channel, room) in rooms where room.members?.contains(where: changed.contains) == true {
            makeRosterDue(channel)
        }
    }

    private func makeRosterDue(_ channel: ChannelID) {
        rooms[channel]?.isRosterDue = true
        guard !isSendingRosters else { return }
        isSendingRosters = true
        socket.eventLoop.scheduleTask(in: Self.rosterHold) { [self] in Task { [self] in await sendRosters() } }
    }

    /// One after the other, each when the one before has left.
    private func sendRosters() async {
        do {
            repeat { try await socket.drained() } while try await socket.onLoop { [self] in sendRoster() }
        } catch {
            socket.services.logger.trace("rosters not sent", metadata: ["error": "\(error)"])
        }
    }

    /// Whether there was one to send.
    private func sendRoster() -> Bool {
        guard let (channel, room) = rooms.first(where: { $0.value.isRosterDue }), let members = room.members else {
            isSendingRosters = false
            return false
        }
        rooms[channel]?.isRosterDue = false
        socket.naming(members) { [self] in
            let users = members.map { user -> JSONValue in
                [
                    "id": .string("\(user)"), "username": .string(socket.people.user(user)?.username ?? ""),
                    "status": online[user] == true ? "online" : "offline",
                ]
            }
            socket.emit("room:roster", ["roomId": .string("\(channel)"), "users": .array(users)])
        }
        return true
    }
}

/// When those who type have stopped, because nothing more came of them.
struct TypingTimers {
    private struct Typer: Hashable {
        let channel: ChannelID
        let user: UserID
    }

    private var timers: [Typer: Scheduled<Void>] = [:]

    /// Notes what came; calls the handler, which is to ``forget(_:in:)``, when nothing more comes. Bounded by who may be
    /// typing at once.
    mutating func note(
        _ typing: EphemeralEnvelope, in channel: ChannelID, on loop: any EventLoop,
        stopped: @escaping @Sendable () -> Void
    ) {
        let typer = Typer(channel: channel, user: typing.userID)
        timers.removeValue(forKey: typer)?.cancel()
        if typing.isTyping, timers.count >= Limits.typersCount { cancelAll() }
        guard typing.isTyping else { return }
        timers[typer] = loop.scheduleTask(in: .nanoseconds(Limits.typingLife.nanoseconds), stopped)
    }

    /// The timer has fired.
    mutating func forget(_ user: UserID, in channel: ChannelID) { timers[Typer(channel: channel, user: user)] = nil }

    mutating func cancelAll() {
        for timer in timers.values { timer.cancel() }
        timers = [:]
    }
}
