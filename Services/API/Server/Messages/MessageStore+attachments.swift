import APIDomain
import Contracts
import Postgres
import ServiceKit

extension MessageDraft {
    /// Whether it is stored by statements of its own: it has attachments, or the system posts it. What people write without
    /// attachments, which is nearly all, shares statements that know of neither.
    var isSentAlone: Bool { !attachments.isEmpty || session == nil }
}

extension MessageStore {
    /// ``send(_:lockTimeout:)`` for a message with attachments, or one that the system posts. Its files are its own from then
    /// on. `nil` if its author is not in its channel, or one of the files is not theirs, not complete, or in another message.
    func send(alone draft: MessageDraft, lockTimeout: Duration?) async throws -> Sent? {
        let results = try await database.execute([
            Self.settings(lockTimeout: lockTimeout),
            Statement("SELECT 1 FROM streams WHERE kind = 'channel' AND id = $1 FOR UPDATE", draft.channel),
            // Other sends of the channel are kept away by the lock above, the sweeper by this one.
            Statement("SELECT 1 FROM files WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE", draft.attachments),
            Self.store(draft),
            // A retry finds the message of the first time, which has another id, and leaves the files with it.
            Statement(
                """
                UPDATE files SET message_id = $1
                WHERE id = ANY ($2::uuid[]) AND EXISTS (SELECT FROM messages WHERE id = $1)
                """, draft.id, draft.attachments),
        ])
        guard let row = results[3].first else { return nil }
        return try row.decode("is_new")
            ? Sent(message: try Message(draft, storedAs: row), isNew: true)
            : Sent(message: try Message(row: row, channel: draft.channel, author: draft.author), isNew: false)
    }

    private static func store(_ draft: MessageDraft) -> Statement {
        Statement(
            """
            WITH file AS (
                SELECT unsent_attachments($1, $2, $9::uuid[]) AS list
            ), existing AS (
                SELECT m.* FROM messages m
                WHERE m.channel_id = $1 AND m.author_id = $2 AND m.idempotency_key = $3
                  AND (NOT $10::boolean OR EXISTS (SELECT FROM channel_members WHERE channel_id = $1 AND user_id = $2))
            ), next AS (
                SELECT append_event('channel', $1, 'message.created', $4) AS seq, list,
                       CASE $7::text WHEN '' THEN '{}'::uuid[]
                       ELSE mentioned_members($1, string_to_array($7, ' '), $11) END AS mentions
                FROM file
                WHERE (list IS NOT NULL OR cardinality($9::uuid[]) = 0) AND NOT EXISTS (SELECT FROM existing)
                  AND (NOT $10::boolean OR EXISTS (SELECT FROM channel_members WHERE channel_id = $1 AND user_id = $2))
            ), stored AS (
                INSERT INTO messages
                    (id, channel_id, seq, author_id, content, idempotency_key, version, created_at, mentions, audience,
                     attachments)
                SELECT $4::uuid, $1::uuid, seq, $2::uuid, $5::text, $3::text, seq, $6::timestamptz, mentions, $8::text, list
                FROM next
            ), untold AS (
                INSERT INTO pending_mentions (message_id, user_id)
                SELECT $4::uuid, named FROM next CROSS JOIN unnest(mentions) AS named WHERE named <> $2
            )
            SELECT true AS is_new, seq, mentions, NULL::uuid AS id, NULL AS content, NULL AS idempotency_key,
                   NULL::timestamptz AS created_at, NULL::timestamptz AS edited_at, NULL AS audience,
                   NULL::bigint AS version, NULL AS notice, list AS attachments FROM next
            UNION ALL
            SELECT false, seq, mentions, id, content, idempotency_key, created_at, edited_at, audience, version, notice,
                   attachments FROM existing
            """, draft.channel, draft.author, draft.key, draft.id, draft.content, draft.createdAt,
            draft.named.names.joined(separator: " "), draft.named.audience, draft.attachments, draft.session != nil,
            Limits.mentionsPerMessage)
    }
}

extension Statement {
    /// Gives up the files of a message that was deleted: nobody can read them any more, and ``FileSweeper`` removes them.
    static func discardFiles(of message: MessageID) -> Statement {
        Statement(
            """
            UPDATE files f SET state = 'deleted' FROM messages m
            WHERE f.message_id = $1 AND m.id = f.message_id AND m.deleted_at IS NOT NULL AND f.state = 'ready'
            """, message)
    }
}

extension PostgresRow {
    /// The column `attachments` of a message.
    func attachments() throws -> [Attachment]? {
        guard let text: String = try decode("attachments", as: String?.self) else { return nil }
        return try WireJSON.decode([Attachment].self, from: text.utf8)
    }
}
