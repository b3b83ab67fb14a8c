import APIDomain
import Contracts
import Postgres

/// The only way to a workspace or a channel: an object comes with the proof that the principal may see it.
struct SpaceAccess {
    let database: PostgresPool

    /// A channel that the principal may see, and whether as a member.
    struct AccessedChannel {
        let channel: Channel
        let isMember: Bool
    }

    /// A workspace the principal is a member of.
    /// - Throws: `not_found` if it does not exist or the principal is not in it.
    func workspace(_ id: WorkspaceID, for principal: Principal) async throws -> Workspace {
        let rows = try await database.execute(
            Statement(
                """
                SELECT w.id, w.name, w.created_at FROM workspaces w
                JOIN workspace_members m ON m.workspace_id = w.id AND m.user_id = $2 WHERE w.id = $1
                """, id, principal.userID))
        guard let row = rows.first else { throw APIError.notFound("workspace") }
        return try Workspace(row: row)
    }

    /// A channel the principal is a member of, or a public one of a workspace the principal is in.
    /// - Throws: `not_found` if there is none such.
    func channel(_ id: ChannelID, for principal: Principal) async throws -> AccessedChannel {
        let rows = try await database.execute(
            Statement(
                """
                SELECT c.*, cm.user_id IS NOT NULL AS is_member FROM channels c
                JOIN workspace_members wm ON wm.workspace_id = c.workspace_id AND wm.user_id = $2
                LEFT JOIN channel_members cm ON cm.channel_id = c.id AND cm.user_id = $2
                WHERE c.id = $1 AND (c.visibility = 'public' OR cm.user_id IS NOT NULL)
                """, id, principal.userID))
        guard let row = rows.first else { throw APIError.notFound("channel") }
        return AccessedChannel(channel: try Channel(row: row), isMember: try row.decode("is_member"))
    }

    /// A channel the principal is a member of.
    /// - Throws: `not_found` as above, `forbidden` for a public channel that the principal has not joined.
    func joinedChannel(_ id: ChannelID, for principal: Principal) async throws -> Channel {
        let accessed = try await channel(id, for: principal)
        guard accessed.isMember else { throw Self.notJoined }
        return accessed.channel
    }

    static let notJoined = APIError(.forbidden, "Join the channel first.")
}

extension Workspace {
    init(row: PostgresRow) throws {
        self.init(id: try row.decode("id"), name: try row.decode("name"), createdAt: try row.decode("created_at"))
    }
}

extension Channel {
    /// Reads a row of the table `channels`.
    init(row: PostgresRow) throws {
        self.init(
            id: try row.decode("id"), workspaceID: try row.decode("workspace_id"), kind: try row.decode("kind"),
            visibility: try row.decode("visibility"), name: try row.decode("name"), topic: try row.decode("topic"),
            participants: try row.decode("participants"), createdAt: try row.decode("created_at"),
            version: try row.decode("version"))
    }
}

extension User {
    /// Reads the columns `user_id`, `username` and `display_name`.
    init(row: PostgresRow) throws {
        self.init(
            id: try row.decode("user_id"), username: try row.decode("username"),
            displayName: try row.decode("display_name"))
    }
}
