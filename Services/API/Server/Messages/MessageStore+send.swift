import APIDomain
import Contracts
import Postgres

/// A message on its way into a channel, its text and key checked.
struct MessageDraft: Sendable {
    /// What makes two sends the same message.
    struct Identity: Hashable {
        let channel: ChannelID
        let author: UserID
        let key: String
    }

    let author: UserID
    /// The session that sends it. `nil` for what the system posts on behalf of its author: that needs no session, and no
    /// membership any more.
    let session: SessionID?
    let channel: ChannelID
    let key: String
    let content: String
    /// Uploads of its author to its channel. If one of them cannot be sent, nothing is stored.
    let attachments: [FileID]
    /// Whom its text names, members or not.
    let named: MentionedNames
    /// Its id and its time, if its key has stored no other message.
    let id: MessageID
    let createdAt: Timestamp

    var identity: Identity { Identity(channel: channel, author: author, key: key) }
}

extension MessageStore {
    /// A message that was just stored, or the one that its key had stored before.
    struct Sent {
        let message: Message
        let isNew: Bool
    }

    /// Stores messages with their events and outbox rows, in one transaction and one round trip; one result a draft, `nil`
    /// if its author is not in its channel. Of the names in a text those of members become its mentions, and a row for
    /// each waits in `pending_mentions` for ``MentionTeller``.
    /// - Precondition: no two drafts have one identity, and none has attachments or is without a session.
    /// - Parameter lockTimeout: how long to wait for another transaction; as long as any statement may if `nil`.
    /// - Throws: `.server` with nothing stored, for one draft as for all of them.
    func send(_ drafts: [MessageDraft], lockTimeout: Duration?) async throws -> [Sent?] {
        let channels = drafts.map(\.channel)
        let results = try await database.execute([
            Self.settings(lockTimeout: lockTimeout),
            Statement(
                // Sorted as `Statement.lock` does, so that batches and other actions cannot deadlock.
                "SELECT 1 FROM streams WHERE kind = 'channel' AND id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE",
                Array(Set(channels))),
            Statement(
                """
                WITH item AS (
                    SELECT i.* FROM unnest(
                        $1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[], $7::text[], $8::text[])
                        WITH ORDINALITY AS i (channel_id, author_id, key, id, content, created_at, names, audience, place)
                    JOIN channel_members c ON c.channel_id = i.channel_id AND c.user_id = i.author_id
                ), existing AS (
                    SELECT i.place, m.* FROM item i
                    JOIN messages m ON m.channel_id = i.channel_id AND m.author_id = i.author_id AND m.idempotency_key = i.key
                ), fresh AS (
                    SELECT i.*, row_number() OVER (PARTITION BY i.channel_id ORDER BY i.place) AS number FROM item i
                    WHERE NOT EXISTS (SELECT FROM existing e WHERE e.place = i.place)
                ), next AS (
                    UPDATE streams s SET last_seq = s.last_seq + f.count
                    FROM (SELECT channel_id, count(*) FROM fresh GROUP BY channel_id) f
                    WHERE s.kind = 'channel' AND s.id = f.channel_id RETURNING s.id, s.last_seq - f.count AS before
                ), numbered AS (
                    SELECT f.*, n.before + f.number AS seq,
                           CASE f.names WHEN '' THEN '{}'::uuid[]
                           ELSE mentioned_members(f.channel_id, string_to_array(f.names, ' '), $9) END AS mentions
                    FROM fresh f JOIN next n ON n.id = f.channel_id
                ), stored AS (
                    INSERT INTO messages
                        (id, channel_id, seq, author_id, content, idempotency_key, version, created_at, mentions, audience)
                    SELECT id, channel_id, seq, author_id, content, key, seq, created_at, mentions, audience FROM numbered
                ), untold AS (
                    INSERT INTO pending_mentions (message_id, user_id)
                    SELECT n.id, named FROM numbered n CROSS JOIN unnest(n.mentions) AS named WHERE named <> n.author_id
                ), logged AS (
                    INSERT INTO events (kind, stream_id, seq, name, object_id)
                    SELECT 'channel', channel_id, seq, 'message.created', id FROM numbered
                ), pending AS (
                    INSERT INTO outbox (kind, stream_id, seq) SELECT 'channel', channel_id, seq FROM numbered
                )
                SELECT place, true AS is_new, seq, mentions, NULL::uuid AS id, NULL AS content, NULL AS idempotency_key,
                       NULL::timestamptz AS created_at, NULL::timestamptz AS edited_at, NULL AS audience,
                       NULL::bigint AS version, NULL AS notice, NULL::jsonb AS attachments FROM numbered
                UNION ALL
                SELECT place, false, seq, mentions, id, content, idempotency_key, created_at, edited_at, audience, version,
                       notice, attachments FROM existing
                """, channels, drafts.map(\.author), drafts.map(\.key), drafts.map(\.id),
                drafts.map(\.content), drafts.map(\.createdAt), drafts.map { $0.named.names.joined(separator: " ") },
                drafts.map(\.named.audience), Limits.mentionsPerMessage),
        ])
        var sent: [Sent?] = Array(repeating: nil, count: drafts.count)
        for row in results[2] {
            let place: Int = try row.decode("place")
            let draft = drafts[place - 1]
            sent[place - 1] =
                try row.decode("is_new")
                ? Sent(message: try Message(draft, storedAs: row), isNew: true)
                : Sent(
                    message: try Message(row: row, channel: draft.channel, author: draft.author), isNew: false
                )
        }
        return sent
    }

    /// The plan is made once, for any number of drafts, and finds each row by an index: a plan made by the statistics of a
    /// young table may read all of it when it has grown, and batches of one would be planned anew each time.
    static func settings(lockTimeout: Duration?) -> Statement {
        Statement(
            """
            SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
                   set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
                   set_config('lock_timeout', $1, true)
            """, String(lockTimeout?.milliseconds ?? 0))
    }
}

extension Message {
    /// A draft as it was stored: only its number and its mentions were made by PostgreSQL.
    init(_ draft: MessageDraft, storedAs row: PostgresRow) throws {
        let seq: StreamSequence = try row.decode("seq")
        self.init(
            id: draft.id, channelID: draft.channel, seq: seq, authorID: draft.author, content: draft.content,
            idempotencyKey: draft.key, createdAt: draft.createdAt, editedAt: nil, mentions: try row.decode("mentions"),
            audience: draft.named.audience, attachments: try row.attachments(), version: seq)
    }
}
