import Foundation
import NIOCore

/// JSON as it goes over the wire: no key mapping, slashes unescaped.
package enum WireJSON {
    /// The UTF-8 text of a wire value.
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        // Sorted, so that two processes write the same bytes for the same value.
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return Array(try encoder.encode(value))
    }

    /// A wire value from UTF-8 text. Throws `DecodingError`; ``explanation(of:)`` says it in a sentence.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: some Collection<UInt8>) throws -> Value
    {
        try JSONDecoder().decode(type, from: Data(bytes))
    }

    /// What was wrong with a document, in one sentence for its sender; it never quotes the document.
    package static func explanation(of error: any Error) -> (field: String?, detail: String) {
        guard let error = error as? DecodingError else { return (nil, "Send a JSON object.") }
        switch error {
        case .keyNotFound(let key, let context):
            let field = path(context.codingPath + [key])
            return (field, "The field \(field ?? key.stringValue) is missing.")
        case .valueNotFound(_, let context), .typeMismatch(_, let context):
            guard let field = path(context.codingPath) else { return (nil, "Send a JSON object.") }
            return (field, "The field \(field) has the wrong type.")
        case .dataCorrupted(let context):
            guard let field = path(context.codingPath) else { return (nil, "The body is not valid JSON.") }
            return (field, context.debugDescription)
        @unknown default:
            return (nil, "The body could not be read.")
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String? {
        keys.isEmpty ? nil : keys.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
}
