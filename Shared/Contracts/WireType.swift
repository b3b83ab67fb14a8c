/// A value that crosses the wire as one JSON string or number.
package protocol WireScalar: Codable, Sendable {
    /// How JSON Schema says it.
    static var schema: ScalarSchema { get }
    /// A valid value, for examples and for reading a type's shape.
    static var example: Self { get }
}

/// JSON Schema of a scalar.
package struct ScalarSchema: Sendable, Equatable {
    package let type: String
    package let format: String?
    package let pattern: String?

    package init(type: String, format: String? = nil, pattern: String? = nil) {
        self.type = type
        self.format = format
        self.pattern = pattern
    }
}

/// A closed set of strings on the wire.
package protocol WireEnum: RawRepresentable<String>, CaseIterable, Codable, Sendable, Hashable {}

/// A JSON object on the wire. Its `Codable` shape is the single source of the published schema: the generator decodes
/// the type with a decoder that records what it is asked for.
package protocol WireObject: Codable, Sendable, Equatable {
    /// One sentence for the published documents.
    static var summary: String { get }
    /// Meaning and bounds of the fields that need them, by field name.
    static var fields: [String: FieldRule] { get }
}

extension WireObject {
    package static var fields: [String: FieldRule] { [:] }
    /// The name in the published documents: the Swift name.
    package static var wireName: String { "\(Self.self)" }
}

/// What the documents say of a field beyond its type.
package struct FieldRule: Sendable {
    package let meaning: String?
    /// Characters of a string or items of an array.
    package let count: ClosedRange<Int>?
    package let pattern: String?

    package init(_ meaning: String? = nil, count: ClosedRange<Int>? = nil, pattern: String? = nil) {
        self.meaning = meaning
        self.count = count
        self.pattern = pattern
    }
}

/// A JSON object whose field `type` says which of several shapes it has.
package protocol WireUnion: Codable, Sendable, Equatable {
    static var summary: String { get }
    /// Each value of `type`, and the shape of the fields beside it.
    static var variants: [(type: String, payload: any WireObject.Type)] { get }
}

extension WireUnion {
    package static var wireName: String { "\(Self.self)" }
}
