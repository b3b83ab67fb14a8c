/// A value that can be read from a column.
///
/// An id type needs one line; a `RawRepresentable` whose raw value is decodable needs only the conformance.
package protocol PostgresDecodable: Sendable {
    /// Reads PostgreSQL's text format; nil when the text is not such a value. NULL never comes here: ask for `T?`.
    init?(postgresText: String)

    /// Reads an array of these. The default reads an array literal; only `UInt8` differs (bytea).
    static func array(postgresText: String) -> [Self]?
}

extension PostgresDecodable {
    package static func array(postgresText: String) -> [Self]? {
        guard let elements = PostgresArrayLiteral.read(postgresText) else { return nil }
        var values: [Self] = []
        values.reserveCapacity(elements.count)
        for element in elements {
            guard let element, let value = Self(postgresText: element) else { return nil }
            values.append(value)
        }
        return values
    }
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    package init?(postgresText: String) {
        guard let raw = RawValue(postgresText: postgresText) else { return nil }
        self.init(rawValue: raw)
    }
}

extension PostgresDecodable where Self: FixedWidthInteger {
    package init?(postgresText: String) { self.init(postgresText) }
}

extension String: PostgresDecodable {
    package init?(postgresText: String) { self = postgresText }
}

extension Int: PostgresDecodable {}
extension Int64: PostgresDecodable {}
extension Int32: PostgresDecodable {}

extension UInt8: PostgresDecodable {
    /// Reads the hex format of bytea, the default since PostgreSQL 9.0.
    package static func array(postgresText: String) -> [UInt8]? {
        let text = postgresText.utf8
        guard text.count.isMultiple(of: 2), postgresText.hasPrefix("\\x") else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2 - 1)
        var high: UInt8?
        for digit in text.dropFirst(2) {
            guard let value = Character(UnicodeScalar(digit)).hexDigitValue.map(UInt8.init) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }
}

extension Bool: PostgresDecodable {
    package init?(postgresText: String) {
        switch postgresText {
        case "t": self = true
        case "f": self = false
        default: return nil
        }
    }
}

extension Double: PostgresDecodable {
    package init?(postgresText: String) { self.init(postgresText) }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
    package init?(postgresText: String) {
        guard let array = Element.array(postgresText: postgresText) else { return nil }
        self = array
    }
}
