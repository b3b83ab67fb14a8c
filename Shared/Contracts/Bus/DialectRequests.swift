// What the Socket.IO dialect of a gateway asks an API: its clients have no HTTP.

/// Gateway → API: the newest messages of a channel from a time on.
///
/// Failures: `not_found` for a channel that the user is not in, `validation_failed` for a limit out of bounds.
package struct HistoryRequest: WireObject {
    package static let summary = "Asks for the newest messages of a channel from a time on."
    package static var fields: [String: FieldRule] {
        [
            "limit": FieldRule("Messages, 1 to \(Limits.historyCount)."),
            "since": FieldRule("Absent for the newest of all."),
        ]
    }
    package let userID: UserID
    package let channelID: ChannelID
    package let since: Timestamp?
    package let limit: Int

    package init(userID: UserID, channelID: ChannelID, since: Timestamp?, limit: Int) {
        self.userID = userID
        self.channelID = channelID
        self.since = since
        self.limit = limit
    }
}

package struct HistoryReply: WireObject {
    package static let summary = "The newest messages of a channel from a time on."
    package static var fields: [String: FieldRule] {
        [
            "messages": FieldRule("In their order."),
            "hasMore": FieldRule("Whether older ones from that time on were left out."),
        ]
    }
    package let messages: [Message]
    package let hasMore: Bool

    package init(messages: [Message], hasMore: Bool) {
        self.messages = messages
        self.hasMore = hasMore
    }
}

/// Gateway → API: who these people are. They come from events that the gateway's client may see.
package struct PeopleRequest: WireObject {
    package static let summary = "Asks who people are."
    package static var fields: [String: FieldRule] { ["userIDs": FieldRule(count: 0...Limits.rosterCount)] }
    package let userIDs: [UserID]

    package init(userIDs: [UserID]) { self.userIDs = userIDs }
}

package struct PeopleReply: WireObject {
    package static let summary = "Who people are; those who do not exist are left out."
    package let users: [User]

    package init(users: [User]) { self.users = users }
}

/// Gateway → API: the members of a channel that the user is in, or without one those of all workspaces of the user.
///
/// Failures: `not_found` for a channel that the user is not in.
package struct RosterRequest: WireObject {
    package static let summary = "Asks who is in a channel, or in the user's workspaces."
    package let userID: UserID
    package let channelID: ChannelID?

    package init(userID: UserID, channelID: ChannelID?) {
        self.userID = userID
        self.channelID = channelID
    }
}

package struct RosterReply: WireObject {
    package static let summary = "People by workspace, in all at most the bound of a roster."
    package let rosters: [WorkspaceRoster]

    package init(rosters: [WorkspaceRoster]) { self.rosters = rosters }
}

package struct WorkspaceRoster: WireObject {
    package static let summary = "People of one workspace."
    package let workspaceID: WorkspaceID
    package let users: [User]

    package init(workspaceID: WorkspaceID, users: [User]) {
        self.workspaceID = workspaceID
        self.users = users
    }
}

/// Gateway → API: the user has read a channel, up to a message or to its end. Answered by ``ChannelUnread``.
///
/// Failures: `not_found` for a channel that the user is not in.
package struct BusReadRequest: WireObject {
    package static let summary = "Marks a channel as read for a user."
    package static var fields: [String: FieldRule] {
        ["messageID": FieldRule("Up to this message; absent: all that there is.")]
    }
    package let userID: UserID
    package let channelID: ChannelID
    package let messageID: MessageID?

    package init(userID: UserID, channelID: ChannelID, messageID: MessageID?) {
        self.userID = userID
        self.channelID = channelID
        self.messageID = messageID
    }
}
