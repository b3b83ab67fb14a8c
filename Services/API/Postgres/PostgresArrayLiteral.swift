/// The text form of a one-dimensional array (PostgreSQL documentation §8.15.6): `{a,"b \"c\"",NULL}`.
enum PostgresArrayLiteral {
    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")
    private static let comma = UInt8(ascii: ",")

    /// Every element is quoted, so that none can be taken for NULL, a brace, a comma or a blank.
    static func write(_ elements: some Sequence<String?>) -> String {
        var text: [UInt8] = [UInt8(ascii: "{")]
        for element in elements {
            if text.count > 1 { text.append(comma) }
            guard let element else {
                text.append(contentsOf: "NULL".utf8)
                continue
            }
            text.append(quote)
            for byte in element.utf8 {
                if byte == quote || byte == backslash { text.append(backslash) }
                text.append(byte)
            }
            text.append(quote)
        }
        text.append(UInt8(ascii: "}"))
        return String(decoding: text, as: UTF8.self)
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
