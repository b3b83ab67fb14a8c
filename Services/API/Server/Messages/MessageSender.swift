import APIDomain
import Contracts
import NIOCore
import Postgres
import RedisBus
import ServiceKit

/// The one way in which messages are sent, over HTTP and over the bus: check, admit, store, publish. Concurrent sends of
/// one process share their round trips and their transaction (``SendBatch``).
final class MessageSender: Sendable {
    private let database: PostgresPool
    private let rate: MessageRateLimiter
    private let mentions: MentionTeller
    private let batch: SendBatch
    private let queue: BatchQueue<MessageDraft, SendFate>

    init(
        database: PostgresPool, bus: RedisBus, sessions: SessionStore, rate: MessageRateLimiter,
        publisher: EventPublisher, mentions: MentionTeller
    ) {
        self.database = database
        self.rate = rate
        self.mentions = mentions
        batch = SendBatch(database: database, bus: bus, sessions: sessions, rate: rate, publisher: publisher)
        queue = BatchQueue(
            bounds: .init(
                lanes: Limits.sendLanes, batchCount: Limits.sendBatchCount, batchSize: Limits.sendBatchByteCount,
                waitingCount: Limits.sendQueueCount),
            size: { $0.content.utf8.count }, run: batch.run)
    }

    /// A message that was stored now, or the one that its key had stored before, with its JSON.
    struct Outcome: Sendable {
        let message: Message
        let json: ByteBuffer
        let isDuplicate: Bool
    }

    /// Stores and publishes a message, or finds what its key has stored.
    /// - Throws: `validation_failed`, also for attachments that cannot be sent, `session_revoked`, `not_found` or `forbidden` for a channel that the user is not in,
    ///   `muted` with the time that is left, `unavailable` when too many wait.
    func send(
        _ content: String, attachments: [FileID]? = nil, key: String, by principal: Principal, in channel: ChannelID
    ) async throws -> Outcome {
        let attachments = try Checks.attachments(attachments)
        let draft = MessageDraft(
            author: principal.userID, session: principal.sessionID, channel: channel,
            key: try Checks.idempotencyKey(key),
            content: try Checks.messageContent(content, hasAttachments: !attachments.isEmpty),
            attachments: attachments, named: MentionedNames(in: content), id: .fresh(), createdAt: .now)
        guard var fate = await fate(of: draft) else {
            throw APIError(.unavailable, "Too many messages wait to be stored. Try again.", retryAfter: .seconds(1))
        }
        if case .alone(let admission) = fate { fate = await batch.runAlone(draft, admission: admission) }
        switch fate {
        case .stored(let message, let json, let isNew, let admission):
            if isNew {
                mentions.note(message.id, for: message.mentions.filter { $0 != principal.userID })
            } else if admission == .counted {
                await rate.refund(key: draft.key, user: principal.userID, channel: channel)
            }
            return Outcome(message: message, json: json, isDuplicate: !isNew)
        case .refused(let admission):
            let store = MessageStore(database: database)
            if let message = try await store.find(key: draft.key, by: principal.userID, in: channel) {
                var json = ByteBuffer()
                json.writeJSON(message)
                return Outcome(message: message, json: json, isDuplicate: true)
            }
            throw await muted(admission, principal, channel)
        case .notMember:
            // Say whether there is a channel to join.
            _ = try await SpaceAccess(database: database).joinedChannel(channel, for: principal)
            guard attachments.isEmpty else { throw Self.notAttachable }
            throw APIError.notFound("channel")
        case .failed(let error): throw error
        case .alone: preconditionFailure("A send that is alone has no batch to be refused with.")
        }
    }

    /// A send with attachments is a batch of its own, as its statements are others; the rest share theirs.
    private func fate(of draft: MessageDraft) async -> SendFate? {
        guard !draft.isSentAlone else { return await batch.run([draft])[0] }
        return await queue.submit(draft)
    }

    private static let notAttachable = APIError(
        .validationFailed,
        "Attach your own files that were uploaded to this channel completely and are in no message yet.",
        field: "attachments")

    /// Stores and publishes what the system posts on behalf of a person, such as the recording of a call that they started.
    /// It needs no session and no membership, mentions nobody and costs no rate.
    /// - Parameters:
    ///   - attachments: uploads of that person to that channel.
    ///   - key: makes the post idempotent: asked again, it answers the message that was stored.
    /// - Throws: `validation_failed` for attachments that cannot be sent, or were sent with another key.
    func post(
        _ content: String, attachments: [FileID], key: String, as author: UserID, in channel: ChannelID
    ) async throws -> Message {
        let attachments = try Checks.attachments(attachments)
        let draft = MessageDraft(
            author: author, session: nil, channel: channel, key: try Checks.idempotencyKey(key),
            content: try Checks.messageContent(content, hasAttachments: !attachments.isEmpty),
            attachments: attachments, named: MentionedNames(in: ""), id: .fresh(), createdAt: .now)
        switch await batch.runAlone(draft, admission: .counted) {
        case .stored(let message, _, _, _): return message
        case .failed(let error): throw error
        case .notMember: throw Self.notAttachable
        case .refused, .alone: preconditionFailure("What is posted alone is admitted, and has no batch.")
        }
    }

    /// The same for a request on the bus. What the user did wrong is part of the reply.
    /// - Throws: what is no fault of the user's, to be asked again.
    func answer(_ request: BusSendRequest) async throws -> BusSendReply {
        do {
            let sent = try await send(
                request.content, key: request.idempotencyKey,
                by: Principal(userID: request.userID, sessionID: request.sessionID), in: request.channelID)
            return BusSendReply(message: sent.message, isDuplicate: sent.isDuplicate)
        } catch let error as APIError where error.code.httpStatus < 500 {
            let mute = error.code == .muted ? error.retryAfter : nil
            return BusSendReply(
                failure: error.code, detail: error.detail, mutedForMilliseconds: mute.map { Int($0.milliseconds) })
        }
    }

    private func muted(
        _ admission: SlidingWindow.Outcome, _ principal: Principal, _ channel: ChannelID
    ) async -> APIError {
        let wait: Duration
        if case .muted(let left) = admission {
            wait = left
        } else {
            wait = await rate.mute(user: principal.userID, channel: channel)
        }
        return APIError(.muted, "You sent a lot in a short time. Wait, then send again.", retryAfter: wait)
    }
}
