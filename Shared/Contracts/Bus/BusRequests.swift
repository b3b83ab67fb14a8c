/// Asks an API instance what a session may see. The gateway has verified the token already.
package struct IdentifyRequest: WireObject {
    package static let summary = "Asks what a session may see."
    package let userID: UserID
    package let sessionID: SessionID

    package init(userID: UserID, sessionID: SessionID) {
        self.userID = userID
        self.sessionID = sessionID
    }
}

/// What a session may see now. An ended session is answered with the failure `session_revoked` instead.
package struct IdentifyReply: WireObject {
    package static let summary = "Who a session is and the streams it may read."
    package let user: User
    /// All streams of the user, each with the number of its last event; the user's own stream is the first.
    package let heads: [Cursor]

    package init(user: User, heads: [Cursor]) {
        self.user = user
        self.heads = heads
    }
}

/// Asks for the events after each cursor. Cursors of streams the user may not read are left out of the answer.
package struct ReplayRequest: WireObject {
    package static let summary = "Asks for the events after each cursor."
    /// Whose access counts. Absent when a gateway mends a gap of streams it carries: then all are answered.
    package let userID: UserID?
    package let cursors: [Cursor]

    package init(userID: UserID?, cursors: [Cursor]) {
        self.userID = userID
        self.cursors = cursors
    }
}

/// The first line of a replay's body. One ``ReplayLine`` an event follows, in stream order.
package struct ReplayReply: WireObject {
    package static let summary = "Where each replayed stream stands after the events that follow."
    /// How far each readable stream is covered by this answer.
    package let covered: [Cursor]
    /// Streams whose cursor lies past the horizon: load them anew, then go on from here.
    package let resets: [Cursor]
    /// Whether events remain: ask again from `covered`.
    package let hasMore: Bool

    package init(covered: [Cursor], resets: [Cursor], hasMore: Bool) {
        self.covered = covered
        self.resets = resets
        self.hasMore = hasMore
    }
}

/// One event in a replay's body: `<stream> <envelope header>` and the frame, each ended by a line feed.
package struct ReplayLine: Hashable, Sendable {
    package let stream: StreamID
    package let envelope: StreamEnvelope

    package init(stream: StreamID, envelope: StreamEnvelope) {
        self.stream = stream
        self.envelope = envelope
    }

    package var header: String { "\(stream) \(envelope.header)" }

    package init?(header: some StringProtocol) {
        guard let space = header.firstIndex(of: " "), let stream = StreamID(header[..<space]),
            let envelope = StreamEnvelope(header: header[header.index(after: space)...])
        else { return nil }
        self.init(stream: stream, envelope: envelope)
    }
}
