import Contracts
import Postgres
import ServiceKit

/// Messages in PostgreSQL. Each write is one round trip: it locks the channel's stream, then decides by what it sees.
struct MessageStore {
    let database: PostgresPool

    /// A message that was just stored, or the one that its key had stored before.
    struct Sent {
        let message: Message
        let isNew: Bool
        let isDeleted: Bool
    }

    /// Stores a message, its event and its outbox row; `nil` if the author is not in the channel.
    func send(_ content: String, key: String, by author: UserID, in channel: ChannelID) async throws -> Sent? {
        let results = try await database.execute([
            .lockChannel(channel),
            Statement(
                """
                WITH existing AS (
                    SELECT id, seq, content, idempotency_key, created_at, edited_at, deleted_at, version FROM messages
                    WHERE channel_id = $1 AND author_id = $2 AND idempotency_key = $3
                ), allowed AS (
                    SELECT FROM channel_members WHERE channel_id = $1 AND user_id = $2
                ), next AS (
                    UPDATE streams SET last_seq = last_seq + 1
                    WHERE kind = 'channel' AND id = $1 AND EXISTS (SELECT FROM allowed)
                      AND NOT EXISTS (SELECT FROM existing)
                    RETURNING last_seq
                ), stored AS (
                    INSERT INTO messages
                        (id, channel_id, seq, author_id, content, idempotency_key, version, created_at)
                    SELECT $4, $1, last_seq, $2, $5, $3, last_seq, $6 FROM next
                    RETURNING id, seq, content, idempotency_key, created_at, edited_at, deleted_at, version
                ), logged AS (
                    INSERT INTO events (kind, stream_id, seq, name, object_id)
                    SELECT 'channel', $1, last_seq, 'message.created', $4 FROM next
                ), pending AS (
                    INSERT INTO outbox (kind, stream_id, seq) SELECT 'channel', $1, last_seq FROM next
                )
                SELECT true AS is_new, * FROM stored
                UNION ALL SELECT false, * FROM existing WHERE EXISTS (SELECT FROM allowed)
                """, channel, author, key, MessageID.fresh(), content, Timestamp.now),
        ])
        return try results[1].first.map { row in
            Sent(
                message: try Message(row: row, channel: channel, author: author), isNew: try row.decode("is_new"),
                isDeleted: row["deleted_at"] != nil)
        }
    }

    /// The message that a key has stored, for an author who is still in the channel.
    func find(key: String, by author: UserID, in channel: ChannelID) async throws -> Message? {
        let rows = try await database.execute(
            Statement(
                """
                SELECT m.* FROM messages m JOIN channel_members c ON c.channel_id = m.channel_id AND c.user_id = $2
                WHERE m.channel_id = $1 AND m.author_id = $2 AND m.idempotency_key = $3
                """, channel, author, key))
        return try rows.first.map { try Message(row: $0, channel: channel, author: author) }
    }

    /// How a change of a message fared.
    enum Change<Result> {
        case done(Result, Cursor)
        case notFound
        case notAuthor
    }

    /// Replaces the text of a message.
    func edit(
        _ message: MessageID, to content: String, by author: UserID, in channel: ChannelID
    ) async throws -> Change<Message> {
        let results = try await database.execute([
            .lockChannel(channel),
            .findAuthor(of: message, in: channel),
            Statement(
                """
                WITH next AS (
                    SELECT id, append_event('channel', $2, 'message.edited', id) AS seq FROM messages
                    WHERE id = $1 AND channel_id = $2 AND author_id = $3 AND deleted_at IS NULL
                      AND EXISTS (SELECT FROM channel_members WHERE channel_id = $2 AND user_id = $3)
                )
                UPDATE messages m SET content = $4, edited_at = $5, version = next.seq FROM next WHERE m.id = next.id
                RETURNING m.*
                """, message, channel, author, content, Timestamp.now),
        ])
        return try change(results, author) { row in
            let message = try Message(row: row, channel: channel, author: author)
            return (message, message.version)
        }
    }

