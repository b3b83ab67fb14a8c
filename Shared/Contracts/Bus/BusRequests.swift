/// Asks an API what the users of sessions may see: many at once, so that thousands who reconnect cost few statements. The
/// gateway has verified their tokens already.
package struct AccessRequest: WireObject {
    package static let summary = "Asks what the users of sessions may see."
    /// At most ``Limits/identifyBatchCount``.
    package let sessions: [SessionOfUser]

    package init(sessions: [SessionOfUser]) { self.sessions = sessions }
}

/// A session, and whose it is by its token.
package struct SessionOfUser: WireObject, Hashable {
    package static let summary = "A session and its user."
    package let userID: UserID
    package let sessionID: SessionID

    package init(userID: UserID, sessionID: SessionID) {
        self.userID = userID
        self.sessionID = sessionID
    }
}

/// What the users of the sessions that live may see. Sessions that have ended are left out. The API has put the lists into
/// Redis as well, under ``RedisKey/access(_:)``, and the sessions under ``RedisKey/session(_:)``.
package struct AccessReply: WireObject {
    package static let summary = "What the users of live sessions may see."
    package let live: [SessionID]
    package let lists: [AccessList]

    package init(live: [SessionID], lists: [AccessList]) {
        self.live = live
        self.lists = lists
    }
}

/// The streams a user may read, as of a place in the user's own stream: every change of access is an event there.
package struct AccessList: WireObject, Hashable {
    package static let summary = "The streams a user may read, besides the user's own."
    package let userID: UserID
    package let seq: StreamSequence
    package let streams: [StreamID]

    package init(userID: UserID, seq: StreamSequence, streams: [StreamID]) {
        self.userID = userID
        self.seq = seq
        self.streams = streams
    }

    /// As Redis keeps it: the place, then one stream a line.
    package var text: String { "\(seq)\n" + streams.map(\.description).joined(separator: "\n") }

    /// Reads what Redis kept; `nil` if it is no list.
    package init?(userID: UserID, utf8 text: UnsafeRawBufferPointer) {
        var rest = text[...]
        func nextLine() -> UnsafeRawBufferPointer? {
            guard !rest.isEmpty else { return nil }
            let line = rest.prefix { $0 != UInt8(ascii: "\n") }
            rest = rest.dropFirst(line.count + 1)
            return UnsafeRawBufferPointer(rebasing: line)
        }
        guard let first = nextLine(), let seq = StreamSequence(String(decoding: first, as: UTF8.self)) else {
            return nil
        }
        var streams: [StreamID] = []
        streams.reserveCapacity(rest.count / 44)
        while let line = nextLine() {
            guard let stream = StreamID(utf8: line) else { return nil }
            streams.append(stream)
        }
        self.init(userID: userID, seq: seq, streams: streams)
    }
}

/// Asks where streams stand, of whatever user.
package struct HeadsRequest: WireObject {
    package static let summary = "Asks where streams stand."
    /// At most ``Limits/headsPerRequest``.
    package let streams: [StreamID]

    package init(streams: [StreamID]) { self.streams = streams }
}

/// Where streams stand; those that do not exist are left out.
package struct HeadsReply: WireObject {
    package static let summary = "Where streams stand."
    package let heads: [Cursor]

    package init(heads: [Cursor]) { self.heads = heads }
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
