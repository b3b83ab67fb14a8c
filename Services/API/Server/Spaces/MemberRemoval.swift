import APIDomain
import Contracts
import Postgres
import ServiceKit

/// Takes people out of channels and workspaces. Each removal is one transaction behind one ``Postgres/Statement/lock(_:)``
/// of all streams that it tells, and checks again there who asks.
struct MemberRemoval {
    let database: PostgresPool

    /// How often a removal from a workspace begins anew because the person has joined another channel meanwhile.
    private static let attemptCount = 5

    /// Removes a member of a channel, if it is `actor` who leaves, the channel's creator or an owner of its workspace who
    /// asks.
    /// - Returns: the places of the events.
    /// - Throws: `forbidden`, or `not_found` if the person is not in the channel.
    func remove(_ user: UserID, from channel: Channel, by actor: UserID) async throws -> [Cursor] {
        let results = try await database.execute([
            .lock([.channel(channel.id), .user(user)]),
            Statement("SELECT may_manage_channel($1, $2) AS may_manage", channel.id, actor),
            Statement(
                """
                WITH removed AS (
                    DELETE FROM channel_members m USING channels c
                    WHERE m.channel_id = $1 AND m.user_id = $2 AND c.id = $1 AND c.kind <> 'direct'
                      AND ($2 = $3 OR may_manage_channel($1, $3))
                    RETURNING m.user_id
                ), told AS (
                    SELECT append_event('channel', $1, 'channel.member.left', user_id) AS seq FROM removed
                )
                SELECT 'channel' AS kind, $1::uuid AS stream_id, seq FROM told
                UNION ALL
                SELECT 'user', $2::uuid, append_event('user', $2, 'channel.left', $1, seq) FROM told
                """, channel.id, user, actor),
        ])
        if !results[2].isEmpty { return try results[2].map { try $0.cursor() } }
        if user == actor { throw SpaceAccess.notJoined }
        guard try results[1].first?.decode("may_manage") == true else {
            throw APIError(.forbidden, "Only the channel's creator and the workspace's owners remove others.")
        }
        throw APIError.notFound("user")
    }

    /// Removes a member of a workspace, and of all its channels and direct conversations, if it is `actor` who leaves or
    /// an owner who asks.
    /// - Returns: the places of the events, those of the user's stream in the order in which they are to be applied.
    /// - Throws: `forbidden`; `not_found` if the person is not in the workspace; `conflict` for its last owner.
    func remove(_ user: UserID, from workspace: WorkspaceID, by actor: UserID) async throws -> [Cursor] {
        for _ in 0..<Self.attemptCount {
            let joined = try await database.execute(
                Statement(
                    """
                    SELECT m.channel_id FROM channel_members m JOIN channels c ON c.id = m.channel_id
                    WHERE m.user_id = $1 AND c.workspace_id = $2
                    """, user, workspace))
            let channels: [ChannelID] = try joined.map { try $0.decode("channel_id") }
            let results = try await database.execute([
                .lock([.workspace(workspace), .user(user)] + channels.map(StreamID.channel)),
                Statement(
                    """
                    SELECT own.role AS actor_role, m.role, (
                               SELECT count(*) FROM workspace_members o WHERE o.workspace_id = $1 AND o.role = 'owner'
                           ) AS owner_count
                    FROM (VALUES (1)) AS one
                    LEFT JOIN workspace_members own ON own.workspace_id = $1 AND own.user_id = $3
                    LEFT JOIN workspace_members m ON m.workspace_id = $1 AND m.user_id = $2
                    """, workspace, user, actor),
                Self.removal(of: user, from: workspace, with: channels, by: actor),
            ])
            if !results[2].isEmpty { return try results[2].map { try $0.cursor() } }
            try refuse(results[1].first, user, actor)
        }
        throw APIError(.conflict, "The person joins channels at this moment. Try again.")
    }

    /// The user's events come from the channels' up to the workspace's, so that nothing is left of what is gone.
    private static func removal(
        of user: UserID, from workspace: WorkspaceID, with channels: [ChannelID], by actor: UserID
    ) -> Statement {
        Statement(
            """
            WITH removed AS (
                DELETE FROM workspace_members m
                WHERE m.workspace_id = $1 AND m.user_id = $2
                  AND ($2 = $4 OR EXISTS (SELECT FROM workspace_members o
                                          WHERE o.workspace_id = $1 AND o.user_id = $4 AND o.role = 'owner'))
                  AND (m.role <> 'owner' OR EXISTS (SELECT FROM workspace_members o WHERE o.workspace_id = $1
                                                    AND o.user_id <> $2 AND o.role = 'owner'))
                  AND NOT EXISTS (SELECT FROM channel_members j JOIN channels c ON c.id = j.channel_id
                                  WHERE j.user_id = $2 AND c.workspace_id = $1 AND c.id <> ALL ($3::uuid[]))
                RETURNING m.user_id
            ), left_channels AS (
                DELETE FROM channel_members j USING removed
                WHERE j.user_id = removed.user_id AND j.channel_id = ANY ($3::uuid[]) RETURNING j.channel_id
            ), told_channels AS MATERIALIZED (
                SELECT channel_id, append_event('channel', channel_id, 'channel.member.left', $2) AS seq
                FROM left_channels
            ), told_of_channels AS MATERIALIZED (
                SELECT append_event('user', $2, 'channel.left', channel_id, seq) AS seq FROM told_channels
            ), told_workspace AS MATERIALIZED (
                SELECT append_event('workspace', $1, 'workspace.member.left', user_id) AS seq FROM removed
            )
            SELECT 'channel' AS kind, channel_id AS stream_id, seq FROM told_channels
            UNION ALL SELECT 'user', $2::uuid, seq FROM told_of_channels
            UNION ALL SELECT 'workspace', $1::uuid, seq FROM told_workspace
            UNION ALL SELECT 'user', $2::uuid, append_event('user', $2, 'workspace.left', $1, seq) FROM told_workspace
            """, workspace, user, channels, actor)
    }

    /// Throws why nothing was removed; returns if it is for a channel that was joined meanwhile.
    private func refuse(_ row: PostgresRow?, _ user: UserID, _ actor: UserID) throws {
        let actorRole: WorkspaceRole? = try row?.decode("actor_role")
        let role: WorkspaceRole? = try row?.decode("role")
        guard let actorRole else { throw APIError.notFound("workspace") }
        guard user == actor || actorRole == .owner else {
            throw APIError(.forbidden, "Only an owner removes others from the workspace.")
        }
        guard let role else { throw APIError.notFound("user") }
        if role == .owner, try row?.decode("owner_count", as: Int.self) == 1 {
            throw APIError(.conflict, "The last owner of a workspace cannot leave it.")
        }
    }
}
