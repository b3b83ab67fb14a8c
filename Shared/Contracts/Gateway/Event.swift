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
    case workspaceLeft = "workspace.left"
    case channelRead = "channel.read"
    case mentionCreated = "mention.created"
    case mentionRemoved = "mention.removed"
    case ringUpdated = "ring.updated"
    case sessionRevoked = "session.revoked"
    // In a workspace's stream
    case channelCreated = "channel.created"
    case channelWithdrawn = "channel.withdrawn"
    case workspaceMemberJoined = "workspace.member.joined"
    case workspaceMemberLeft = "workspace.member.left"
    case userUpdated = "user.updated"

    /// The kind of stream the event belongs to.
    package var streamKind: StreamKind {
        switch self {
        case .messageCreated, .messageEdited, .messageDeleted, .channelUpdated, .channelMemberJoined,
            .channelMemberLeft, .callUpdated:
            .channel
        case .channelJoined, .channelLeft, .workspaceJoined, .workspaceLeft, .channelRead, .mentionCreated,
            .mentionRemoved, .ringUpdated, .sessionRevoked:
            .user
        case .channelCreated, .channelWithdrawn, .workspaceMemberJoined, .workspaceMemberLeft, .userUpdated:
            .workspace
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
        case .workspaceLeft: WorkspaceLeft.self
        case .channelRead: ChannelRead.self
        case .mentionCreated, .mentionRemoved: Mention.self
        case .ringUpdated: CallRing.self
        case .sessionRevoked: SessionRevoked.self
        case .channelWithdrawn: ChannelWithdrawn.self
        case .workspaceMemberJoined: WorkspaceMember.self
        case .workspaceMemberLeft: WorkspaceMemberLeft.self
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
    case workspaceLeft(WorkspaceLeft)
    case channelRead(ChannelRead)
    case mentionCreated(Mention)
    case mentionRemoved(Mention)
    case ringUpdated(CallRing)
    case sessionRevoked(SessionRevoked)
    case channelCreated(Channel)
    case channelWithdrawn(ChannelWithdrawn)
    case workspaceMemberJoined(WorkspaceMember)
    case workspaceMemberLeft(WorkspaceMemberLeft)
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
        case .workspaceLeft: .workspaceLeft
        case .channelRead: .channelRead
        case .mentionCreated: .mentionCreated
        case .mentionRemoved: .mentionRemoved
        case .ringUpdated: .ringUpdated
        case .sessionRevoked: .sessionRevoked
        case .channelCreated: .channelCreated
        case .channelWithdrawn: .channelWithdrawn
        case .workspaceMemberJoined: .workspaceMemberJoined
        case .workspaceMemberLeft: .workspaceMemberLeft
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
        case .workspaceLeft(let payload): payload
        case .channelRead(let payload): payload
        case .mentionCreated(let payload), .mentionRemoved(let payload): payload
        case .ringUpdated(let payload): payload
        case .sessionRevoked(let payload): payload
        case .channelWithdrawn(let payload): payload
        case .workspaceMemberJoined(let payload): payload
        case .workspaceMemberLeft(let payload): payload
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
        case .workspaceLeft(let payload): [.leave(.workspace(payload.workspaceID))]
        case .sessionRevoked(let payload): [.revoke(payload.sessionID)]
        default: []
        }
    }

    /// Whether earlier events show what this one takes away.
    package var hidesEarlier: Bool {
        switch self {
        case .messageDeleted, .channelWithdrawn: true
        default: false
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
            case .workspaceLeft: .workspaceLeft(try data())
            case .channelRead: .channelRead(try data())
            case .mentionCreated: .mentionCreated(try data())
            case .mentionRemoved: .mentionRemoved(try data())
            case .ringUpdated: .ringUpdated(try data())
            case .sessionRevoked: .sessionRevoked(try data())
            case .channelCreated: .channelCreated(try data())
            case .channelWithdrawn: .channelWithdrawn(try data())
            case .workspaceMemberJoined: .workspaceMemberJoined(try data())
            case .workspaceMemberLeft: .workspaceMemberLeft(try data())
            case .userUpdated: .userUpdated(try data())
            }
    }
}

package struct MessageDeleted: WireObject, Hashable {
    package static let summary = "A message is gone; nothing of its text is kept."
    package static var fields: [String: FieldRule] {
        ["seq": FieldRule("The number of its creation, so that who counts what is unread knows whether it counted.")]
    }
    package let id: MessageID
    package let channelID: ChannelID
    package let seq: StreamSequence
    package let authorID: UserID
    package let version: StreamSequence

    package init(
        id: MessageID, channelID: ChannelID, seq: StreamSequence, authorID: UserID, version: StreamSequence
    ) {
        self.id = id
        self.channelID = channelID
        self.seq = seq
        self.authorID = authorID
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

package struct WorkspaceLeft: WireObject, Hashable {
    package static let summary = "The user is no longer in a workspace; its events stop."
    package let workspaceID: WorkspaceID

    package init(workspaceID: WorkspaceID) { self.workspaceID = workspaceID }
}

package struct WorkspaceMemberLeft: WireObject, Hashable {
    package static let summary = "A person is no longer in the workspace, nor in any channel of it."
    package let userID: UserID

    package init(userID: UserID) { self.userID = userID }
}

package struct ChannelWithdrawn: WireObject, Hashable {
    package static let summary = "A public channel has become private: who is not in it forgets it."
    package let channelID: ChannelID

    package init(channelID: ChannelID) { self.channelID = channelID }
}

package struct ChannelRead: WireObject, Hashable {
    package static let summary = "How far the user has read a channel, on whatever device."
    package static var fields: [String: FieldRule] {
        [
            "seq": FieldRule("Messages up to and including this number are read. It may go back."),
            "version": FieldRule(
                "The number of the last change of the position in the user's stream; of two the higher one is newer."),
        ]
    }
    package let channelID: ChannelID
    package let seq: StreamSequence
    package let version: StreamSequence

    package init(channelID: ChannelID, seq: StreamSequence, version: StreamSequence) {
        self.channelID = channelID
        self.seq = seq
        self.version = version
    }
}

package struct Mention: WireObject, Hashable {
    package static let summary = "A message names the user, or does so no more."
    package static var fields: [String: FieldRule] {
        ["seq": FieldRule("The number of the message's creation in the channel's stream.")]
    }
    package let messageID: MessageID
    package let channelID: ChannelID
    package let seq: StreamSequence
    package let authorID: UserID

    package init(messageID: MessageID, channelID: ChannelID, seq: StreamSequence, authorID: UserID) {
        self.messageID = messageID
        self.channelID = channelID
        self.seq = seq
        self.authorID = authorID
    }
}
