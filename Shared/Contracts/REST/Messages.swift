/// Whom a message addresses beside those it names. Resolved when it is read, not when it is sent.
package enum MentionAudience: String, WireEnum {
    /// Every member of the channel.
    case all
    /// The members who are online; what is unread counts it for every member.
    case here
}

/// What the system wrote into a channel on behalf of a message's author.
package enum MessageNotice: String, WireEnum {
    /// The author called, and the other person of the conversation was not reached.
    case missedCall
}

package struct Message: WireObject, Hashable {
    package static let summary = "A message of a channel."
    package static var fields: [String: FieldRule] {
        [
            "seq": FieldRule("The number of its creation in the channel's stream: messages are ordered by it."),
            "idempotencyKey": FieldRule("The key its author sent it with."),
            "editedAt": FieldRule("Absent if it never changed."),
            "mentions": FieldRule(
                "Members of the channel whom it names by @username, in ascending order.",
                count: 0...Limits.mentionsPerMessage),
            "audience": FieldRule("Absent if it addresses nobody but those it names."),
            "attachments": FieldRule(
                "Files, in the order in which they were sent; absent if there are none.",
                count: 1...Limits.attachmentsPerMessage),
            "notice": FieldRule(
                "Absent for what a person wrote. A notice counts as unread like any message; nobody edits or deletes it."
            ),
            "version": FieldRule(
                "The number of its last change in the channel's stream; of two states the higher one is newer."),
        ]
    }
    package let id: MessageID
    package let channelID: ChannelID
    package let seq: StreamSequence
    package let authorID: UserID
    package let content: String
    package let idempotencyKey: String
    package let createdAt: Timestamp
    package let editedAt: Timestamp?
    package let mentions: [UserID]
    package let audience: MentionAudience?
    package let notice: MessageNotice?
    package let attachments: [Attachment]?
    package let version: StreamSequence

    package init(
        id: MessageID, channelID: ChannelID, seq: StreamSequence, authorID: UserID, content: String,
        idempotencyKey: String, createdAt: Timestamp, editedAt: Timestamp?, mentions: [UserID],
        audience: MentionAudience?, notice: MessageNotice? = nil, attachments: [Attachment]? = nil,
        version: StreamSequence
    ) {
        self.id = id
        self.channelID = channelID
        self.seq = seq
        self.authorID = authorID
        self.content = content
        self.idempotencyKey = idempotencyKey
        self.createdAt = createdAt
        self.editedAt = editedAt
        self.mentions = mentions
        self.audience = audience
        self.notice = notice
        self.attachments = attachments
        self.version = version
    }
}

package struct SendMessageRequest: WireObject {
    package static let summary = "Sends a message. The same key in the same channel returns the first message."
    package static var fields: [String: FieldRule] {
        [
            "content": FieldRule(
                "Text; at most \(Limits.messageByteCount) bytes of UTF-8. It may be empty if there are attachments.",
                count: 0...Limits.messageScalarCount.upperBound),
            "attachments": FieldRule(
                "One's own uploads to this channel that are complete and in no message yet, each once.",
                count: 0...Limits.attachmentsPerMessage),
            "idempotencyKey": FieldRule(
                "Chosen by the client, one a message, kept for good.", pattern: Limits.idempotencyKeyPattern),
        ]
    }
    package let content: String
    package let idempotencyKey: String
    package let attachments: [FileID]?

    package init(content: String, idempotencyKey: String, attachments: [FileID]? = nil) {
        self.content = content
        self.idempotencyKey = idempotencyKey
        self.attachments = attachments
    }
}

package struct EditMessageRequest: WireObject {
    package static let summary = "Replaces the text of one's own message."
    package static var fields: [String: FieldRule] { ["content": FieldRule(count: Limits.messageScalarCount)] }
    package let content: String

    package init(content: String) { self.content = content }
}

package struct MessagePage: WireObject {
    package static let summary = "Messages of a channel, the oldest first."
    package static var fields: [String: FieldRule] {
        [
            "before": FieldRule("Pass it as `before` to read older ones; absent when there are none."),
            "after": FieldRule("Pass it as `after` to read newer ones; absent when there are none."),
            "seq": FieldRule("The page shows the channel as of this place in its stream."),
        ]
    }
    package let messages: [Message]
    package let before: String?
    package let after: String?
    package let seq: StreamSequence

    package init(messages: [Message], before: String?, after: String?, seq: StreamSequence) {
        self.messages = messages
        self.before = before
        self.after = after
        self.seq = seq
    }
}
