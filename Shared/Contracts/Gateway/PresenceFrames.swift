/// How reachable a person is: the best of the live connections, except that `busy` on any device wins over the others.
package enum PresenceState: String, WireEnum {
    case online
    /// Connected, but nobody has touched the device for a while.
    case idle
    /// Do not disturb: connected, and wants no notifications.
    case busy
    /// No live connection, or one that wants to look so.
    case offline
}

package struct PresenceStatus: WireObject, Hashable {
    package static let summary = "What a person says of themselves, such as a palm tree and “On holiday until Monday”."
    package static var fields: [String: FieldRule] {
        ["emoji": FieldRule(count: Limits.statusEmojiCount), "text": FieldRule(count: Limits.statusTextCount)]
    }
    package let emoji: String?
    package let text: String

    package init(emoji: String?, text: String) {
        self.emoji = emoji
        self.text = text
    }
}

package struct PresenceUpdate: WireObject {
    package static let summary =
        "What this connection says of its user. Until the first one a connection that identified counts as online."
    package static var fields: [String: FieldRule] {
        ["status": FieldRule("Of the whole person; the last device that sent one counts. Absent removes it.")]
    }
    package let state: PresenceState
    package let status: PresenceStatus?

    package init(state: PresenceState, status: PresenceStatus?) {
        self.state = state
        self.status = status
    }
}

package struct PresenceWatch: WireObject {
    package static let summary =
        "Whose presence the client shows now, all of them; replaces the earlier watch. A `presence` frame with their states "
        + "answers it, and changes follow."
    package static var fields: [String: FieldRule] {
        [
            "userIDs": FieldRule(
                "Members of the workspace; anyone else looks offline.", count: 0...Limits.presenceWatchCount)
        ]
    }
    package let workspaceID: WorkspaceID
    package let userIDs: [UserID]

    package init(workspaceID: WorkspaceID, userIDs: [UserID]) {
        self.workspaceID = workspaceID
        self.userIDs = userIDs
    }
}

package struct UserPresence: WireObject, Hashable {
    package static let summary = "How reachable a person is."
    package let userID: UserID
    package let state: PresenceState
    package let status: PresenceStatus?

    package init(userID: UserID, state: PresenceState, status: PresenceStatus?) {
        self.userID = userID
        self.state = state
        self.status = status
    }
}

package struct PresenceStates: WireObject {
    package static let summary = "The presence of people who are watched: all of them after a watch, then what changed."
    package let users: [UserPresence]

    package init(users: [UserPresence]) { self.users = users }
}

package struct Typing: WireObject {
    package static let summary =
        "The user is writing in a channel, or has stopped. Sent again each two seconds while it goes on."
    package let channelID: ChannelID
    package let isTyping: Bool

    package init(channelID: ChannelID, isTyping: Bool) {
        self.channelID = channelID
        self.isTyping = isTyping
    }
}

package struct TypingState: WireObject {
    package static let summary = "Someone else is writing in a channel; over three seconds after the last one."
    package let channelID: ChannelID
    package let userID: UserID
    package let isTyping: Bool

    package init(channelID: ChannelID, userID: UserID, isTyping: Bool) {
        self.channelID = channelID
        self.userID = userID
        self.isTyping = isTyping
    }
}
