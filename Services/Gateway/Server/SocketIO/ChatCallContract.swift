import Contracts
import Logging
import NIOCore
import ServiceKit
import SocketIOCodec

/// ChatCall's events of chat and presence, in the namespace `/chatcall`: a conversation is a channel, and the client
/// gets what happens in all of the user's.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the session's event loop only.
final class ChatCallContract: DialectContract, @unchecked Sendable {
    /// It lets go of this contract when the client has gone.
    private let socket: DialectSocket
    private var online: [UserID: Bool] = [:]
    private var hasList = false
    private var typers = TypingTimers()

    init(socket: DialectSocket) { self.socket = socket }

    /// Watches the people of the user's workspaces: those who are online are listed, and changes follow.
    func begin() {
        guard let user = socket.start?.userID else { return }
        Task { [self, socket] in
            do {
                let reply = try await socket.services.api.roster(RosterRequest(userID: user, channelID: nil))
                try await socket.onLoop { [self] in
                    for roster in reply.rosters {
                        socket.people.remember(roster.users)
                        socket.watch(roster.users.map(\.id), in: roster.workspaceID)
                    }
                }
            } catch {
                socket.services.logger.debug("people not watched", metadata: ["error": "\(error)"])
            }
        }
    }

    func end() { typers.cancelAll() }

    // MARK: From the client

    func receive(_ name: String, _ arguments: [JSONValue], id: UInt64?) {
        let payload = arguments.first ?? .null
        switch name {
        case "chat:message": sendMessage(payload, id)
        case "chat:typing": typing(payload, true, id)
        case "chat:stopTyping": typing(payload, false, id)
        case "chat:markRead": markRead(payload, id)
        case "presence:onlineList": socket.acknowledge(id, onlineList)
        default: socket.acknowledge(id, failure(.notFound, "There is no event \(name.prefix(64))."))
        }
    }

    private func conversation(_ payload: JSONValue, _ id: UInt64?) -> ChannelID? {
        guard let channel = payload["conversationId"]?.text.flatMap({ ChannelID($0) }), socket.reads(channel) else {
            refuse(id, failure(.notFound, "There is no such conversation, or you are not in it."))
            return nil
        }
        return channel
    }

    private func sendMessage(_ payload: JSONValue, _ id: UInt64?) {
        guard let channel = conversation(payload, id) else { return }
        guard let content = payload["content"]?.text, (payload["type"]?.text ?? "text") == "text" else {
            return refuse(id, failure(.validationFailed, "Send content, of the type text."))
        }
        // Without a key of the client's a message cannot be sent again without being stored twice.
        let key = payload["clientMsgId"]?.text ?? "\(MessageID.fresh())"
        socket.send(content, key: key, to: channel, id: id) { [self] reply in
            guard let message = reply.message else {
                let refusal = failure(reply.failure ?? .internalError, reply.detail)
                if id == nil { socket.emit("chat:error", refusal) }
                return refusal
            }
            return ["success": true, "id": .string("\(message.id)"), "isDuplicate": .bool(reply.isDuplicate)]
        }
    }

    private func typing(_ payload: JSONValue, _ isTyping: Bool, _ id: UInt64?) {
        guard let channel = conversation(payload, id), let user = socket.start?.userID else { return }
        socket.services.typing.typing(
            Typing(channelID: channel, isTyping: isTyping), user: user, connection: socket.id)
        socket.acknowledge(id, ["success": true])
    }

    private func markRead(_ payload: JSONValue, _ id: UInt64?) {
        guard let channel = conversation(payload, id), let user = socket.start?.userID else { return }
        let request = BusReadRequest(
            userID: user, channelID: channel, messageID: payload["messageId"]?.text.flatMap { MessageID($0) })
        socket.request(id) { [socket] in
            let unread = try await socket.services.api.markRead(request)
            return ["success": true, "unreadCount": .number("\(unread.unreadCount)")]
        }
    }

    /// ChatCall's client asks for no acknowledgements, so it is told by an event.
    private func refuse(_ id: UInt64?, _ refusal: JSONValue) {
        if id == nil { socket.emit("chat:error", refusal) } else { socket.acknowledge(id, refusal) }
    }

    // MARK: From the product

    func receive(_ event: Event, _ stream: StreamID) {
        switch event {
        case .messageCreated(let message): emit(message)
        case .channelRead(let read):
            guard let user = socket.start?.userID else { return }
            socket.emit(
                "chat:read",
                ["conversationId": .string("\(read.channelID)"), "userId": .string("\(user)")])
        default: break
        }
    }

    private func emit(_ message: Message) {
        socket.naming([message.authorID]) { [self] in
            let author = socket.people.user(message.authorID)
            let sender: JSONValue = [
                "id": .string("\(message.authorID)"), "username": .string(author?.username ?? ""),
                "displayName": .string(author?.displayName ?? ""),
            ]
            socket.emit(
                "chat:message",
                [
                    "id": .string("\(message.id)"), "conversationId": .string("\(message.channelID)"),
                    "senderId": .string("\(message.authorID)"), "sender": sender,
                    "content": .string(message.content), "type": "text", "createdAt": .string("\(message.createdAt)"),
                ])
        }
    }

    func receive(_ typing: EphemeralEnvelope, in channel: ChannelID) {
        typers.note(typing, in: channel, on: socket.eventLoop) { [self] in
            typers.forget(typing.userID, in: channel)
            tell(typing.userID, false, channel)
        }
        tell(typing.userID, typing.isTyping, channel)
    }

    private func tell(_ user: UserID, _ isTyping: Bool, _ channel: ChannelID) {
        socket.naming([user]) { [self] in
            socket.emit(
                isTyping ? "chat:typing" : "chat:stopTyping",
                [
                    "conversationId": .string("\(channel)"), "userId": .string("\(user)"),
                    "username": .string(socket.people.user(user)?.username ?? ""),
                ])
        }
    }

    func accessChanged() {}

    private var onlineList: JSONValue { .array(online.filter(\.value).map { .string("\($0.key)") }) }

    /// The first states make the list; what changes after them are events of their own.
    func receive(_ presence: [UserPresence]) {
        for one in presence {
            let isOnline = one.state != .offline
            let was = online.updateValue(isOnline, forKey: one.userID) ?? false
            guard hasList, was != isOnline else { continue }
            socket.emit(
                isOnline ? "presence:online" : "presence:offline", ["userId": .string("\(one.userID)")])
        }
        if !hasList {
            hasList = true
            socket.emit("presence:onlineList", onlineList)
        }
    }
}