    /// Deletes a message: its text is gone for good, its place and key stay.
    func delete(
        _ message: MessageID, by author: UserID, in channel: ChannelID
    ) async throws -> Change<MessageDeleted> {
        let results = try await database.execute([
            .lockChannel(channel),
            .findAuthor(of: message, in: channel),
            Statement(
                """
                WITH next AS (
                    SELECT id, append_event('channel', $2, 'message.deleted', id) AS seq FROM messages
                    WHERE id = $1 AND channel_id = $2 AND author_id = $3 AND deleted_at IS NULL
                      AND EXISTS (SELECT FROM channel_members WHERE channel_id = $2 AND user_id = $3)
                )
                UPDATE messages m SET content = '', deleted_at = $4, version = next.seq FROM next WHERE m.id = next.id
                RETURNING m.channel_id, m.version
                """, message, channel, author, Timestamp.now),
        ])
        return try change(results, author) { row in
            let version: StreamSequence = try row.decode("version")
            return (MessageDeleted(id: message, channelID: channel, version: version), version)
        }
    }

    private func change<Result>(
        _ results: [PostgresResult], _ author: UserID,
        read: (PostgresRow) throws -> (Result, StreamSequence)
    ) throws -> Change<Result> {
        if let row = results[2].first {
            let (result, seq) = try read(row)
            return .done(result, Cursor(stream: .channel(try row.decode("channel_id")), seq: seq))
        }
        guard let found = results[1].first, try found.decode("author_id", as: UserID.self) != author else {
            return .notFound
        }
        return .notAuthor
    }

    /// Which messages of a channel to read.
    enum Range {
        case newest
        case before(StreamSequence)
        case after(StreamSequence)
    }

    /// A page of a channel, as of one place in its stream.
    func page(_ range: Range, limit: Int, in channel: ChannelID) async throws -> (
        messages: [Message], hasMore: Bool, seq: StreamSequence
    ) {
        let head = Statement("SELECT last_seq FROM streams WHERE kind = 'channel' AND id = $1", channel)
        let select: Statement =
            switch range {
            case .newest: .messages(in: channel, before: .max, limit: limit + 1)
            case .before(let seq): .messages(in: channel, before: seq, limit: limit + 1)
            case .after(let seq):
                Statement(
                    """
                    SELECT * FROM messages WHERE channel_id = $1 AND seq > $2 AND deleted_at IS NULL
                    ORDER BY seq LIMIT $3
                    """, channel, seq, limit + 1)
            }
        let results = try await database.snapshot([head, select])
        var messages = try results[1].prefix(limit).map { row in
            try Message(row: row, channel: channel, author: try row.decode("author_id"))
        }
        if case .after = range {} else { messages.reverse() }
        return (messages, results[1].count > limit, try results[0].first?.decode("last_seq") ?? 0)
    }
}

extension Statement {
    /// ``lock(_:)`` of one channel, which is on the path of every message.
    fileprivate static func lockChannel(_ channel: ChannelID) -> Statement {
        Statement("SELECT 1 FROM streams WHERE kind = 'channel' AND id = $1 FOR UPDATE", channel)
    }

    fileprivate static func findAuthor(of message: MessageID, in channel: ChannelID) -> Statement {
        Statement(
            "SELECT author_id FROM messages WHERE id = $1 AND channel_id = $2 AND deleted_at IS NULL", message, channel)
    }

    fileprivate static func messages(in channel: ChannelID, before seq: StreamSequence, limit: Int) -> Statement {
        Statement(
            """
            SELECT * FROM messages WHERE channel_id = $1 AND seq < $2 AND deleted_at IS NULL
            ORDER BY seq DESC LIMIT $3
            """, channel, seq, limit)
    }
}

extension Message {
    /// Reads a row of the table `messages`.
    fileprivate init(row: PostgresRow, channel: ChannelID, author: UserID) throws {
        self.init(
            id: try row.decode("id"), channelID: channel, seq: try row.decode("seq"), authorID: author,
            content: try row.decode("content"), idempotencyKey: try row.decode("idempotency_key"),
            createdAt: try row.decode("created_at"), editedAt: try row.decode("edited_at"),
            version: try row.decode("version"))
    }
}
