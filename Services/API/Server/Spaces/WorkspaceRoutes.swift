import APIDomain
import Contracts
import Crypto
import Foundation
import Hummingbird
import Postgres
import ServiceKit

/// Workspaces, their members and invites.
struct WorkspaceRoutes: Sendable {
    let services: APIServices

    private var access: SpaceAccess { SpaceAccess(database: services.database) }

    func add(to routes: RouteTable) {
        routes.on(Endpoints.listWorkspaces) { _, principal in
            let rows = try await services.database.execute(Workspace.selectAll(of: principal.userID))
            return Answer(WorkspaceList(workspaces: try rows.map(Workspace.init(row:))))
        }
        routes.on(Endpoints.createWorkspace) { try await create($0, $1) }
        routes.on(Endpoints.listWorkspaceMembers) { try await listMembers($0, $1) }
        routes.on(Endpoints.removeWorkspaceMember) { try await removeMember($0, $1) }
        routes.on(Endpoints.createInvite) { try await createInvite($0, $1) }
        routes.on(Endpoints.acceptInvite) { try await acceptInvite($0, $1) }
    }

    private func create(_ call: Call<CreateWorkspaceRequest>, _ principal: Principal) async throws -> Answer<Workspace>
    {
        let name = try Checks.workspaceName(call.body.name)
        let (user, workspace, channel) = (principal.userID, WorkspaceID.fresh(), ChannelID.fresh())
        let owned = try await services.database.execute(
            Statement("SELECT count(*) AS count FROM workspace_members WHERE user_id = $1", user))
        guard try owned.first?.decode("count", as: Int.self) ?? 0 < Limits.workspacesPerUser else {
            throw APIError(.conflict, "You are in \(Limits.workspacesPerUser) workspaces, which is the limit.")
        }
        let results = try await services.database.execute([
            .lock([.user(user)]),
            Statement("INSERT INTO workspaces (id, name, created_by) VALUES ($1, $2, $3)", workspace, name, user),
            Statement(
                "INSERT INTO workspace_members (workspace_id, user_id, role) VALUES ($1, $2, 'owner')", workspace, user),
            .beginStream(.workspace(workspace)),
            Statement(
                """
                INSERT INTO channels (id, workspace_id, kind, visibility, name, created_by)
                VALUES ($1, $2, 'text', 'public', 'general', $3)
                """, channel, workspace, user),
            Statement("INSERT INTO channel_members (channel_id, user_id) VALUES ($1, $2)", channel, user),
            .beginStream(.channel(channel)),
            .append(.workspaceJoined, to: .user(user), about: workspace, place: 0),
            .append(.channelJoined, to: .user(user), about: channel, place: 0),
        ])
        await services.publisher.publish(at: try results.suffix(2).flatMap { try $0.map { try $0.cursor() } })
        return Answer(try await access.workspace(workspace, for: principal))
    }

    private func listMembers(
        _ call: Call<Empty>, _ principal: Principal
    ) async throws -> Answer<WorkspaceMemberPage> {
        let workspace = try await access.workspace(try call.id("workspaceID"), for: principal)
        let limit = try Checks.pageLimit(call.query("limit"))
        let after = try PageCursor.user(call.query("after"), field: "after")
        let rows = try await services.database.execute(
            Statement(
                """
                SELECT m.user_id, m.role, m.joined_at, u.username, u.display_name
                FROM workspace_members m JOIN users u ON u.id = m.user_id
                WHERE m.workspace_id = $1 AND ($2::uuid IS NULL OR m.user_id > $2::uuid)
                ORDER BY m.user_id LIMIT $3
                """, workspace.id, after, limit + 1))
        let members = try rows.prefix(limit).map { row in
            WorkspaceMember(
                user: try User(row: row), role: try row.decode("role"), joinedAt: try row.decode("joined_at"))
        }
        let next = rows.count > limit ? members.last.map { PageCursor.encode($0.user.id) } : nil
        return Answer(WorkspaceMemberPage(members: members, nextCursor: next))
    }

    private func removeMember(_ call: Call<Empty>, _ principal: Principal) async throws -> Answer<Empty> {
        let workspace = try await access.workspace(try call.id("workspaceID"), for: principal)
        let events = try await MemberRemoval(database: services.database).remove(
            try call.id("userID"), from: workspace.id, by: principal.userID)
        await services.publisher.publish(at: events)
        return Answer(Empty())
    }

    private func createInvite(_ call: Call<Empty>, _ principal: Principal) async throws -> Answer<Invite> {
        let workspace = try await access.workspace(try call.id("workspaceID"), for: principal)
        let code = base64URL(Data(randomBytes(18)).base64EncodedString())
        let expiresAt = Timestamp.now + Limits.inviteLifetime
        let results = try await services.database.execute([
            .lock([.workspace(workspace.id)]),
            Statement(
                """
                INSERT INTO invites (digest, workspace_id, created_by, expires_at)
                SELECT $1, $2, $3, $4 FROM workspace_members WHERE workspace_id = $2 AND user_id = $3
                """, digest(code), workspace.id, principal.userID, expiresAt),
        ])
        guard results[1].affectedRowCount == 1 else { throw APIError.notFound("workspace") }
        return Answer(Invite(code: code, workspaceID: workspace.id, expiresAt: expiresAt))
    }

    /// Joins the workspace and its public channel `general`, if it still has one.
    private func acceptInvite(_ call: Call<Empty>, _ principal: Principal) async throws -> Answer<Workspace> {
        let code = call.parameters.get("code") ?? ""
        let user = principal.userID
        let rows = try await services.database.execute(
            Statement(
                """
                SELECT i.workspace_id, c.id AS channel_id FROM invites i
                LEFT JOIN channels c ON c.workspace_id = i.workspace_id AND lower(c.name) = 'general'
                                    AND c.visibility = 'public' AND c.kind = 'text'
                WHERE i.digest = $1 AND i.expires_at > now()
                """, digest(code)))
        guard let row = rows.first else { throw APIError(.inviteInvalid, "Ask for a new invite.") }
        let workspace: WorkspaceID = try row.decode("workspace_id")
        let channel: ChannelID? = try row.decode("channel_id")
        let results = try await services.database.execute(
            [
                .lock([.user(user), .workspace(workspace)] + (channel.map { [.channel($0)] } ?? [])),
                Statement(
                    """
                    WITH added AS (
                        INSERT INTO workspace_members (workspace_id, user_id, role) VALUES ($1, $2, 'member')
                        ON CONFLICT DO NOTHING RETURNING user_id
                    ), told AS (
                        SELECT append_event('workspace', $1, 'workspace.member.joined', user_id) AS seq FROM added
                    )
                    SELECT 'workspace' AS kind, $1::uuid AS stream_id, seq FROM told
                    UNION ALL
                    SELECT 'user', $2::uuid, append_event('user', $2, 'workspace.joined', $1, seq) FROM told
                    """, workspace, user),
            ] + (channel.map { [ChannelMembership.add(user, to: $0, by: user)] } ?? []))
        await services.publisher.publish(at: try results.dropFirst().flatMap { try $0.map { try $0.cursor() } })
        return Answer(try await access.workspace(workspace, for: principal))
    }

    private func digest(_ code: String) -> [UInt8] { Array(SHA256.hash(data: Data(code.utf8))) }
}

extension Workspace {
    static func selectAll(of user: UserID) -> Statement {
        Statement(
            """
            SELECT w.id, w.name, w.created_at FROM workspaces w
            JOIN workspace_members m ON m.workspace_id = w.id WHERE m.user_id = $1 ORDER BY w.id
            """, user)
    }
}
