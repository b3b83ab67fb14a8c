import APIDomain
import Contracts
import Postgres
import ServiceKit

/// Channels, direct conversations and their members.
struct ChannelRoutes: Sendable {
    let services: APIServices

    private static let nameTaken = [
        "channels_name_key": APIError(.nameTaken, "The workspace has a channel of that name.", field: "name")
    ]

    private static let tooManyChannels = APIError(
        .conflict, "A person is in at most \(Limits.channelsPerUser) channels and conversations; leave one first.")

    private var access: SpaceAccess { SpaceAccess(database: services.database) }

    func add(to routes: RouteTable) {
        routes.on(Endpoints.listChannels) { try await list($0, $1) }
        routes.on(Endpoints.createChannel) { try await create($0, $1) }
        routes.on(Endpoints.openDirectChannel) { try await openDirect($0, $1) }
        routes.on(Endpoints.readChannel) { call, principal in
            Answer(try await access.channel(try call.id("channelID"), for: principal).channel)
        }
        routes.on(Endpoints.updateChannel) { try await update($0, $1) }
        routes.on(Endpoints.joinChannel) { try await join($0, $1) }
        routes.on(Endpoints.leaveChannel) { try await leave($0, $1) }
        routes.on(Endpoints.listChannelMembers) { try await listMembers($0, $1) }
        routes.on(Endpoints.addChannelMember) { try await addMember($0, $1) }
        routes.on(Endpoints.removeChannelMember) { try await removeMember($0, $1) }
    }

    /// The public channels of a workspace and the private ones the caller is in.
    private func list(_ call: Call<Empty>, _ principal: Principal) async throws -> Answer<ChannelList> {
        let workspace = try await access.workspace(try call.id("workspaceID"), for: principal)
        let rows = try await services.database.execute(
            Statement(
                """
                SELECT c.* FROM channels c
                WHERE c.workspace_id = $1 AND (c.visibility = 'public' OR EXISTS (
                    SELECT FROM channel_members m WHERE m.channel_id = c.id AND m.user_id = $2))
                ORDER BY lower(c.name), c.id
                """, workspace.id, principal.userID))
        return Answer(ChannelList(channels: try rows.map(Channel.init(row:))))
    }

    private func create(_ call: Call<CreateChannelRequest>, _ principal: Principal) async throws -> Answer<Channel> {
        let workspace = try await access.workspace(try call.id("workspaceID"), for: principal)
        let name = try Checks.channelName(call.body.name)
        let topic = try Checks.channelTopic(call.body.topic ?? "")
        let kind = call.body.kind ?? .text
        let visibility = call.body.visibility ?? .public
        guard kind != .direct else {
            throw APIError(.validationFailed, "Open a direct conversation at /direct.", field: "kind")
        }
        let (user, channel) = (principal.userID, ChannelID.fresh())
        let results = try await services.database.execute(
            [
                .lock([.user(user), .workspace(workspace.id)]),
                Statement(
                    """
                    INSERT INTO channels (id, workspace_id, kind, visibility, name, topic, created_by)
                    SELECT $1, $2, $3, $4, $5, $6, $7
                    WHERE (SELECT count(*) FROM channels WHERE workspace_id = $2) < $8
                      AND EXISTS (SELECT FROM workspace_members WHERE workspace_id = $2 AND user_id = $7)
                    """, channel, workspace.id, kind, visibility, name, topic, user, Limits.channelsPerWorkspace),
                .beginStream(ofCreated: channel),
                Statement(
                    """
                    SELECT 'workspace' AS kind, workspace_id AS stream_id,
                           append_event('workspace', workspace_id, 'channel.created', id) AS seq
                    FROM channels WHERE id = $1 AND visibility = 'public'
                    """, channel),
                ChannelMembership.add(user, to: channel, by: user),
            ], taken: Self.nameTaken)
        guard results[1].affectedRowCount == 1 else {
            _ = try await access.workspace(workspace.id, for: principal)
            throw APIError(.conflict, "A workspace has at most \(Limits.channelsPerWorkspace) channels.")
        }
        await services.publisher.publish(at: try results[3...].flatMap { try $0.map { try $0.cursor() } })
        return Answer(try await access.channel(channel, for: principal).channel)
    }

