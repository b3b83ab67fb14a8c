package enum WorkspaceRole: String, WireEnum {
    case owner
    case member
}

package struct Workspace: WireObject, Hashable {
    package static let summary = "A team or community: people and their channels."
    package let id: WorkspaceID
    package let name: String
    package let createdAt: Timestamp

    package init(id: WorkspaceID, name: String, createdAt: Timestamp) {
        self.id = id
        self.name = name
        self.createdAt = createdAt
    }
}

package struct CreateWorkspaceRequest: WireObject {
    package static let summary = "Creates a workspace with one public channel, general, owned by the caller."
    package static var fields: [String: FieldRule] { ["name": FieldRule(count: Limits.workspaceNameCount)] }
    package let name: String

    package init(name: String) { self.name = name }
}

package struct WorkspaceList: WireObject {
    package static let summary = "The workspaces of the signed-in user."
    package let workspaces: [Workspace]

    package init(workspaces: [Workspace]) { self.workspaces = workspaces }
}

package struct WorkspaceMember: WireObject, Hashable {
    package static let summary = "A person in a workspace."
    package let user: User
    package let role: WorkspaceRole
    package let joinedAt: Timestamp

    package init(user: User, role: WorkspaceRole, joinedAt: Timestamp) {
        self.user = user
        self.role = role
        self.joinedAt = joinedAt
    }
}

package struct WorkspaceMemberPage: WireObject {
    package static let summary = "Members of a workspace by user id."
    package static var fields: [String: FieldRule] {
        ["nextCursor": FieldRule("Pass it as `after` to read on; absent at the end.")]
    }
    package let members: [WorkspaceMember]
    package let nextCursor: String?

    package init(members: [WorkspaceMember], nextCursor: String?) {
        self.members = members
        self.nextCursor = nextCursor
    }
}

package struct Invite: WireObject {
    package static let summary = "A secret that lets its bearer join a workspace until it expires."
    package let code: String
    package let workspaceID: WorkspaceID
    package let expiresAt: Timestamp

    package init(code: String, workspaceID: WorkspaceID, expiresAt: Timestamp) {
        self.code = code
        self.workspaceID = workspaceID
        self.expiresAt = expiresAt
    }
}

package enum ChannelKind: String, WireEnum {
    case text
    case voice
    /// A voice channel in whose call moderators, and whom they invite, speak and the others listen.
    case stage
    /// A conversation of two people.
    case direct
}

package enum ChannelVisibility: String, WireEnum {
    /// Every member of the workspace may find and join it.
    case `public`
    /// Only its members know of it.
    case `private`
}

package struct Channel: WireObject, Hashable {
    package static let summary = "A place for messages: a text or voice channel, a stage, or a direct conversation."
    package static var fields: [String: FieldRule] {
        [
            "name": FieldRule("Unique in its workspace; absent for a direct conversation."),
            "participants": FieldRule("The two people of a direct conversation; empty for the other kinds."),
            "version": FieldRule("Grows with each change; of two states the one with the higher version is newer."),
        ]
    }
    package let id: ChannelID
    package let workspaceID: WorkspaceID
    package let kind: ChannelKind
    package let visibility: ChannelVisibility
    package let name: String?
    package let topic: String
    package let participants: [UserID]
    package let createdAt: Timestamp
    package let version: Int64

    package init(
        id: ChannelID, workspaceID: WorkspaceID, kind: ChannelKind, visibility: ChannelVisibility, name: String?,
        topic: String, participants: [UserID], createdAt: Timestamp, version: Int64
    ) {
        self.id = id
        self.workspaceID = workspaceID
        self.kind = kind
        self.visibility = visibility
        self.name = name
        self.topic = topic
        self.participants = participants
        self.createdAt = createdAt
        self.version = version
    }
}

