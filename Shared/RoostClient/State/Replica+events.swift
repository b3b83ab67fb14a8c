import Contracts

extension Replica {
    /// Applies an event: applying it again, or after a later state of the same thing was loaded, changes nothing.
    mutating func apply(_ frame: EventFrame) {
        switch (frame.event, frame.stream) {
        case (.messageCreated(let message), _), (.messageEdited(let message), _): apply(message)
        case (.messageDeleted(let deleted), _): channels[deleted.channelID]?.messages[deleted.id] = nil
        case (.channelUpdated(let channel), _): apply(channel)
        case (.channelCreated(let channel), _):
            withdrawn.remove(channel.id)
            apply(channel)
        case (.channelWithdrawn(let channel), _): withdraw(channel.channelID)
        case (.channelMemberJoined(let member), .channel(let id)):
            users[member.user.id] = member.user
            channels[id]?.members[member.user.id] = member.joinedAt
        case (.channelMemberLeft(let member), .channel(let id)): channels[id]?.members[member.userID] = nil
        case (.callUpdated(let call), _): apply(call)
        case (.channelJoined(let joined), _): apply(joined, at: frame.seq)
        case (.channelRead(let read), _):
            apply(ReadPosition(seq: read.seq, version: read.version), in: read.channelID)
        case (.workspaceJoined(let joined), _): workspaces[joined.workspace.id]?.workspace = joined.workspace
        case (.workspaceMemberJoined(let member), .workspace(let id)): apply(member, of: id)
        case (.workspaceMemberLeft(let member), .workspace(let id)): workspaces[id]?.members[member.userID] = nil
        case (.userUpdated(let user), _): apply(user)
        // What is read is said by the streams, the end of the session by the close code; a mention is part of its message,
        // and the replica takes no calls.
        case (.channelLeft, _), (.workspaceLeft, _), (.sessionRevoked, _), (.mentionCreated, _), (.mentionRemoved, _),
            (.ringUpdated, _),
            // Events of one kind of stream in another do not exist.
            (.channelMemberJoined, _), (.channelMemberLeft, _), (.workspaceMemberJoined, _), (.workspaceMemberLeft, _):
            break
        }
    }

    /// Of two states of a message the one with the higher version is newer.
    private mutating func apply(_ message: Message) {
        if let known = channels[message.channelID]?.messages[message.id], known.version > message.version { return }
        channels[message.channelID]?.messages[message.id] = message
    }

    /// Who joins has read everything before. Joined again while this client was away, an earlier position is void.
    private mutating func apply(_ joined: ChannelJoined, at version: StreamSequence) {
        guard channels[joined.channel.id] != nil else { return }
        apply(joined.channel)
        apply(ReadPosition(seq: joined.seq, version: version), in: joined.channel.id)
    }

    private mutating func withdraw(_ channel: ChannelID) {
        withdrawn.insert(channel)
        if channels[channel] == nil { directory[channel] = nil }
    }

    private mutating func apply(_ changed: User) {
        users[changed.id] = changed
        guard changed.id == user.id else { return }
        user = CurrentUser(
            id: user.id, username: changed.username, displayName: changed.displayName, email: user.email,
            createdAt: user.createdAt)
    }
}
