import APIDomain
import Contracts
import Postgres
import ServiceKit

/// Messages in PostgreSQL. Each write is one round trip: it locks the channel's stream, then decides by what it sees.
struct MessageStore {
    let database: PostgresPool

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
        /// Its result, the place of its event, and who is to be told that it mentions them now or no more.
        case done(Result, Cursor, untold: [UserID])
        case notFound
        case notAuthor
    }

    /// Replaces the text of a message, and whom it mentions. A row for each person whom it mentions anew or no more waits
    /// in `pending_mentions`.
    func edit(
        _ message: MessageID, to content: String, by author: UserID, in channel: ChannelID
    ) async throws -> Change<Message> {
        let named = MentionedNames(in: content)
        let results = try await database.execute([
            .lockChannel(channel),
            .findAuthor(of: message, in: channel),
            Statement(
                """
                WITH next AS (
                    SELECT id, mentions AS before, mentioned_members($2, $6::text[], $8) AS after,
                           append_event('channel', $2, 'message.edited', id) AS seq
                    FROM messages
                    WHERE id = $1 AND channel_id = $2 AND author_id = $3 AND deleted_at IS NULL AND notice IS NULL
                      AND EXISTS (SELECT FROM channel_members WHERE channel_id = $2 AND user_id = $3)
                ), untold AS (
                    INSERT INTO pending_mentions (message_id, user_id)
                    SELECT id, named FROM next CROSS JOIN unnest(before || after) AS named
                    WHERE (named = ANY (before)) <> (named = ANY (after)) AND named <> $3
                    RETURNING user_id
                )
                UPDATE messages m
                SET content = $4, edited_at = $5, version = next.seq, mentions = next.after, audience = $7
                FROM next WHERE m.id = next.id
                RETURNING m.*, ARRAY(SELECT user_id FROM untold) AS untold
                """, message, channel, author, content, Timestamp.now, named.names, named.audience,
                Limits.mentionsPerMessage),
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
                    WHERE id = $1 AND channel_id = $2 AND author_id = $3 AND deleted_at IS NULL AND notice IS NULL
                      AND EXISTS (SELECT FROM channel_members WHERE channel_id = $2 AND user_id = $3)
                ), untold AS (
                    INSERT INTO pending_mentions (message_id, user_id)
                    SELECT m.id, named FROM next JOIN messages m ON m.id = next.id
                    CROSS JOIN unnest(m.mentions) AS named WHERE named <> $3
                    RETURNING user_id
                )
                UPDATE messages m
                SET content = '', mentions = '{}', audience = NULL, deleted_at = $4, version = next.seq
                FROM next WHERE m.id = next.id
                RETURNING m.channel_id, m.seq, m.version, ARRAY(SELECT user_id FROM untold) AS untold
                """, message, channel, author, Timestamp.now),
        ])
        return try change(results, author) { row in
            let version: StreamSequence = try row.decode("version")
            let deleted = MessageDeleted(
                id: message, channelID: channel, seq: try row.decode("seq"), authorID: author, version: version)
            return (deleted, version)
        }
    }

    private func change<Result>(
        _ results: [PostgresResult], _ author: UserID,
        read: (PostgresRow) throws -> (Result, StreamSequence)
    ) throws -> Change<Result> {
        if let row = results[2].first {
            let (result, seq) = try read(row)
            return .done(
                result, Cursor(stream: .channel(try row.decode("channel_id")), seq: seq),
                untold: try row.decode("untold"))
        }
        guard let found = results[1].first else { return .notFound }
        let isNotice = try found.decode("notice", as: MessageNotice?.self) != nil
        guard try isNotice || found.decode("author_id", as: UserID.self) != author else { return .notFound }
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
            "SELECT author_id, notice FROM messages WHERE id = $1 AND channel_id = $2 AND deleted_at IS NULL", message,
            channel)
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
    init(row: PostgresRow, channel: ChannelID, author: UserID) throws {
        self.init(
            id: try row.decode("id"), channelID: channel, seq: try row.decode("seq"), authorID: author,
            content: try row.decode("content"), idempotencyKey: try row.decode("idempotency_key"),
            createdAt: try row.decode("created_at"), editedAt: try row.decode("edited_at"),
            mentions: try row.decode("mentions"), audience: try row.decode("audience"),
            notice: try row.decode("notice"),
            version: try row.decode("version"))
    }
}
