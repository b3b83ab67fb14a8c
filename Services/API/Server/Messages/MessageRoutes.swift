import APIDomain
import Contracts
import HTTPTypes
import RedisBus

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

    /// One round trip to Redis (session, rate), one to PostgreSQL (access, message, number, event, key), one to Redis
    /// (publish), then 201. A retry ends after the second with the message it had stored.
    private func send(_ call: Call<SendMessageRequest>, _ principal: Principal) async throws -> Answer<Message> {
        let channel: ChannelID = try call.id("channelID")
        let content = try Checks.messageContent(call.body.content)
        let key = try Checks.idempotencyKey(call.body.idempotencyKey)
        let admission = try await admit(principal, channel, key)
        switch admission {
        case .counted, .known: break
        case .muted, .exceeded:
            if let message = try await store.find(key: key, by: principal.userID, in: channel) {
                return replay(message)
            }
            throw await muted(admission, principal, channel)
        }
        guard let sent = try await store.send(content, key: key, by: principal.userID, in: channel) else {
            // Not a member: say whether there is a channel to join.
            _ = try await access.joinedChannel(channel, for: principal)
            throw APIError.notFound("channel")
        }
        guard sent.isNew else {
            if admission == .counted {
                await services.messageRate.refund(key: key, user: principal.userID, channel: channel)
            }
            return replay(sent.message)
        }
        let message = sent.message
        await services.publisher.publish([
            EventFrame(stream: .channel(channel), seq: message.seq, event: .messageCreated(message))
        ])
        return Answer(message)
    }

    private func muted(
        _ admission: SlidingWindow.Outcome, _ principal: Principal, _ channel: ChannelID
    ) async -> APIError {
        let wait: Duration
        if case .muted(let left) = admission {
            wait = left
        } else {
            wait = await services.messageRate.mute(user: principal.userID, channel: channel)
        }
        return APIError(.muted, "You sent a lot in a short time. Wait, then send again.", retryAfter: wait)
    }

    /// The first answer once more, with 200 instead of 201.
    private func replay(_ message: Message) -> Answer<Message> {
        Answer(message, headers: [.idempotencyReplayed: "true"], status: 200)
    }

    /// Asks Redis in one round trip whether the session lives and whether the rate allows it.
    private func admit(
        _ principal: Principal, _ channel: ChannelID, _ key: String
    ) async throws -> SlidingWindow.Outcome {
        let rate = services.messageRate
        let answers = try? await services.bus.send(pipeline: [
            SessionStore.livenessCommand(principal.sessionID),
            rate.command(key: key, user: principal.userID, channel: channel),
        ])
        var isLive = SessionStore.liveness(answers?.first)
        if isLive == nil { isLive = try await services.sessions.isLiveInDatabase(principal.sessionID) }
        guard isLive == true else { throw Authenticator.sessionEnded }
        return rate.outcome(of: answers?.last, key: key, user: principal.userID, channel: channel)
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
        let (message, place) = try done(change)
        await services.publisher.publish([
            EventFrame(stream: place.stream, seq: place.seq, event: .messageEdited(message))
        ])
        return Answer(message)
    }

    private func delete(_ call: Call<Empty>, _ principal: Principal) async throws -> Answer<Empty> {
        let channel = try await access.joinedChannel(try call.id("channelID"), for: principal).id
        let change = try await store.delete(try call.id("messageID"), by: principal.userID, in: channel)
        let (deleted, place) = try done(change)
        await services.publisher.publish([
            EventFrame(stream: place.stream, seq: place.seq, event: .messageDeleted(deleted))
        ])
        return Answer(Empty())
    }

    private func done<Result>(_ change: MessageStore.Change<Result>) throws(APIError) -> (Result, Cursor) {
        switch change {
        case .done(let result, let place): return (result, place)
        case .notFound: throw .notFound("message")
        case .notAuthor: throw APIError(.forbidden, "Only its author may change a message.")
        }
    }
}
