/// The three kinds of stream. Every event of a stream may be seen by every reader of that stream.
package enum StreamKind: String, WireEnum {
    /// Messages and members of one channel, for its members.
    case channel
    /// What concerns one user alone, on all devices.
    case user
    /// Members and public channels of one workspace, for its members.
    case workspace
}

/// The number of an event in its stream: 1, 2, 3 … without gaps. 0 is the place before the first event.
package typealias StreamSequence = Int64

/// Names one stream: `channel:<uuid>`, `user:<uuid>` or `workspace:<uuid>` on the wire.
package enum StreamID: Hashable, Sendable {
    case channel(ChannelID)
    case user(UserID)
    case workspace(WorkspaceID)

    package var kind: StreamKind {
        switch self {
        case .channel: .channel
        case .user: .user
        case .workspace: .workspace
        }
    }

    /// The UUID without its kind.
    package var entity: String {
        switch self {
        case .channel(let id): id.description
        case .user(let id): id.description
        case .workspace(let id): id.description
        }
    }

    package init?(kind: StreamKind, entity: some StringProtocol) {
        switch kind {
        case .channel: if let id = ChannelID(entity) { self = .channel(id) } else { return nil }
        case .user: if let id = UserID(entity) { self = .user(id) } else { return nil }
        case .workspace: if let id = WorkspaceID(entity) { self = .workspace(id) } else { return nil }
        }
    }

    package init?(_ text: some StringProtocol) {
        guard let colon = text.firstIndex(of: ":"), let kind = StreamKind(rawValue: String(text[..<colon])) else {
            return nil
        }
        self.init(kind: kind, entity: text[text.index(after: colon)...])
    }
}

extension StreamID: CustomStringConvertible {
    package var description: String { "\(kind.rawValue):\(entity)" }
}

extension StreamID: WireScalar {
    package static var schema: ScalarSchema {
        .init(type: "string", pattern: "^(channel|user|workspace):[0-9a-f-]{36}$")
    }
    package static var example: Self { .channel(.example) }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let stream = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "A stream is its kind, a colon and a UUID, such as \(Self.example).")
        }
        self = stream
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// A place in a stream: everything up to and including `seq` is known.
package struct Cursor: WireObject, Hashable {
    package static let summary = "A place in a stream: everything up to and including seq is known."
    package let stream: StreamID
    package let seq: StreamSequence

    package init(stream: StreamID, seq: StreamSequence) {
        self.stream = stream
        self.seq = seq
    }
}