    private func openDirect(
        _ call: Call<OpenDirectChannelRequest>, _ principal: Principal
    ) async throws -> Answer<Channel> {
        let workspace = try await access.workspace(try call.id("workspaceID"), for: principal)
        let (user, other, channel) = (principal.userID, call.body.userID, ChannelID.fresh())
        guard user != other else {
            throw APIError(.validationFailed, "A conversation has two people.", field: "userID")
        }
        let people = [user, other].sorted()
        let results = try await services.database.execute([
            // The workspace's stream as well: two people who open the same conversation at once must take turns.
            .lock([.user(user), .user(other), .workspace(workspace.id)]),
            Statement(
                """
                INSERT INTO channels (id, workspace_id, kind, visibility, participants, created_by)
                SELECT $1, $2, 'direct', 'private', $3::uuid[], $4
                WHERE (SELECT count(*) FROM workspace_members
                       WHERE workspace_id = $2 AND user_id = ANY ($3::uuid[])) = 2
                  AND NOT EXISTS (SELECT FROM channel_members WHERE user_id = ANY ($3::uuid[])
                                  GROUP BY user_id HAVING count(*) >= $5)
                ON CONFLICT DO NOTHING
                """, channel, workspace.id, people, user, Limits.channelsPerUser),
            .beginStream(ofCreated: channel),
            Statement(
                """
                WITH added AS (
                    INSERT INTO channel_members (channel_id, user_id)
                    SELECT id, unnest(participants) FROM channels WHERE id = $1 RETURNING user_id
                )
                SELECT 'user' AS kind, user_id AS stream_id,
                       append_event('user', user_id, 'channel.joined', $1, 0) AS seq FROM added
                """, channel),
            Statement(
                "SELECT * FROM channels WHERE workspace_id = $1 AND kind = 'direct' AND participants = $2::uuid[]",
                workspace.id, people),
            Statement(
                "SELECT 1 FROM workspace_members WHERE workspace_id = $1 AND user_id = $2", workspace.id, other),
            Statement(
                """
                SELECT m.user_id FROM channel_members m JOIN channels c ON c.id = m.channel_id
                WHERE c.workspace_id = $1 AND c.kind = 'direct' AND c.participants = $2::uuid[]
                """, workspace.id, people),
        ])
        guard !results[5].isEmpty else { throw APIError.notFound("user") }
        guard let row = results[4].first else { throw Self.tooManyChannels }
        await services.publisher.publish(at: try results[3].map { try $0.cursor() })
        let opened = try Channel(row: row)
        // Who left the workspace and came back is not in the conversation that there was.
        for person in people where try !results[6].contains(where: { try $0.decode("user_id") == person }) {
            try await add(person, to: opened.id, by: principal)
        }
        return Answer(opened)
    }

    private func update(_ call: Call<UpdateChannelRequest>, _ principal: Principal) async throws -> Answer<Channel> {
        let channel = try await access.joinedChannel(try call.id("channelID"), for: principal)
        guard channel.kind != .direct else { throw APIError(.forbidden, "A direct conversation has no name or topic.") }
        let name = try call.body.name.map { name throws(APIError) in try Checks.channelName(name) }
        let topic = try call.body.topic.map { topic throws(APIError) in try Checks.channelTopic(topic) }
        let visibility = call.body.visibility
        let results = try await services.database.execute(
            [
                .lock([.channel(channel.id), .workspace(channel.workspaceID)]),
                // The workspace hears of a channel that appears to it or vanishes from it, before it has changed.
                Statement(
                    """
                    SELECT 'workspace' AS kind, workspace_id AS stream_id,
                           append_event('workspace', workspace_id,
                               CASE $2::text WHEN 'public' THEN 'channel.created' ELSE 'channel.withdrawn' END, id) AS seq
                    FROM channels WHERE id = $1 AND visibility <> $2::text AND may_manage_channel($1, $3)
                      AND EXISTS (SELECT FROM channel_members WHERE channel_id = $1 AND user_id = $3)
                    """, channel.id, visibility, principal.userID),
                Statement(
                    """
                    WITH changed AS (
                        UPDATE channels SET name = coalesce($2, name), topic = coalesce($3, topic),
                               visibility = coalesce($4::text, visibility), version = version + 1
                        WHERE id = $1 AND ($4::text IS NULL OR may_manage_channel($1, $5))
                          AND EXISTS (SELECT FROM channel_members WHERE channel_id = $1 AND user_id = $5)
                        RETURNING id
                    )
                    SELECT 'channel' AS kind, id AS stream_id, append_event('channel', id, 'channel.updated', id) AS seq
                    FROM changed
                    """, channel.id, name, topic, visibility, principal.userID),
            ], taken: Self.nameTaken)
        guard !results[2].isEmpty else {
            _ = try await access.joinedChannel(channel.id, for: principal)
            throw APIError(.forbidden, "Only the channel's creator and the workspace's owners change who sees it.")
        }
        await services.publisher.publish(at: try results[1...].flatMap { try $0.map { try $0.cursor() } })
        return Answer(try await access.channel(channel.id, for: principal).channel)
    }

