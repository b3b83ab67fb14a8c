import Contracts
import Postgres

/// Reads events from PostgreSQL with the present state of what they are about.
struct EventReader {
    let database: PostgresPool

    /// The events with these numbers, in stream order.
    func events(at places: [Cursor]) async throws -> [EventFrame] {
        guard !places.isEmpty else { return [] }
        let rows = try await database.execute(
            Statement(
                """
                SELECT e.* FROM unnest($1::text[], $2::uuid[], $3::bigint[]) AS wanted (kind, id, seq)
                CROSS JOIN LATERAL (
                    SELECT * FROM event_states v
                    WHERE v.kind = wanted.kind AND v.stream_id = wanted.id AND v.seq = wanted.seq OFFSET 0
                ) e
                ORDER BY e.kind, e.stream_id, e.seq
                """, places.map(\.stream.kind), places.map(\.stream.entity), places.map(\.seq)))
        return try rows.map(EventFrame.init(row:))
    }

    /// The streams a user may read, each with the number of its last event; the user's own first.
    static func heads(of user: UserID) -> Statement {
        Statement(
            """
            SELECT s.kind, s.id AS stream_id, s.last_seq AS seq
            FROM readable_streams r JOIN streams s ON s.kind = r.kind AND s.id = r.stream_id
            WHERE r.user_id = $1 ORDER BY s.kind <> 'user', s.kind, s.id
            """, user)
    }

    /// A page of what came after the cursors, of those streams among them that the user may read; of all for `nil`.
    func replay(for user: UserID?, after cursors: [Cursor]) async throws -> (reply: ReplayReply, events: [EventFrame]) {
        let kinds = cursors.map(\.stream.kind)
        let entities = cursors.map(\.stream.entity)
        let seqs = cursors.map(\.seq)
        let results = try await database.snapshot([
            Statement(
                """
                SELECT s.kind, s.id AS stream_id, s.last_seq AS seq
                FROM unnest($2::text[], $3::uuid[]) AS wanted (kind, id)
                JOIN streams s ON s.kind = wanted.kind AND s.id = wanted.id
                WHERE $1::uuid IS NULL OR EXISTS (
                    SELECT FROM readable_streams r
                    WHERE r.user_id = $1 AND r.kind = wanted.kind AND r.stream_id = wanted.id)
                """, user, kinds, entities),
            Statement(
                """
                SELECT e.* FROM unnest($2::text[], $3::uuid[], $4::bigint[])
                    WITH ORDINALITY AS wanted (kind, id, after, place)
                JOIN streams s ON s.kind = wanted.kind AND s.id = wanted.id
                               AND s.last_seq > wanted.after AND s.last_seq - wanted.after <= $6
                CROSS JOIN LATERAL (
                    SELECT * FROM event_states v
                    WHERE v.kind = wanted.kind AND v.stream_id = wanted.id AND v.seq > wanted.after
                    ORDER BY v.seq LIMIT $5
                ) e
                WHERE $1::uuid IS NULL OR EXISTS (
                    SELECT FROM readable_streams r
                    WHERE r.user_id = $1 AND r.kind = wanted.kind AND r.stream_id = wanted.id)
                ORDER BY wanted.place, e.seq LIMIT $5
                """, user, kinds, entities, seqs, Limits.replayPageCount, Limits.horizonPerStream),
        ])
        let heads = try results[0].map { try $0.cursor() }
        let events = try results[1].map(EventFrame.init(row:))
        return (replayReply(cursors: cursors, heads: heads, events: events), events)
    }
}

/// Says how far a page of events covers each stream.
private func replayReply(cursors: [Cursor], heads: [Cursor], events: [EventFrame]) -> ReplayReply {
    let heads = Dictionary(heads.map { ($0.stream, $0.seq) }, uniquingKeysWith: max)
    let last = Dictionary(events.map { ($0.stream, $0.seq) }, uniquingKeysWith: max)
    var covered: [Cursor] = []
    var resets: [Cursor] = []
    for cursor in cursors {
        guard let head = heads[cursor.stream] else { continue }
        // A cursor ahead of its stream comes from another history, such as a restored backup.
        if cursor.seq > head || head - cursor.seq > Limits.horizonPerStream {
            resets.append(Cursor(stream: cursor.stream, seq: head))
        } else {
            covered.append(Cursor(stream: cursor.stream, seq: last[cursor.stream] ?? cursor.seq))
        }
    }
    let hasMore = covered.contains { $0.seq < heads[$0.stream, default: 0] }
    return ReplayReply(covered: covered, resets: resets, hasMore: hasMore)
}
