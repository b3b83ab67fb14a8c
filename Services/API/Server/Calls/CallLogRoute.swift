import APIDomain
import Contracts
import Postgres

/// The past calls of a channel, for its members.
struct CallLogRoute: Sendable {
    let services: APIServices

    func add(to routes: RouteTable) {
        routes.on(Endpoints.listCalls) { call, principal in
            let access = SpaceAccess(database: services.database)
            let channel = try await access.joinedChannel(try call.id("channelID"), for: principal).id
            let limit = try Checks.pageLimit(call.query("limit"))
            let before = try PageCursor.call(call.query("before"), field: "before")
            // One more than asked for says whether there are earlier ones.
            let rows = try await services.database.execute(Self.select(channel, before: before, limit: limit + 1))
            let calls = try rows.prefix(limit).map(PastCall.init(row:))
            return Answer(
                PastCallPage(
                    calls: calls, before: rows.count > limit ? calls.last.map { PageCursor.encode($0.id) } : nil))
        }
    }

    /// A channel has one call at a time, so that the time of their beginning orders them; `before` is one of them.
    private static func select(_ channel: ChannelID, before: CallID?, limit: Int) -> Statement {
        Statement(
            """
            SELECT k.id, k.started_by, k.started_at, k.ended_at, r.outcome, people.participant_count,
                   people.participants[1:$4::int] AS participants
            FROM calls k LEFT JOIN rings r ON r.call_id = k.id
            CROSS JOIN LATERAL (
                SELECT count(*) AS participant_count,
                       coalesce(array_agg(p.user_id ORDER BY p.came_at, p.user_id), '{}') AS participants
                FROM (SELECT user_id, min(joined_at) AS came_at FROM call_participants
                      WHERE call_id = k.id GROUP BY user_id) p
            ) people
            WHERE k.channel_id = $1 AND k.ended_at IS NOT NULL
              AND ($2::uuid IS NULL OR (k.started_at, k.id) <
                   (SELECT c.started_at, c.id FROM calls c WHERE c.id = $2::uuid AND c.channel_id = $1))
            ORDER BY k.started_at DESC, k.id DESC LIMIT $3
            """, channel, before, limit, Limits.pastCallParticipantCount)
    }
}

extension PastCall {
    fileprivate init(row: PostgresRow) throws {
        self.init(
            id: try row.decode("id"), startedBy: try row.decode("started_by"), startedAt: try row.decode("started_at"),
            endedAt: try row.decode("ended_at"), participants: try row.decode("participants"),
            participantCount: try row.decode("participant_count"), outcome: try row.decode("outcome"))
    }
}
