/// The first line of an event on the bus: `<seq>`; `hides` if earlier events of the stream must not be shown any more; and,
/// for the few events that change what a connection may see, one word an ``AccessEffect``. After one line feed follows the encoded ``EventFrame``: the very bytes that every client
/// gets, so that a gateway neither decodes nor encodes JSON to deliver it.
package struct StreamEnvelope: Hashable, Sendable {
    package let seq: StreamSequence
    package let effects: [AccessEffect]
    /// Earlier events show what this one takes away, such as the text of a deleted message: nobody who keeps them may give
    /// them out any more.
    package let hidesEarlier: Bool

    package init(seq: StreamSequence, effects: [AccessEffect] = [], hidesEarlier: Bool = false) {
        self.seq = seq
        self.effects = effects
        self.hidesEarlier = hidesEarlier
    }

    private static let hidesWord = "hides"

    /// The header line without its line feed.
    package var header: String {
        ([seq.description] + (hidesEarlier ? [Self.hidesWord] : []) + effects.map(\.text)).joined(separator: " ")
    }

    /// Reads a header line; `nil` if it is none.
    package init?(header: some StringProtocol) {
        let words = header.split(separator: " ")
        guard let first = words.first, let seq = StreamSequence(first), seq > 0 else { return nil }
        var effects: [AccessEffect] = []
        let hidesEarlier = words.count > 1 && words[1] == Self.hidesWord
        for word in words.dropFirst(hidesEarlier ? 2 : 1) {
            guard let effect = AccessEffect(text: word) else { return nil }
            effects.append(effect)
        }
        self.init(seq: seq, effects: effects, hidesEarlier: hidesEarlier)
    }
}

/// The first line of what is told on a channel's topic and never stored: `typing <user>` or `quiet <user>`. After one
/// line feed follows the ``ServerFrame`` that every reader gets but the user's own connections.
package struct EphemeralEnvelope: Hashable, Sendable {
    package let userID: UserID
    package let isTyping: Bool

    package init(userID: UserID, isTyping: Bool) {
        self.userID = userID
        self.isTyping = isTyping
    }

    /// The header line without its line feed.
    package var header: String { "\(isTyping ? "typing" : "quiet") \(userID)" }

    /// Reads a header line; `nil` if it is none.
    package init?(header: some StringProtocol) {
        let words = header.split(separator: " ")
        guard words.count == 2, words[0] == "typing" || words[0] == "quiet", let user = UserID(words[1]) else {
            return nil
        }
        self.init(userID: user, isTyping: words[0] == "typing")
    }
}

/// One member of a stream's tail in Redis: the id of the object that the event is about, a line feed, and the event as it
/// is published: a ``StreamEnvelope``, a line feed, and the encoded frame.
///
/// When a message is deleted its earlier entries are replaced by tombstones, found by the object's id.
package enum TailEntry {
    /// Bytes of the object's id and the line feed after it.
    package static let objectByteCount = 37
}

/// The heads of streams that changed lately: one line a stream, `<stream>@<seq>`.
package struct HeadsNotice: Hashable, Sendable {
    package let heads: [Cursor]

    package init(heads: [Cursor]) { self.heads = heads }

    package var text: String { heads.map { "\($0.stream)@\($0.seq)" }.joined(separator: "\n") }

    /// Reads the text; lines that are no heads are left out.
    package init(text: some StringProtocol) { heads = text.split(separator: "\n").compactMap(Cursor.init(text:)) }
}

extension Cursor {
    /// Reads `<stream>@<seq>`; `nil` if it is none.
    package init?(text: some StringProtocol) {
        guard let at = text.firstIndex(of: "@"), let stream = StreamID(text[..<at]),
            let seq = StreamSequence(text[text.index(after: at)...]), seq >= 0
        else { return nil }
        self.init(stream: stream, seq: seq)
    }
}

/// What an event of a user's stream changes for that user's open connections.
package enum AccessEffect: Hashable, Sendable {
    /// `join=<stream>@<seq>`: delivery of the stream starts after `seq`.
    case join(Cursor)
    /// `leave=<stream>`: delivery of the stream stops here.
    case leave(StreamID)
    /// `revoke=<session>`: connections of the session end.
    case revoke(SessionID)

    var text: String {
        switch self {
        case .join(let cursor): "join=\(cursor.stream)@\(cursor.seq)"
        case .leave(let stream): "leave=\(stream)"
        case .revoke(let session): "revoke=\(session)"
        }
    }

    init?(text: some StringProtocol) {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        let value = text[text.index(after: equals)...]
        switch text[..<equals] {
        case "join":
            guard let cursor = Cursor(text: value) else { return nil }
            self = .join(cursor)
        case "leave":
            guard let stream = StreamID(value) else { return nil }
            self = .leave(stream)
        case "revoke":
            guard let session = SessionID(value) else { return nil }
            self = .revoke(session)
        default:
            return nil
        }
    }
}