    private func join(_ call: Call<Empty>, _ principal: Principal) async throws -> Answer<Channel> {
        let accessed = try await access.channel(try call.id("channelID"), for: principal)
        if !accessed.isMember { try await add(principal.userID, to: accessed.channel.id, by: principal) }
        return Answer(accessed.channel)
    }

    private func leave(_ call: Call<Empty>, _ principal: Principal) async throws -> Answer<Empty> {
        let accessed = try await access.channel(try call.id("channelID"), for: principal)
        let channel = accessed.channel
        guard channel.kind != .direct else { throw APIError(.forbidden, "A direct conversation cannot be left.") }
        // Whoever asks again because the first answer was lost has left.
        guard accessed.isMember else { return Answer(Empty()) }
        let user = principal.userID
        let events = try await MemberRemoval(database: services.database).remove(user, from: channel, by: user)
        await services.publisher.publish(at: events)
        return Answer(Empty())
    }

    private func addMember(_ call: Call<AddChannelMemberRequest>, _ principal: Principal) async throws -> Answer<Empty>
    {
        let channel = try await access.joinedChannel(try call.id("channelID"), for: principal)
        guard channel.kind != .direct else { throw APIError(.forbidden, "A direct conversation has two people.") }
        let members = try await services.database.execute(
            Statement(
                "SELECT 1 FROM workspace_members WHERE workspace_id = $1 AND user_id = $2",
                channel.workspaceID, call.body.userID))
        guard !members.isEmpty else { throw APIError.notFound("user") }
        try await add(call.body.userID, to: channel.id, by: principal)
        return Answer(Empty())
    }

    private func removeMember(_ call: Call<Empty>, _ principal: Principal) async throws -> Answer<Empty> {
        let channel = try await access.channel(try call.id("channelID"), for: principal).channel
        let user: UserID = try call.id("userID")
        guard channel.kind != .direct else { throw APIError(.forbidden, "A direct conversation cannot be left.") }
        let events = try await MemberRemoval(database: services.database).remove(
            user, from: channel, by: principal.userID)
        await services.publisher.publish(at: events)
        return Answer(Empty())
    }

    private func add(_ user: UserID, to channel: ChannelID, by principal: Principal) async throws {
        let results = try await services.database.execute([
            .lock([.channel(channel), .user(user)]), ChannelMembership.add(user, to: channel, by: principal.userID),
        ])
        let events = try results[1].map { try $0.cursor() }
        await services.publisher.publish(at: events)
        guard events.isEmpty else { return }
        let members = try await services.database.execute(
            Statement("SELECT 1 FROM channel_members WHERE channel_id = $1 AND user_id = $2", channel, user))
        guard members.isEmpty else { return }
        // What was allowed a moment ago may not be any more.
        let accessed = try await access.channel(channel, for: principal)
        guard accessed.isMember || user == principal.userID else { throw SpaceAccess.notJoined }
        throw Self.tooManyChannels
    }

    private func listMembers(_ call: Call<Empty>, _ principal: Principal) async throws -> Answer<ChannelMemberPage> {
        let channel = try await access.channel(try call.id("channelID"), for: principal).channel
        let limit = try Checks.pageLimit(call.query("limit"))
        let after = try PageCursor.user(call.query("after"), field: "after")
        let rows = try await services.database.execute(
            Statement(
                """
                SELECT m.user_id, m.joined_at, u.username, u.display_name
                FROM channel_members m JOIN users u ON u.id = m.user_id
                WHERE m.channel_id = $1 AND ($2::uuid IS NULL OR m.user_id > $2::uuid)
                ORDER BY m.user_id LIMIT $3
                """, channel.id, after, limit + 1))
        let members = try rows.prefix(limit).map { row in
            ChannelMember(user: try User(row: row), joinedAt: try row.decode("joined_at"))
        }
        let next = rows.count > limit ? members.last.map { PageCursor.encode($0.user.id) } : nil
        return Answer(ChannelMemberPage(members: members, nextCursor: next))
    }
}
