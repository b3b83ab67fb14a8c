import Contracts

extension JSONValue {
    /// Reads a JSON text (RFC 8259); `nil` if it is none, lies deeper than ``Limits/jsonDepth`` or has more values than
    /// ``Limits/jsonValueCount``.
    package static func parse(_ text: some StringProtocol) -> JSONValue? {
        var reader = JSONReader(bytes: Array(text.utf8))
        guard let value = reader.readValue(depth: 0) else { return nil }
        reader.skipSpace()
        return reader.isAtEnd ? value : nil
    }
}

/// Walks UTF-8 from left to right. Its bytes are valid UTF-8, because they were a string.
private struct JSONReader {
    private let bytes: [UInt8]
    private var position = 0
    private var valuesLeft = Limits.jsonValueCount

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func take(word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard position + count <= bytes.count else { return false }
        let isThere = word.withUTF8Buffer { $0.elementsEqual(bytes[position..<position + count]) }
        if isThere { position += count }
        return isThere
    }

    mutating func readValue(depth: Int) -> JSONValue? {
        skipSpace()
        valuesLeft -= 1
        guard valuesLeft >= 0, let first = next else { return nil }
        switch first {
        case UInt8(ascii: "{"): return readObject(depth: depth)
        case UInt8(ascii: "["): return readArray(depth: depth)
        case UInt8(ascii: "\""): return readString().map(JSONValue.string)
        case UInt8(ascii: "t"): return take(word: "true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return take(word: "false") ? .bool(false) : nil
        case UInt8(ascii: "n"): return take(word: "null") ? .null : nil
        default: return readNumber()
        }
    }

    private mutating func readArray(depth: Int) -> JSONValue? {
        guard depth < Limits.jsonDepth, take("[") else { return nil }
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return .array([]) }
        repeat {
            guard let element = readValue(depth: depth + 1) else { return nil }
            elements.append(element)
            skipSpace()
        } while take(",")
        return take("]") ? .array(elements) : nil
    }

    private mutating func readObject(depth: Int) -> JSONValue? {
        guard depth < Limits.jsonDepth, take("{") else { return nil }
        var members: [JSONValue.Member] = []
        skipSpace()
        if take("}") { return .object([]) }
        repeat {
            skipSpace()
            guard let name = readString() else { return nil }
            skipSpace()
            guard take(":"), let value = readValue(depth: depth + 1) else { return nil }
            members.append(JSONValue.Member(name, value))
            skipSpace()
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    /// `-? (0 | [1-9][0-9]*) (\. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    private mutating func readNumber() -> JSONValue? {
        let start = position
        _ = take("-")
        if !take("0") {
            guard readDigits() > 0 else { return nil }
        }
        if take("."), readDigits() == 0 { return nil }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard readDigits() > 0 else { return nil }
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func readDigits() -> Int {
        let start = position
        while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func readString() -> String? {
        guard take("\"") else { return nil }
        let start = position
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { position += 1 }
        guard next == UInt8(ascii: "\\") else {
            // Nothing to unescape, as nearly always.
            let end = position
            return take("\"") ? String(decoding: bytes[start..<end], as: UTF8.self) : nil
        }
        var unescaped = Array(bytes[start..<position])
        while let byte = next, byte >= 0x20 {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: unescaped, as: UTF8.self)
            case UInt8(ascii: "\\"): guard readEscape(into: &unescaped) else { return nil }
            default: unescaped.append(byte)
            }
        }
        return nil
    }

    private mutating func readEscape(into text: inout [UInt8]) -> Bool {
        guard let byte = next else { return false }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            guard let scalar = readUnicodeEscape() else { return false }
            text.append(contentsOf: Unicode.UTF8.encode(scalar) ?? Unicode.UTF8.encodedReplacementCharacter)
        default: return false
        }
        return true
    }

    /// What follows `\u`: one code unit of UTF-16, or two that form a pair. Half a pair becomes U+FFFD.
    private mutating func readUnicodeEscape() -> Unicode.Scalar? {
        guard let unit = readHex() else { return nil }
        if let scalar = Unicode.Scalar(unit) { return scalar }
        let afterUnit = position
        guard UTF16.isLeadSurrogate(unit), take("\\"), take("u"), let trail = readHex(), UTF16.isTrailSurrogate(trail)
        else {
            position = afterUnit
            return "\u{FFFD}"
        }
        return UTF16.decode(UTF16.EncodedScalar([unit, trail]))
    }

    private mutating func readHex() -> UInt16? {
        guard position + 4 <= bytes.count else { return nil }
        var unit: UInt16 = 0
        for byte in bytes[position..<position + 4] {
            guard byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            unit = unit << 4 | UInt16(digit)
        }
        position += 4
        return unit
    }
}