package struct CreateChannelRequest: WireObject {
    package static let summary = "Creates a text or voice channel or a stage and joins it."
    package static var fields: [String: FieldRule] {
        [
            "name": FieldRule("Unique in its workspace, case does not matter.", count: Limits.channelNameCount),
            "topic": FieldRule(count: Limits.channelTopicCount),
            "kind": FieldRule(
                "text, voice or stage; text if absent. Direct conversations have an endpoint of their own."),
            "visibility": FieldRule("public if absent."),
        ]
    }
    package let name: String
    package let kind: ChannelKind?
    package let visibility: ChannelVisibility?
    package let topic: String?

    package init(
        name: String, kind: ChannelKind? = nil, visibility: ChannelVisibility? = nil, topic: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.visibility = visibility
        self.topic = topic
    }
}

package struct UpdateChannelRequest: WireObject {
    package static let summary = "Changes a channel; absent fields stay."
    package static var fields: [String: FieldRule] {
        [
            "name": FieldRule(count: Limits.channelNameCount),
            "topic": FieldRule(count: Limits.channelTopicCount),
            "visibility": FieldRule("For the channel's creator and the workspace's owners alone."),
        ]
    }
    package let name: String?
    package let topic: String?
    package let visibility: ChannelVisibility?

    package init(name: String? = nil, topic: String? = nil, visibility: ChannelVisibility? = nil) {
        self.name = name
        self.topic = topic
        self.visibility = visibility
    }
}

package struct OpenDirectChannelRequest: WireObject {
    package static let summary = "Opens the direct conversation with another member, or returns the one that exists."
    package let userID: UserID

    package init(userID: UserID) { self.userID = userID }
}

package struct AddChannelMemberRequest: WireObject {
    package static let summary = "Adds a member of the workspace to a channel the caller is in."
    package let userID: UserID

    package init(userID: UserID) { self.userID = userID }
}

package struct ChannelList: WireObject {
    package static let summary = "Channels."
    package let channels: [Channel]

    package init(channels: [Channel]) { self.channels = channels }
}

package struct ChannelMember: WireObject, Hashable {
    package static let summary = "A person in a channel."
    package let user: User
    package let joinedAt: Timestamp

    package init(user: User, joinedAt: Timestamp) {
        self.user = user
        self.joinedAt = joinedAt
    }
}

package struct ChannelMemberPage: WireObject {
    package static let summary = "Members of a channel by user id."
    package static var fields: [String: FieldRule] {
        ["nextCursor": FieldRule("Pass it as `after` to read on; absent at the end.")]
    }
    package let members: [ChannelMember]
    package let nextCursor: String?

    package init(members: [ChannelMember], nextCursor: String?) {
        self.members = members
        self.nextCursor = nextCursor
    }
}

package struct Bootstrap: WireObject {
    package static let summary = "What a client needs to start: one consistent snapshot with the place of every stream."
    package static var fields: [String: FieldRule] {
        [
            "channels": FieldRule("The channels the user is a member of, in all workspaces."),
            "calls": FieldRule("The calls in these channels that someone is in."),
            "rings": FieldRule("What rings now, for the user or by the user's own call."),
            "unread": FieldRule("One for each of these channels."),
            "cursors": FieldRule("Identify with these: every event after the snapshot follows."),
        ]
    }
    package let user: CurrentUser
    package let sessionID: SessionID
    package let workspaces: [Workspace]
    package let channels: [Channel]
    package let calls: [ChannelCall]
    package let rings: [CallRing]
    package let unread: [ChannelUnread]
    package let cursors: [Cursor]

    package init(
        user: CurrentUser, sessionID: SessionID, workspaces: [Workspace], channels: [Channel], calls: [ChannelCall],
        rings: [CallRing] = [], unread: [ChannelUnread], cursors: [Cursor]
    ) {
        self.user = user
        self.sessionID = sessionID
        self.workspaces = workspaces
        self.channels = channels
        self.calls = calls
        self.rings = rings
        self.unread = unread
        self.cursors = cursors
    }
}
