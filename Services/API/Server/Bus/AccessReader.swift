import Contracts
import Logging
import Postgres
import RedisBus
import ServiceKit

/// What users may see, from PostgreSQL, and into Redis for the next gateway that asks.
struct AccessReader {
    let services: APIServices

    /// Writes a list unless one of a later place in the user's stream is there. KEYS: access. ARGV: text, place, life ms.
    static let script = RedisScript(
        """
        local known = redis.call('GET', KEYS[1])
        if known and tonumber(string.match(known, '^%d+')) > tonumber(ARGV[2]) then return 0 end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
        return 1
        """)

    /// One statement for all sessions of the request: whether they live, where their users' streams stand, and what these
    /// may read. It is one snapshot, so a list is exactly what the user may see at its place.
    func read(_ request: AccessRequest) async throws -> AccessReply {
        let rows = try await services.database.execute(
            Statement(
                """
                SELECT a.session_id, a.user_id, s.last_seq AS seq,
                       ARRAY(SELECT r.kind || ':' || r.stream_id FROM readable_streams r
                             WHERE r.user_id = a.user_id AND r.kind <> 'user') AS streams
                FROM unnest($1::uuid[], $2::uuid[]) AS a (session_id, user_id)
                JOIN sessions x ON x.id = a.session_id AND x.user_id = a.user_id
                               AND x.revoked_at IS NULL AND x.expires_at > now()
                JOIN streams s ON s.kind = 'user' AND s.id = a.user_id
                """, request.sessions.map(\.sessionID), request.sessions.map(\.userID)))
        var live: [SessionID] = []
        var lists: [UserID: AccessList] = [:]
        for row in rows {
            live.append(try row.decode("session_id"))
            let streams: [String] = try row.decode("streams")
            let user: UserID = try row.decode("user_id")
            lists[user] = AccessList(
                userID: user, seq: try row.decode("seq"), streams: streams.compactMap { StreamID($0) })
        }
        let reply = AccessReply(live: live, lists: Array(lists.values))
        await remember(reply)
        return reply
    }

    /// What Redis does not take now is asked for again.
    private func remember(_ reply: AccessReply) async {
        let commands =
            reply.live.map(SessionStore.liveCommand)
            + reply.lists.map { list in
                RedisCommand.evaluate(
                    Self.script, keys: [.access(list.userID)],
                    arguments: [.text(list.text), .integer(list.seq), .milliseconds(Limits.accessCache)])
            }
        do {
            _ = try await services.bus.send(pipeline: commands)
        } catch {
            services.logger.debug("access not remembered", metadata: ["error": "\(error)"])
        }
    }
}
