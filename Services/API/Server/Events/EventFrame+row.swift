import Contracts
import Postgres

extension EventFrame {
    /// Reads a row of the view `event_states`.
    init(row: PostgresRow) throws {
        self.init(
            stream: try row.stream(), seq: try row.decode("seq"),
            event: try Event(name: try row.decode("name"), row: row))
    }
}

extension Event {
    /// The event as its object is now: a message that was deleted since shows as deleted, a channel that the user has
    /// left since shows as left, so that a replay tells nothing that a fresh snapshot would not.
    fileprivate init(name: EventName, row: PostgresRow) throws {
        switch name {
        case .messageCreated, .messageEdited, .messageDeleted:
            let deletedAt: Timestamp? = try row.decode("deleted_at")
            if deletedAt != nil {
                self = .messageDeleted(try MessageDeleted(eventRow: row))
            } else {
                let message = try Message(eventRow: row)
                self = name == .messageCreated ? .messageCreated(message) : .messageEdited(message)
            }
        case .channelUpdated: self = .channelUpdated(try Channel(eventRow: row))
        case .channelMemberJoined:
            self = .channelMemberJoined(
                ChannelMember(user: try User(eventRow: row), joinedAt: try row.decode("happened_at")))
        case .channelMemberLeft: self = .channelMemberLeft(ChannelMemberLeft(userID: try row.decode("object_id")))
        case .callUpdated: self = .callUpdated(try ChannelCall(row: row, channel: try row.decode("object_id")))
        case .channelJoined:
            let isMember: Bool = try row.decode("is_member")
            self =
                isMember
                ? .channelJoined(
                    ChannelJoined(channel: try Channel(eventRow: row), seq: try row.decode("place")))
                : .channelLeft(ChannelLeft(channelID: try row.decode("object_id")))
        case .channelLeft: self = .channelLeft(ChannelLeft(channelID: try row.decode("object_id")))
        case .channelRead:
            let isMember: Bool = try row.decode("is_member")
            self =
                isMember
                ? .channelRead(
                    ChannelRead(
                        channelID: try row.decode("object_id"), seq: try row.decode("read_seq"),
                        version: try row.decode("read_version")))
                : .channelLeft(ChannelLeft(channelID: try row.decode("object_id")))
        case .mentionCreated, .mentionRemoved:
            let mention = Mention(
                messageID: try row.decode("object_id"), channelID: try row.decode("message_channel_id"),
                seq: try row.decode("message_seq"), authorID: try row.decode("author_id"))
            let isMentioned: Bool = try row.decode("is_mentioned")
            self = isMentioned ? .mentionCreated(mention) : .mentionRemoved(mention)
        case .ringUpdated:
            let isMember: Bool = try row.decode("is_ring_member")
            let channel: ChannelID = try row.decode("ring_channel_id")
            self = isMember ? .ringUpdated(try CallRing(eventRow: row)) : .channelLeft(ChannelLeft(channelID: channel))
        case .sessionRevoked: self = .sessionRevoked(SessionRevoked(sessionID: try row.decode("object_id")))
        case .workspaceJoined, .workspaceLeft, .channelCreated, .channelWithdrawn, .workspaceMemberJoined,
            .workspaceMemberLeft:
            self = try Event(name: name, workspaceRow: row)
        case .userUpdated: self = .userUpdated(try User(eventRow: row))
        }
    }
}

extension Event {
    /// What concerns a workspace: who left it, and a channel that became private, show as gone.
    private init(name: EventName, workspaceRow row: PostgresRow) throws {
        switch name {
        case .workspaceJoined where try row.decode("is_workspace_member"):
            let workspace = Workspace(
                id: try row.decode("object_id"), name: try row.decode("workspace_name"),
                createdAt: try row.decode("workspace_created_at"))
            self = .workspaceJoined(WorkspaceJoined(workspace: workspace, seq: try row.decode("place")))
        case .workspaceJoined, .workspaceLeft:
            self = .workspaceLeft(WorkspaceLeft(workspaceID: try row.decode("object_id")))
        case .channelCreated where try row.decode("visibility", as: ChannelVisibility.self) == .public:
            self = .channelCreated(try Channel(eventRow: row))
        case .channelCreated, .channelWithdrawn:
            self = .channelWithdrawn(ChannelWithdrawn(channelID: try row.decode("object_id")))
        case .workspaceMemberJoined:
            let role: WorkspaceRole? = try row.decode("role")
            self =
                if let role {
                    .workspaceMemberJoined(
                        WorkspaceMember(
                            user: try User(eventRow: row), role: role, joinedAt: try row.decode("happened_at")))
                } else {
                    .workspaceMemberLeft(WorkspaceMemberLeft(userID: try row.decode("object_id")))
                }
        default: self = .workspaceMemberLeft(WorkspaceMemberLeft(userID: try row.decode("object_id")))
        }
    }
}

extension Message {
    fileprivate init(eventRow row: PostgresRow) throws {
        self.init(
            id: try row.decode("object_id"), channelID: try row.decode("message_channel_id"),
            seq: try row.decode("message_seq"), authorID: try row.decode("author_id"),
            content: try row.decode("content"), idempotencyKey: try row.decode("idempotency_key"),
            createdAt: try row.decode("sent_at"), editedAt: try row.decode("edited_at"),
            mentions: try row.decode("mentions"), audience: try row.decode("audience"),
            notice: try row.decode("notice"), attachments: try row.attachments(),
            version: try row.decode("message_version"))
    }
}

extension MessageDeleted {
    fileprivate init(eventRow row: PostgresRow) throws {
        self.init(
            id: try row.decode("object_id"), channelID: try row.decode("message_channel_id"),
            seq: try row.decode("message_seq"), authorID: try row.decode("author_id"),
            version: try row.decode("message_version"))
    }
}

extension Channel {
    fileprivate init(eventRow row: PostgresRow) throws {
        self.init(
            id: try row.decode("object_id"), workspaceID: try row.decode("workspace_id"),
            kind: try row.decode("channel_kind"), visibility: try row.decode("visibility"),
            name: try row.decode("channel_name"), topic: try row.decode("topic"),
            participants: try row.decode("participants"), createdAt: try row.decode("channel_created_at"),
            version: try row.decode("channel_version"))
    }
}

extension CallRing {
    fileprivate init(eventRow row: PostgresRow) throws {
        self.init(
            id: try row.decode("object_id"), channelID: try row.decode("ring_channel_id"),
            callerID: try row.decode("caller_id"), calleeID: try row.decode("callee_id"),
            startedAt: try row.decode("ring_started_at"), endsAt: try row.decode("ring_ends_at"),
            outcome: try row.decode("ring_outcome"))
    }
}

extension User {
    fileprivate init(eventRow row: PostgresRow) throws {
        self.init(
            id: try row.decode("object_id"), username: try row.decode("username"),
            displayName: try row.decode("display_name"))
    }
}
