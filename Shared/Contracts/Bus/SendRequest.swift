/// Gateway → API: sends a message for a user whose client has no HTTP (the Socket.IO dialect). It goes through the same
/// action as the endpoint `sendMessage`. The key makes it idempotent: asked again, it answers the message it stored.
package struct BusSendRequest: WireObject {
    package static let summary = "Sends a message for a session."
    package static var fields: [String: FieldRule] {
        [
            "content": FieldRule(
                "Text; at most \(Limits.messageByteCount) bytes of UTF-8.", count: Limits.messageScalarCount),
            "idempotencyKey": FieldRule(
                "Chosen by the client, one a message, kept for good.", pattern: Limits.idempotencyKeyPattern),
        ]
    }
    package let userID: UserID
    /// The gateway has verified its token; the API checks that it lives.
    package let sessionID: SessionID
    package let channelID: ChannelID
    package let content: String
    package let idempotencyKey: String

    package init(
        userID: UserID, sessionID: SessionID, channelID: ChannelID, content: String, idempotencyKey: String
    ) {
        self.userID = userID
        self.sessionID = sessionID
        self.channelID = channelID
        self.content = content
        self.idempotencyKey = idempotencyKey
    }
}

/// How a ``BusSendRequest`` fared: either `message` or `failure` is there.
///
/// What the user did wrong is in `failure` (`validation_failed`, `muted`, `forbidden`, `not_found`, `session_revoked`); what
/// may work when asked again is a failure of the bus itself (`unavailable`, `internal_error`).
package struct BusSendReply: WireObject, Hashable {
    package static let summary = "The stored message, or why there is none."
    package static var fields: [String: FieldRule] {
        [
            "message": FieldRule("The message as it was stored, or the one its key had stored before."),
            "isDuplicate": FieldRule("Whether its key had stored it before: then it is not broadcast again."),
            "mutedForMilliseconds": FieldRule("How long the mute lasts from now, with the failure `muted`."),
            "failure": FieldRule("Absent when there is a message."),
            "detail": FieldRule("One sentence about the failure, for people."),
        ]
    }
    package let message: Message?
    package let isDuplicate: Bool
    package let mutedForMilliseconds: Int?
    package let failure: ErrorCode?
    package let detail: String?

    /// The message, and whether its key had stored it before.
    package init(message: Message, isDuplicate: Bool) {
        self.message = message
        self.isDuplicate = isDuplicate
        mutedForMilliseconds = nil
        failure = nil
        detail = nil
    }

    /// Why there is no message.
    package init(failure: ErrorCode, detail: String?, mutedForMilliseconds: Int? = nil) {
        message = nil
        isDuplicate = false
        self.mutedForMilliseconds = mutedForMilliseconds
        self.failure = failure
        self.detail = detail
    }
}
