import APIDomain
import Contracts
import HTTPTypes
import NIOCore

/// Send, read, edit and delete messages.
struct MessageRoutes: Sendable {
    let services: APIServices

    private var access: SpaceAccess { SpaceAccess(database: services.database) }
    private var store: MessageStore { MessageStore(database: services.database) }

    func add(to routes: RouteTable) {
        routes.on(checkingSession: Endpoints.sendMessage) { try await send($0, $1) }
        routes.on(Endpoints.listMessages) { try await list($0, $1) }
        routes.on(Endpoints.editMessage) { try await edit($0, $1) }
        routes.on(Endpoints.deleteMessage) { try await delete($0, $1) }
    }

    /// A retry is answered what it had stored, with 200 instead of 201.
    private func send(_ call: Call<SendMessageRequest>, _ principal: Principal) async throws -> Answer<Message> {
        let sent = try await services.messageSender.send(
            call.body.content, attachments: call.body.attachments, key: call.body.idempotencyKey, by: principal,
            in: try call.id("channelID"))
        var answer = Answer(sent.message, json: sent.json)
        if sent.isDuplicate {
            answer.headers = [.idempotencyReplayed: "true"]
            answer.status = 200
        }
        return answer
    }

    private func list(_ call: Call<Empty>, _ principal: Principal) async throws -> Answer<MessagePage> {
        let channel = try await access.channel(try call.id("channelID"), for: principal).channel.id
        let limit = try Checks.pageLimit(call.query("limit"))
        let before = try PageCursor.messageSeq(call.query("before"), field: "before")
        let after = try PageCursor.messageSeq(call.query("after"), field: "after")
        let range: MessageStore.Range
        switch (before, after) {
        case (nil, nil): range = .newest
        case (let seq?, nil): range = .before(seq)
        case (nil, let seq?): range = .after(seq)
        case (_?, _?): throw APIError(.validationFailed, "Give before or after, not both.", field: "after")
        }
        let (messages, hasMore, seq) = try await store.page(range, limit: limit, in: channel)
        let (hasOlder, hasNewer) =
            if case .after(let seq) = range { (seq > 0, hasMore) } else { (hasMore, before != nil) }
        return Answer(
            MessagePage(
                messages: messages, before: hasOlder ? messages.first.map { PageCursor.encode($0.seq) } : nil,
                after: hasNewer ? messages.last.map { PageCursor.encode($0.seq) } : nil, seq: seq))
    }

    private func edit(_ call: Call<EditMessageRequest>, _ principal: Principal) async throws -> Answer<Message> {
        let channel = try await access.joinedChannel(try call.id("channelID"), for: principal).id
        let content = try Checks.messageContent(call.body.content)
        let change = try await store.edit(try call.id("messageID"), to: content, by: principal.userID, in: channel)
        let (message, place, untold) = try done(change)
        var json = ByteBuffer()
        json.writeJSON(message)
        await services.publisher.publish([EncodedEvent(.messageEdited, message, seq: place.seq, json: json)])
        services.mentions.note(message.id, for: untold)
        return Answer(message, json: json)
    }

    private func delete(_ call: Call<Empty>, _ principal: Principal) async throws -> Answer<Empty> {
        let channel = try await access.joinedChannel(try call.id("channelID"), for: principal).id
        let change = try await store.delete(try call.id("messageID"), by: principal.userID, in: channel)
        let (deleted, place, untold) = try done(change)
        await services.publisher.publish([
            EventFrame(stream: place.stream, seq: place.seq, event: .messageDeleted(deleted))
        ])
        services.mentions.note(deleted.id, for: untold)
        return Answer(Empty())
    }

    private func done<Result>(_ change: MessageStore.Change<Result>) throws(APIError) -> (Result, Cursor, [UserID]) {
        switch change {
        case .done(let result, let place, let untold): return (result, place, untold)
        case .notFound: throw .notFound("message")
        case .notAuthor: throw APIError(.forbidden, "Only its author may change a message, and nobody a notice.")
        }
    }
}
