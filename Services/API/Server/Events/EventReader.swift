import Contracts
import Postgres

/// Reads events from PostgreSQL with the present state of what they are about.
struct EventReader {
    let database: PostgresPool

    /// The events with these numbers, in stream order, and where their streams stand.
    func events(at places: [Cursor]) async throws -> (events: [EventFrame], heads: [StreamID: StreamSequence]) {
        guard !places.isEmpty else { return ([], [:]) }
        let rows = try await database.execute(
            Statement(
                """
                SELECT e.*, s.last_seq FROM unnest($1::text[], $2::uuid[], $3::bigint[]) AS wanted (kind, id, seq)
                CROSS JOIN LATERAL (
                    SELECT * FROM event_states v
                    WHERE v.kind = wanted.kind AND v.stream_id = wanted.id AND v.seq = wanted.seq OFFSET 0
                ) e
                JOIN streams s ON s.kind = wanted.kind AND s.id = wanted.id
                ORDER BY e.kind, e.stream_id, e.seq
                """, places.map(\.stream.kind), places.map(\.stream.entity), places.map(\.seq)))
        var heads: [StreamID: StreamSequence] = [:]
        for row in rows { heads[try row.stream()] = try row.decode("last_seq") }
        return (try rows.map(EventFrame.init(row:)), heads)
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

    /// Where streams stand; those that do not exist are left out.
    func heads(of streams: [StreamID]) async throws -> [Cursor] {
        let rows = try await database.execute(
            Statement(
                """
                SELECT s.kind, s.id AS stream_id, s.last_seq AS seq FROM unnest($1::text[], $2::uuid[]) AS wanted (kind, id)
                JOIN streams s ON s.kind = wanted.kind AND s.id = wanted.id
                """, streams.map(\.kind), streams.map(\.entity)))
        return try rows.map { try $0.cursor() }
    }

    /// What came after the cursors, of those streams among them that the user may read; of all for `nil`. The events are
    /// in the order of the cursors, at most ``Limits/replayPageCount``.
    func replay(for user: UserID?, after cursors: [Cursor]) async throws -> (heads: [Cursor], events: [EventFrame]) {
        let kinds = cursors.map(\.stream.kind)
        let entities = cursors.map(\.stream.entity)
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
            // Numbers have no gaps, so how many events lie before a stream's is known without reading them: streams
            // that the page cannot reach are not touched.
            Statement(
                """
                WITH wanted AS (
                    SELECT w.*, s.last_seq - w.after AS missed
                    FROM unnest($2::text[], $3::uuid[], $4::bigint[]) WITH ORDINALITY AS w (kind, id, after, place)
                    JOIN streams s ON s.kind = w.kind AND s.id = w.id
                    WHERE s.last_seq > w.after AND s.last_seq - w.after <= $6 AND ($1::uuid IS NULL OR EXISTS (
                        SELECT FROM readable_streams r
                        WHERE r.user_id = $1 AND r.kind = w.kind AND r.stream_id = w.id))
                ), reached AS (
                    SELECT *, sum(missed) OVER (ORDER BY place) - missed AS ahead FROM wanted
                )
                SELECT e.* FROM reached w CROSS JOIN LATERAL (
                    SELECT * FROM event_states v
                    WHERE v.kind = w.kind AND v.stream_id = w.id AND v.seq > w.after ORDER BY v.seq LIMIT $5
                ) e
                WHERE w.ahead < $5 ORDER BY w.place, e.seq LIMIT $5
                """, user, kinds, entities, cursors.map(\.seq), Limits.replayPageCount, Limits.horizonPerStream),
        ])
        return (try results[0].map { try $0.cursor() }, try results[1].map(EventFrame.init(row:)))
    }
}

extension ReplayReply {
    /// Says how far events cover the streams of cursors. `heads` are where the readable ones among them stand.
    init(cursors: [Cursor], heads: [Cursor], events: some Sequence<EventFrame>) {
        let heads = Dictionary(heads.map { ($0.stream, $0.seq) }, uniquingKeysWith: max)
        let last = Dictionary(events.map { ($0.stream, $0.seq) }, uniquingKeysWith: max)
        var covered: [Cursor] = []
        var resets: [Cursor] = []
        var missedCount: StreamSequence = 0
        for cursor in cursors {
            guard let head = heads[cursor.stream] else { continue }
            // A cursor ahead of its stream comes from another history, such as a restored backup.
            let isPastHorizon = cursor.seq > head || head - cursor.seq > Limits.horizonPerStream
            if !isPastHorizon { missedCount += head - cursor.seq }
            if isPastHorizon || head > cursor.seq && missedCount > Limits.replayTotalCount {
                resets.append(Cursor(stream: cursor.stream, seq: head))
            } else {
                covered.append(Cursor(stream: cursor.stream, seq: last[cursor.stream] ?? cursor.seq))
            }
        }
        let hasMore = covered.contains { $0.seq < heads[$0.stream, default: 0] }
        self.init(covered: covered, resets: resets, hasMore: hasMore)
    }
}
