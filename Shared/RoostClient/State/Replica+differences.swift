package import Contracts

extension Replica {
    /// What is unread in a channel, counted from what the replica has: never a counter that runs.
    package func unread(in id: ChannelID) -> (count: Int, mentions: Int) {
        guard let channel = channels[id] else { return (0, 0) }
        let read = positions[id]?.seq ?? 0
        let unread = channel.messages.values.filter { $0.seq > read && $0.authorID != user.id }
        let mentions = unread.count { $0.audience != nil || $0.mentions.contains(user.id) }
        return (min(unread.count, Limits.unreadCount), min(mentions, Limits.unreadCount))
    }

    /// Where this replica is not what a fresh one of the same user is, a sentence each; empty when they are equal.
    /// - Precondition: nothing changed in Roost between the last event of this one and the snapshot.
    package func differences(from fresh: Replica) -> [String] {
        var found = difference("user", user, fresh.user)
        found += difference("workspaces", Set(workspaces.keys), Set(fresh.workspaces.keys))
        for (id, workspace) in workspaces {
            guard let other = fresh.workspaces[id] else { continue }
            found += difference("workspace \(id)", workspace.workspace, other.workspace)
            found += entries("member of workspace \(id)", workspace.members, other.members)
        }
        found += difference("channels", Set(channels.keys), Set(fresh.channels.keys))
        found += difference("channels in the directory", Set(directory.keys), Set(fresh.directory.keys))
        for (id, channel) in channels {
            guard let other = fresh.channels[id] else { continue }
            // Of a channel that one is not in, only its existence is told.
            found += difference("channel \(id)", directory[id], fresh.directory[id])
            found += entries("member of channel \(id)", channel.members, other.members)
            found += entries("message in channel \(id)", channel.messages, other.messages)
            found += difference("call in \(id)", channel.call?.participants ?? [], other.call?.participants ?? [])
            found += difference("unread in \(id)", "\(unread(in: id))", "\(fresh.unread(in: id))")
        }
        // People who have left are remembered by the one and unknown to the other.
        let shared = Set(users.keys).intersection(fresh.users.keys)
        found += entries(
            "user", users.filter { shared.contains($0.key) }, fresh.users.filter { shared.contains($0.key) })
        return found
    }

    private func difference<Value: Equatable>(_ what: String, _ mine: Value, _ fresh: Value) -> [String] {
        mine == fresh ? [] : ["\(what): the replica has \(mine), a fresh snapshot \(fresh)"]
    }

    private func entries<Key: Hashable, Value: Equatable>(
        _ what: String, _ mine: [Key: Value], _ fresh: [Key: Value]
    ) -> [String] {
        Set(mine.keys).union(fresh.keys).flatMap { key in
            difference("\(what) \(key)", mine[key].map { "\($0)" } ?? "none", fresh[key].map { "\($0)" } ?? "none")
        }
    }
}
