/// The text form of a one-dimensional array (PostgreSQL documentation §8.15.6): `{a,"b \"c\"",NULL}`.
enum PostgresArrayLiteral {
    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")
    private static let comma = UInt8(ascii: ",")

    /// Writes an array element by element.
    struct Writer {
        private var text: [UInt8]

        init(count: Int) {
            text = []
            text.reserveCapacity(40 * count + 2)
            text.append(UInt8(ascii: "{"))
        }

        /// Every element is quoted, so that none can be taken for NULL, a brace, a comma or a blank. `nil` is NULL.
        mutating func append(_ element: String?) {
            if text.count > 1 { text.append(comma) }
            guard var element else {
                text.append(contentsOf: "NULL".utf8)
                return
            }
            text.append(quote)
            element.withUTF8 { bytes in
                if bytes.contains(where: { $0 == quote || $0 == backslash }) {
                    for byte in bytes {
                        if byte == quote || byte == backslash { text.append(backslash) }
                        text.append(byte)
                    }
                } else {
                    text.append(contentsOf: bytes)
                }
            }
            text.append(quote)
        }

        consuming func finish() -> String {
            text.append(UInt8(ascii: "}"))
            return String(decoding: text, as: UTF8.self)
        }
    }

    /// Returns nil for anything but a one-dimensional array with the usual lower bound.
    static func read(_ text: String) -> [String?]? {
        var bytes = text.utf8[...]
        guard bytes.popFirst() == UInt8(ascii: "{"), bytes.popLast() == UInt8(ascii: "}") else { return nil }
        var elements: [String?] = []
        if bytes.isEmpty { return elements }
        while true {
            guard let element = readElement(&bytes) else { return nil }
            elements.append(element)
            guard let separator = bytes.popFirst() else { return elements }
            guard separator == comma else { return nil }
        }
    }

    /// Returns nil when malformed, `.some(nil)` for NULL.
    private static func readElement(_ bytes: inout Substring.UTF8View) -> String?? {
        if bytes.first == quote { return readQuoted(&bytes) }
        let plain = bytes.prefix { $0 != comma }
        bytes = bytes[plain.endIndex...]
        guard !plain.isEmpty, !plain.contains(UInt8(ascii: "{")) else { return nil }
        let element = String(Substring(plain))
        return .some(element == "NULL" ? nil : element)
    }

    private static func readQuoted(_ bytes: inout Substring.UTF8View) -> String?? {
        var element: [UInt8] = []
        bytes.removeFirst()
        while let byte = bytes.popFirst() {
            if byte == quote { return .some(String(decoding: element, as: UTF8.self)) }
            guard byte == backslash else {
                element.append(byte)
                continue
            }
            guard let escaped = bytes.popFirst() else { return nil }
            element.append(escaped)
        }
        return nil
    }
}
