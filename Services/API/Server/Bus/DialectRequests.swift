import APIDomain
import Contracts
import Postgres

/// Answers what the Socket.IO dialect of a gateway asks for its clients. The gateway has verified who they are; what
/// they may see is checked here.
struct DialectRequests {
    let services: APIServices

    private var database: PostgresPool { services.database }

    /// The newest messages of a channel from a time on. They are found from the end: the index is by number, and
    /// whoever is further behind gets no more than these anyway.
    func history(_ request: HistoryRequest) async throws -> HistoryReply {
        guard (1...Limits.historyCount).contains(request.limit) else {
            throw APIError(.validationFailed, "Ask for 1 to \(Limits.historyCount) messages.", field: "limit")
        }
        let channel = try await joined(request.channelID, request.userID)
        let rows = try await database.execute(
            Statement(
                """
                SELECT * FROM (
                    SELECT * FROM messages WHERE channel_id = $1 AND deleted_at IS NULL ORDER BY seq DESC LIMIT $2
                ) newest
                WHERE $3::timestamptz IS NULL OR created_at >= $3::timestamptz ORDER BY seq DESC
                """, channel, request.limit + 1, request.since))
        var messages: [Message] = []
        var byteCount = 0
        // At least one, and then as many as one reply on the bus should carry.
        for row in rows.prefix(request.limit) where byteCount < Limits.replayPageByteCount {
            let message = try Message(row: row, channel: channel, author: try row.decode("author_id"))
            byteCount += message.content.utf8.count
            messages.append(message)
        }
        return HistoryReply(messages: messages.reversed(), hasMore: rows.count > messages.count)
    }

    func people(_ request: PeopleRequest) async throws -> PeopleReply {
        guard request.userIDs.count <= Limits.rosterCount else {
            throw APIError(.validationFailed, "Ask for at most \(Limits.rosterCount) people.", field: "userIDs")
        }
        let rows = try await database.execute(
            Statement(
                "SELECT id AS user_id, username, display_name FROM users WHERE id = ANY ($1::uuid[])", request.userIDs))
        return PeopleReply(users: try rows.map(User.init(row:)))
    }

    func roster(_ request: RosterRequest) async throws -> RosterReply {
        let rows: PostgresResult
        if let channelID = request.channelID {
            let channel = try await joined(channelID, request.userID)
            rows = try await database.execute(
                Statement(
                    """
                    SELECT c.workspace_id, m.user_id, u.username, u.display_name FROM channel_members m
                    JOIN channels c ON c.id = m.channel_id JOIN users u ON u.id = m.user_id
                    WHERE m.channel_id = $1 ORDER BY m.user_id LIMIT $2
                    """, channel, Limits.rosterCount))
        } else {
            rows = try await database.execute(
                Statement(
                    """
                    SELECT m.workspace_id, m.user_id, u.username, u.display_name FROM workspace_members own
                    JOIN workspace_members m ON m.workspace_id = own.workspace_id JOIN users u ON u.id = m.user_id
                    WHERE own.user_id = $1 ORDER BY m.workspace_id, m.user_id LIMIT $2
                    """, request.userID, Limits.rosterCount))
        }
        var users: [WorkspaceID: [User]] = [:]
        for row in rows { users[try row.decode("workspace_id"), default: []].append(try User(row: row)) }
        return RosterReply(rosters: users.map { WorkspaceRoster(workspaceID: $0.key, users: $0.value) })
    }

    /// Moves the read position, and tells the user's devices.
    func markRead(_ request: BusReadRequest) async throws -> ChannelUnread {
        let channel = try await joined(request.channelID, request.userID)
        let seq = try await seq(of: request.messageID, in: channel)
        let store = UnreadStore(database: database)
        guard let marked = try await store.markRead(seq, by: request.userID, in: channel) else {
            throw APIError.notFound("channel")
        }
        if let event = marked.event { await services.publisher.publish([event]) }
        return marked.unread
    }

    /// The number of a message's creation; without one, past every number.
    private func seq(of message: MessageID?, in channel: ChannelID) async throws -> StreamSequence {
        guard let message else { return .max }
        let rows = try await database.execute(
            Statement("SELECT seq FROM messages WHERE id = $1 AND channel_id = $2", message, channel))
        guard let row = rows.first else { throw APIError.notFound("message") }
        return try row.decode("seq")
    }

    private func joined(_ channel: ChannelID, _ user: UserID) async throws -> ChannelID {
        let rows = try await database.execute(
            Statement("SELECT 1 FROM channel_members WHERE channel_id = $1 AND user_id = $2", channel, user))
        guard rows.first != nil else { throw APIError.notFound("channel") }
        return channel
    }
}
