import APIDomain
import Contracts
import Postgres

/// Calls in PostgreSQL. What changes a call locks its channel's stream first, so that the reports and ends of one call
/// take turns, appends `call.updated` only where the set of participants has changed, and ends what rings for it.
struct CallStore {
    let database: PostgresPool

    /// Takes over who is in a call: begins it with the first participant, ends it with the last. A report that is not
    /// newer than the last accepted one changes nothing.
    /// - Returns: the places of the events to publish.
    /// - Throws: `not_found` if there is no such channel.
    func apply(_ report: CallReport) async throws -> [Cursor] {
        let roster = report.roster
        let results = try await database.execute([
            RingStore.lock(report.channelID),
            Statement(
                """
                WITH accepted AS (
                    SELECT FROM channels WHERE id = $1 AND NOT EXISTS (
                        SELECT FROM channel_calls
                        WHERE channel_id = $1 AND (epoch, revision) >= ($2::bigint, $3::bigint))
                ), present AS (
                    SELECT r.id, r.user_id, r.joined_at FROM accepted
                    CROSS JOIN unnest($4::uuid[], $5::uuid[], $6::timestamptz[]) AS r (id, user_id, joined_at)
                    JOIN users u ON u.id = r.user_id
                ), open AS (
                    SELECT k.id FROM accepted CROSS JOIN calls k WHERE k.channel_id = $1 AND k.ended_at IS NULL
                ), started AS (
                    INSERT INTO calls (id, channel_id, started_by, started_at)
                    SELECT gen_random_uuid(), $1, user_id, joined_at FROM present WHERE NOT EXISTS (SELECT FROM open)
                    ORDER BY joined_at, id LIMIT 1
                    RETURNING id
                ), ended AS (
                    UPDATE calls SET ended_at = now()
                    WHERE id IN (SELECT id FROM open) AND NOT EXISTS (SELECT FROM present)
                ), departed AS (
                    UPDATE call_participants SET left_at = now()
                    WHERE call_id IN (SELECT id FROM open) AND left_at IS NULL AND id NOT IN (SELECT id FROM present)
                    RETURNING id
                ), arrived AS (
                    INSERT INTO call_participants AS known (id, call_id, user_id, joined_at)
                    SELECT p.id, k.id, p.user_id, p.joined_at
                    FROM present p CROSS JOIN (SELECT id FROM open UNION ALL SELECT id FROM started) k
                    ON CONFLICT (id, call_id) DO UPDATE SET joined_at = excluded.joined_at, left_at = NULL
                    WHERE known.left_at IS NOT NULL
                    RETURNING id
                ), told AS (
                    SELECT append_event('channel', $1, 'call.updated', $1) AS seq
                    WHERE EXISTS (SELECT FROM departed) OR EXISTS (SELECT FROM arrived)
                ), recorded AS (
                    INSERT INTO channel_calls AS last (channel_id, epoch, revision, version)
                    SELECT $1, $2::bigint, $3::bigint, coalesce((SELECT seq FROM told), 0) FROM accepted
                    ON CONFLICT (channel_id) DO UPDATE SET epoch = excluded.epoch, revision = excluded.revision,
                        version = greatest(last.version, excluded.version)
                )
                SELECT 'channel' AS kind, $1::uuid AS stream_id, seq FROM told
                """, report.channelID, report.epoch, report.revision, roster.map(\.participantID),
                roster.map(\.userID), roster.map(\.joinedAt)),
            RingStore.settle(report.channelID), RingStore.begin(report.channelID),
        ])
        guard !results[0].isEmpty else { throw APIError.notFound("channel") }
        return try results[1...].flatMap { try $0.map { try $0.cursor() } }
    }

    /// All open calls.
    func open() async throws -> [AbandonedCalls.OpenCall] {
        let rows = try await database.execute(
            Statement(
                """
                SELECT c.channel_id, c.epoch, c.revision
                FROM calls k JOIN channel_calls c ON c.channel_id = k.channel_id WHERE k.ended_at IS NULL
                """))
        return try rows.map { row in
            AbandonedCalls.OpenCall(
                channelID: try row.decode("channel_id"), epoch: try row.decode("epoch"),
                revision: try row.decode("revision"))
        }
    }

    /// Ends a call of which nothing was heard since it was looked at; a call that was heard of, or has ended, stays as it
    /// is.
    /// - Returns: the places of the events to publish.
    func end(_ call: AbandonedCalls.OpenCall) async throws -> [Cursor] {
        let results = try await database.execute([
            RingStore.lock(call.channelID),
            Statement(
                """
                WITH ended AS (
                    UPDATE calls k SET ended_at = now() FROM channel_calls c
                    WHERE k.channel_id = $1 AND k.ended_at IS NULL AND c.channel_id = $1
                      AND c.epoch = $2 AND c.revision = $3
                    RETURNING k.id
                ), departed AS (
                    UPDATE call_participants SET left_at = now()
                    WHERE call_id IN (SELECT id FROM ended) AND left_at IS NULL
                ), told AS (
                    SELECT append_event('channel', $1, 'call.updated', $1) AS seq FROM ended
                ), recorded AS (
                    UPDATE channel_calls SET version = told.seq FROM told WHERE channel_id = $1
                )
                SELECT 'channel' AS kind, $1::uuid AS stream_id, seq FROM told
                """, call.channelID, call.epoch, call.revision),
            RingStore.settle(call.channelID),
        ])
        return try results[1...].flatMap { try $0.map { try $0.cursor() } }
    }

    /// Of these seats, those that must go, because the session has ended, the user is not in the channel any more or a
    /// moderator removed the user; and what the people of the others may do now.
    func renew(_ leases: [CallLease]) async throws -> CallRenewReply {
        let rows = try await database.execute(
            Statement(
                """
                SELECT l.participant_id, r.is_moderator, r.is_audience, r.muted, r.version,
                       EXISTS (
                           SELECT FROM sessions s WHERE s.id = l.session_id AND s.user_id = l.user_id
                             AND s.revoked_at IS NULL AND s.expires_at > now())
                       AND EXISTS (
                           SELECT FROM readable_streams s
                           WHERE s.user_id = l.user_id AND s.kind = 'channel' AND s.stream_id = l.channel_id)
                       AND NOT EXISTS (
                           SELECT FROM call_removals x
                           WHERE x.channel_id = l.channel_id AND x.user_id = l.user_id AND x.until > now())
                       AND r.version IS NOT NULL AS may_stay
                FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[])
                    AS l (participant_id, user_id, session_id, channel_id)
                LEFT JOIN LATERAL call_rights(l.channel_id, l.user_id) r ON true
                """, leases.map(\.participantID), leases.map(\.userID), leases.map(\.sessionID),
                leases.map(\.channelID)))
        var refused: [ParticipantID] = []
        var rulings: [CallRuling] = []
        for row in rows {
            let participant: ParticipantID = try row.decode("participant_id")
            if try row.decode("may_stay") {
                rulings.append(CallRuling(participantID: participant, rights: try CallRights(row: row)))
            } else {
                refused.append(participant)
            }
        }
        return CallRenewReply(refused: refused, rulings: rulings)
    }
}
