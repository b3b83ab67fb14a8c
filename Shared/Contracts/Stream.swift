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

    package init?(kind: StreamKind, entity: some StringProtocol) { self.init("\(kind.rawValue):\(entity)") }

    package init?(_ text: some StringProtocol) {
        let known = text.utf8.withContiguousStorageIfAvailable { Self(utf8: UnsafeRawBufferPointer($0)) }
        guard let stream = known ?? Array(text.utf8).withUnsafeBytes({ Self(utf8: $0) }) else { return nil }
        self = stream
    }

    /// Reads the text as UTF-8.
    package init?(utf8 bytes: UnsafeRawBufferPointer) {
        guard let first = bytes.first,
            let kind: StreamKind =
                switch first {
                case UInt8(ascii: "c"): .channel
                case UInt8(ascii: "u"): .user
                case UInt8(ascii: "w"): .workspace
                default: nil
                }
        else { return nil }
        let prefix = kind.prefix
        let count = prefix.utf8CodeUnitCount
        guard bytes.count == count + UUIDText.count,
            prefix.withUTF8Buffer({ $0.elementsEqual(bytes.prefix(count)) }),
            let words = UUIDText.read(UnsafeRawBufferPointer(rebasing: bytes[count...]))
        else { return nil }
        switch kind {
        case .channel: self = .channel(ChannelID(high: words.high, low: words.low))
        case .user: self = .user(UserID(high: words.high, low: words.low))
        case .workspace: self = .workspace(WorkspaceID(high: words.high, low: words.low))
        }
    }

    /// Its text as UTF-8, given to `body`.
    package func withUTF8<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeTemporaryAllocation(byteCount: Self.maximumByteCount, alignment: 1) { text in
            let prefix = kind.prefix
            let count = prefix.utf8CodeUnitCount
            prefix.withUTF8Buffer { text.copyMemory(from: UnsafeRawBufferPointer($0)) }
            let (high, low) = words
            let end = count + UUIDText.write(high, low, to: UnsafeMutableRawBufferPointer(rebasing: text[count...]))
            return body(UnsafeRawBufferPointer(rebasing: text[..<end]))
        }
    }

    private static let maximumByteCount = 10 + UUIDText.count

    private var words: (high: UInt64, low: UInt64) {
        switch self {
        case .channel(let id): (id.high, id.low)
        case .user(let id): (id.high, id.low)
        case .workspace(let id): (id.high, id.low)
        }
    }
}

extension StreamKind {
    /// What stands before the UUID.
    fileprivate var prefix: StaticString {
        switch self {
        case .channel: "channel:"
        case .user: "user:"
        case .workspace: "workspace:"
        }
    }
}

extension StreamID: CustomStringConvertible {
    package var description: String { withUTF8 { String(decoding: $0, as: UTF8.self) } }
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

    /// Reads a place. No stream is at a negative one, and to count from it could overflow.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        stream = try container.decode(StreamID.self, forKey: .stream)
        seq = try container.decode(StreamSequence.self, forKey: .seq)
        guard seq >= 0 else {
            throw DecodingError.dataCorruptedError(
                forKey: .seq, in: container, debugDescription: "A place in a stream is not negative.")
        }
    }
}
