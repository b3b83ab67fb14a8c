/// A value that can be a parameter of a statement.
///
/// An id type needs one line: `extension ChannelID: PostgresEncodable { var postgresText: String? { … } }`. A
/// `RawRepresentable` whose raw value is encodable needs only the conformance.
package protocol PostgresEncodable: Sendable {
    /// The value in PostgreSQL's text format; nil is NULL.
    var postgresText: String? { get }

    /// What an array of these is in text format. The default is an array literal; only `UInt8` differs (bytea).
    static func postgresText(ofArray array: [Self]) -> String
}

extension PostgresEncodable {
    package static func postgresText(ofArray array: [Self]) -> String {
        var literal = PostgresArrayLiteral.Writer(count: array.count)
        for element in array { literal.append(element.postgresText) }
        return literal.finish()
    }
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
    package var postgresText: String? { rawValue.postgresText }
}

extension PostgresEncodable where Self: FixedWidthInteger {
    package var postgresText: String? { String(self) }
}

extension String: PostgresEncodable {
    package var postgresText: String? { self }
}

extension Int: PostgresEncodable {}
extension Int64: PostgresEncodable {}
extension Int32: PostgresEncodable {}

extension UInt8: PostgresEncodable {
    /// `[UInt8]` is a bytea in hex format, not an array of numbers.
    package static func postgresText(ofArray array: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: 2 + 2 * array.count) { text in
            text[0] = UInt8(ascii: "\\")
            text[1] = UInt8(ascii: "x")
            for (index, byte) in array.enumerated() {
                text[2 + 2 * index] = hexDigit(byte >> 4)
                text[3 + 2 * index] = hexDigit(byte & 15)
            }
            return 2 + 2 * array.count
        }
    }
}

private func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}

extension Bool: PostgresEncodable {
    package var postgresText: String? { self ? "t" : "f" }
}

extension Double: PostgresEncodable {
    // Swift writes the shortest text that reads back as the same value; the names of the exceptions differ.
    package var postgresText: String? {
        if isNaN { return "NaN" }
        if isInfinite { return self < 0 ? "-Infinity" : "Infinity" }
        return description
    }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    package var postgresText: String? { flatMap(\.postgresText) }
}

extension Array: PostgresEncodable where Element: PostgresEncodable {
    package var postgresText: String? { Element.postgresText(ofArray: self) }
}
