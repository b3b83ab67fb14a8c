/// The first line of an event on the bus: `<seq>` and, for the few events that change what a connection may see, one
/// word an ``AccessEffect``. After one line feed follows the encoded ``EventFrame``: the very bytes that every client
/// gets, so that a gateway neither decodes nor encodes JSON to deliver it.
package struct StreamEnvelope: Hashable, Sendable {
    package let seq: StreamSequence
    package let effects: [AccessEffect]

    package init(seq: StreamSequence, effects: [AccessEffect] = []) {
        self.seq = seq
        self.effects = effects
    }

    /// The header line without its line feed.
    package var header: String {
        effects.isEmpty ? "\(seq)" : "\(seq) " + effects.map(\.text).joined(separator: " ")
    }

    /// Reads a header line; `nil` if it is none.
    package init?(header: some StringProtocol) {
        let words = header.split(separator: " ")
        guard let first = words.first, let seq = StreamSequence(first), seq > 0 else { return nil }
        var effects: [AccessEffect] = []
        for word in words.dropFirst() {
            guard let effect = AccessEffect(text: word) else { return nil }
            effects.append(effect)
        }
        self.init(seq: seq, effects: effects)
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
            guard let at = value.firstIndex(of: "@"), let stream = StreamID(value[..<at]),
                let seq = StreamSequence(value[value.index(after: at)...])
            else { return nil }
            self = .join(Cursor(stream: stream, seq: seq))
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
