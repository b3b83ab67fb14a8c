package import Contracts

/// The state of one stream as HTTP shows it, at or after the place from which its events follow.
package enum StreamSnapshot: Equatable, Sendable {
    case channel(Channel, members: [ChannelMember], messages: [Message], call: ChannelCall, unread: ChannelUnread)
    case workspace(members: [WorkspaceMember], channels: [Channel])
    case user(Bootstrap)
    /// It may not be seen any more; the event that says so is on its way.
    case gone
}

extension Replica {
    mutating func apply(_ snapshot: StreamSnapshot, of stream: StreamID) {
        switch (snapshot, stream) {
        case (.user(let bootstrap), _): apply(bootstrap)
        case (.workspace(let members, let channels), .workspace(let id)):
            guard workspaces[id] != nil else { return }
            workspaces[id]?.members = [:]
            for member in members { apply(member, of: id) }
            let shown = Set(channels.map(\.id))
            directory = directory.filter { $0.value.workspaceID != id || shown.contains($0.key) }
            for channel in channels { apply(channel) }
        case (.channel(let channel, let members, let messages, let call, let unread), .channel(let id)):
            guard channels[id] != nil else { return }
            apply(channel)
            channels[id]?.members = Dictionary(members.map { ($0.user.id, $0.joinedAt) }) { $1 }
            channels[id]?.messages = Dictionary(messages.map { ($0.id, $0) }) { $1 }
            channels[id]?.call = call
            apply(unread)
            for member in members { users[member.user.id] = member.user }
        default: break
        }
    }

    /// Takes what concerns the user alone. Which channels and workspaces are read is said by the streams.
    mutating func apply(_ snapshot: Bootstrap) {
        user = snapshot.user
        users[user.id] = User(id: user.id, username: user.username, displayName: user.displayName)
        for workspace in snapshot.workspaces { workspaces[workspace.id]?.workspace = workspace }
        for channel in snapshot.channels { apply(channel) }
        for call in snapshot.calls { apply(call) }
        for unread in snapshot.unread { apply(unread) }
    }

    mutating func apply(_ member: WorkspaceMember, of workspace: WorkspaceID) {
        users[member.user.id] = member.user
        workspaces[workspace]?.members[member.user.id] = Membership(role: member.role, joinedAt: member.joinedAt)
    }

    /// Of two states of a channel the one with the higher version is newer.
    mutating func apply(_ channel: Channel) {
        if let known = directory[channel.id], known.version >= channel.version { return }
        directory[channel.id] = channel
    }

    mutating func apply(_ call: ChannelCall) {
        if let known = channels[call.channelID]?.call, known.version >= call.version { return }
        channels[call.channelID]?.call = call
    }

    mutating func apply(_ unread: ChannelUnread) {
        apply(ReadPosition(seq: unread.readSeq, version: unread.version), in: unread.channelID)
    }

    /// Of two positions the one with the higher version is newer.
    mutating func apply(_ position: ReadPosition, in channel: ChannelID) {
        guard channels[channel] != nil else { return }
        if let known = positions[channel], known.version > position.version { return }
        positions[channel] = position
    }
}
