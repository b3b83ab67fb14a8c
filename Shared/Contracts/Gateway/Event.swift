/// The names of all events. One case, its payload type and its stream are all a new kind needs.
package enum EventName: String, WireEnum {
    // In a channel's stream
    case messageCreated = "message.created"
    case messageEdited = "message.edited"
    case messageDeleted = "message.deleted"
    case channelUpdated = "channel.updated"
    case channelMemberJoined = "channel.member.joined"
    case channelMemberLeft = "channel.member.left"
    case callUpdated = "call.updated"
    // In a user's stream
    case channelJoined = "channel.joined"
    case channelLeft = "channel.left"
    case workspaceJoined = "workspace.joined"
    case sessionRevoked = "session.revoked"
    // In a workspace's stream
    case channelCreated = "channel.created"
    case workspaceMemberJoined = "workspace.member.joined"
    case userUpdated = "user.updated"

    /// The kind of stream the event belongs to.
    package var streamKind: StreamKind {
        switch self {
        case .messageCreated, .messageEdited, .messageDeleted, .channelUpdated, .channelMemberJoined,
            .channelMemberLeft, .callUpdated:
            .channel
        case .channelJoined, .channelLeft, .workspaceJoined, .sessionRevoked: .user
        case .channelCreated, .workspaceMemberJoined, .userUpdated: .workspace
        }
    }

    /// The shape of the event's `data`.
    package var payloadType: any WireObject.Type {
        switch self {
        case .messageCreated, .messageEdited: Message.self
        case .messageDeleted: MessageDeleted.self
        case .channelUpdated, .channelCreated: Channel.self
        case .channelMemberJoined: ChannelMember.self
        case .channelMemberLeft: ChannelMemberLeft.self
        case .callUpdated: ChannelCall.self
        case .channelJoined: ChannelJoined.self
        case .channelLeft: ChannelLeft.self
        case .workspaceJoined: WorkspaceJoined.self
        case .sessionRevoked: SessionRevoked.self
        case .workspaceMemberJoined: WorkspaceMember.self
        case .userUpdated: User.self
        }
    }
}

/// A durable change, as the state that results from it: applying it twice changes nothing.
package enum Event: Equatable, Sendable {
    case messageCreated(Message)
    case messageEdited(Message)
    case messageDeleted(MessageDeleted)
    case channelUpdated(Channel)
    case channelMemberJoined(ChannelMember)
    case channelMemberLeft(ChannelMemberLeft)
    case callUpdated(ChannelCall)
    case channelJoined(ChannelJoined)
    case channelLeft(ChannelLeft)
    case workspaceJoined(WorkspaceJoined)
    case sessionRevoked(SessionRevoked)
    case channelCreated(Channel)
    case workspaceMemberJoined(WorkspaceMember)
    case userUpdated(User)

    package var name: EventName {
        switch self {
        case .messageCreated: .messageCreated
        case .messageEdited: .messageEdited
        case .messageDeleted: .messageDeleted
        case .channelUpdated: .channelUpdated
        case .channelMemberJoined: .channelMemberJoined
        case .channelMemberLeft: .channelMemberLeft
        case .callUpdated: .callUpdated
        case .channelJoined: .channelJoined
        case .channelLeft: .channelLeft
        case .workspaceJoined: .workspaceJoined
        case .sessionRevoked: .sessionRevoked
        case .channelCreated: .channelCreated
        case .workspaceMemberJoined: .workspaceMemberJoined
        case .userUpdated: .userUpdated
        }
    }

    /// The `data` of the frame.
    package var payload: any WireObject {
        switch self {
        case .messageCreated(let payload), .messageEdited(let payload): payload
        case .messageDeleted(let payload): payload
        case .channelUpdated(let payload), .channelCreated(let payload): payload
        case .channelMemberJoined(let payload): payload
        case .channelMemberLeft(let payload): payload
        case .callUpdated(let payload): payload
        case .channelJoined(let payload): payload
        case .channelLeft(let payload): payload
        case .workspaceJoined(let payload): payload
        case .sessionRevoked(let payload): payload
        case .workspaceMemberJoined(let payload): payload
        case .userUpdated(let payload): payload
        }
    }

    /// What the event changes for the user's open connections; only events of user streams change anything.
    package var effects: [AccessEffect] {
        switch self {
        case .channelJoined(let payload): [.join(Cursor(stream: .channel(payload.channel.id), seq: payload.seq))]
        case .channelLeft(let payload): [.leave(.channel(payload.channelID))]
        case .workspaceJoined(let payload):
            [.join(Cursor(stream: .workspace(payload.workspace.id), seq: payload.seq))]
        case .sessionRevoked(let payload): [.revoke(payload.sessionID)]
        default: []
        }
    }

    init<Key>(name: EventName, from container: KeyedDecodingContainer<Key>, forKey key: Key) throws {
        func data<Payload: WireObject>() throws -> Payload { try container.decode(Payload.self, forKey: key) }
        self =
            switch name {
            case .messageCreated: .messageCreated(try data())
            case .messageEdited: .messageEdited(try data())
            case .messageDeleted: .messageDeleted(try data())
            case .channelUpdated: .channelUpdated(try data())
            case .channelMemberJoined: .channelMemberJoined(try data())
            case .channelMemberLeft: .channelMemberLeft(try data())
            case .callUpdated: .callUpdated(try data())
            case .channelJoined: .channelJoined(try data())
            case .channelLeft: .channelLeft(try data())
            case .workspaceJoined: .workspaceJoined(try data())
            case .sessionRevoked: .sessionRevoked(try data())
            case .channelCreated: .channelCreated(try data())
            case .workspaceMemberJoined: .workspaceMemberJoined(try data())
            case .userUpdated: .userUpdated(try data())
            }
    }
}

package struct MessageDeleted: WireObject, Hashable {
    package static let summary = "A message is gone; nothing of its text is kept."
    package let id: MessageID
    package let channelID: ChannelID
    package let version: StreamSequence

    package init(id: MessageID, channelID: ChannelID, version: StreamSequence) {
        self.id = id
        self.channelID = channelID
        self.version = version
    }
}

package struct ChannelMemberLeft: WireObject, Hashable {
    package static let summary = "A person is no longer in the channel."
    package let userID: UserID

    package init(userID: UserID) { self.userID = userID }
}

package struct ChannelJoined: WireObject, Hashable {
    package static let summary = "The user is now in a channel; its events follow from seq on."
    package let channel: Channel
    package let seq: StreamSequence

    package init(channel: Channel, seq: StreamSequence) {
        self.channel = channel
        self.seq = seq
    }
}

package struct ChannelLeft: WireObject, Hashable {
    package static let summary = "The user is no longer in a channel; its events stop."
    package let channelID: ChannelID

    package init(channelID: ChannelID) { self.channelID = channelID }
}

package struct WorkspaceJoined: WireObject, Hashable {
    package static let summary = "The user is now in a workspace; its events follow from seq on."
    package let workspace: Workspace
    package let seq: StreamSequence

    package init(workspace: Workspace, seq: StreamSequence) {
        self.workspace = workspace
        self.seq = seq
    }
}

package struct SessionRevoked: WireObject, Hashable {
    package static let summary = "A session of the user has ended."
    package let sessionID: SessionID

    package init(sessionID: SessionID) { self.sessionID = sessionID }
}
