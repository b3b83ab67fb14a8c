import APIDomain
import Contracts
import Postgres
import ServiceKit

/// What rings, in PostgreSQL. Whether a call rings and how that ended is a function of the call and the time: each change
/// of a call is followed by ``settle(_:declined:)`` in the same transaction, so that no ring outlives its call.
struct RingStore {
    let database: PostgresPool

    /// Locks what a call's change appends to: the stream of its channel and, of a direct conversation, those of its people.
    static func lock(_ channel: ChannelID) -> Statement {
        Statement(
            """
            SELECT s.last_seq FROM streams s
            JOIN (SELECT 'channel' AS kind, $1::uuid AS id
                  UNION ALL SELECT 'user', unnest(participants) FROM channels WHERE id = $1 AND kind = 'direct') wanted
              ON s.kind = wanted.kind AND s.id = wanted.id
            ORDER BY s.kind, s.id FOR UPDATE OF s
            """, channel)
    }

    /// Rings if the channel has a call that its direct conversation's other person was not in yet, and that has not rung.
    /// Behind ``lock(_:)``; the rows are the places of events.
    static func begin(_ channel: ChannelID) -> Statement {
        Statement(
            """
            WITH begun AS (
                INSERT INTO rings (id, call_id, channel_id, caller_id, callee_id, started_at, ends_at)
                SELECT $2::uuid, k.id, c.id, k.started_by, m.user_id, now(), now() + make_interval(secs => $3::float8)
                FROM channels c JOIN calls k ON k.channel_id = c.id AND k.ended_at IS NULL
                JOIN channel_members m ON m.channel_id = c.id AND m.user_id <> k.started_by
                WHERE c.id = $1 AND c.kind = 'direct' AND NOT EXISTS (SELECT FROM rings WHERE call_id = k.id)
                  AND NOT EXISTS (SELECT FROM call_participants WHERE call_id = k.id AND user_id = m.user_id)
                RETURNING id, caller_id, callee_id
            )
            SELECT 'user' AS kind, person AS stream_id, append_event('user', person, 'ring.updated', id) AS seq
            FROM begun CROSS JOIN LATERAL unnest(ARRAY[caller_id, callee_id]) AS person
            """, channel, RingID.fresh(), Double(Limits.ringLifetime.components.seconds))
    }

    /// Ends what rings in a channel if it is over. A call that was missed leaves a notice, a message of the caller: it is
    /// unread for the other as any message is. Its key is its id, which nobody can have used before.
    /// Behind ``lock(_:)``; the rows are the places of events.
    static func settle(_ channel: ChannelID, declined: RingID? = nil) -> Statement {
        Statement(
            """
            WITH due AS (
                SELECT r.id, CASE
                    WHEN EXISTS (SELECT FROM call_participants p
                                 WHERE p.call_id = r.call_id AND p.user_id = r.callee_id) THEN 'answered'
                    WHEN r.id = $3 THEN 'declined'
                    WHEN k.ended_at IS NOT NULL THEN 'cancelled'
                    WHEN r.ends_at <= now() THEN 'unanswered' END AS outcome
                FROM rings r JOIN calls k ON k.id = r.call_id WHERE r.channel_id = $1 AND r.outcome IS NULL
            ), ended AS (
                UPDATE rings r SET outcome = due.outcome, ended_at = now() FROM due
                WHERE r.id = due.id AND due.outcome IS NOT NULL
                RETURNING r.id, r.caller_id, r.callee_id, r.outcome
            ), missed AS (
                SELECT append_event('channel', $1, 'message.created', $2) AS seq, caller_id
                FROM ended WHERE outcome IN ('cancelled', 'unanswered')
            ), stored AS (
                INSERT INTO messages
                    (id, channel_id, seq, author_id, content, idempotency_key, version, created_at, notice)
                SELECT $2, $1, seq, caller_id, 'Missed call', $2::uuid::text, seq, now(), 'missedCall' FROM missed
            )
            SELECT 'user' AS kind, person AS stream_id, append_event('user', person, 'ring.updated', id) AS seq
            FROM ended CROSS JOIN LATERAL unnest(ARRAY[caller_id, callee_id]) AS person
            UNION ALL SELECT 'channel', $1, seq FROM missed
            """, channel, MessageID.fresh(), declined)
    }

    /// Declines what rings a person. What does not ring any more stays as it is.
    /// - Returns: the ring as it is then, and the places of the events to publish; `nil` if there is no such ring for them.
    func decline(_ ring: RingID, by callee: UserID) async throws -> (ring: CallRing, events: [Cursor])? {
        let select = Statement("SELECT * FROM rings WHERE id = $1 AND callee_id = $2", ring, callee)
        guard let known = try await database.execute(select).first else { return nil }
        let channel: ChannelID = try known.decode("channel_id")
        let results = try await database.execute([Self.lock(channel), Self.settle(channel, declined: ring), select])
        guard let row = results[2].first else { return nil }
        return (try CallRing(row: row), try results[1].map { try $0.cursor() })
    }

    /// Ends what has rung for as long as it may.
    /// - Returns: the places of the events to publish.
    func endOverdue() async throws -> [Cursor] {
        let overdue = try await database.execute(
            Statement(
                "SELECT channel_id FROM rings WHERE outcome IS NULL AND ends_at <= now() ORDER BY ends_at LIMIT $1",
                Limits.ringSweepCount))
        var events: [Cursor] = []
        for row in overdue {
            let channel: ChannelID = try row.decode("channel_id")
            let results = try await database.execute([Self.lock(channel), Self.settle(channel)])
            events += try results[1].map { try $0.cursor() }
        }
        return events
    }
}

extension CallRing {
    /// Reads a row of the table `rings`.
    init(row: PostgresRow) throws {
        self.init(
            id: try row.decode("id"), channelID: try row.decode("channel_id"), callerID: try row.decode("caller_id"),
            calleeID: try row.decode("callee_id"), startedAt: try row.decode("started_at"),
            endsAt: try row.decode("ends_at"), outcome: try row.decode("outcome"))
    }

    /// What rings for a user, or by the user's own call.
    static func selectOpen(of user: UserID) -> Statement {
        Statement(
            """
            SELECT r.* FROM channel_members m JOIN rings r ON r.channel_id = m.channel_id AND r.outcome IS NULL
            WHERE m.user_id = $1 ORDER BY r.id
            """, user)
    }
}
