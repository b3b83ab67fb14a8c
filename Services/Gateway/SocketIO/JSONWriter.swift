package import NIOCore

extension JSONValue {
    /// The value as compact JSON, and its bytes in the order of their placeholders.
    package func write() -> (text: String, attachments: [ByteBuffer]) {
        var writer = JSONWriter()
        writer.write(self)
        return (String(decoding: writer.text, as: UTF8.self), writer.attachments)
    }
}

/// Writes JSON without spaces. Control characters are escaped, so that no text has the record separator of polling in
/// it.
private struct JSONWriter {
    var text: [UInt8] = []
    var attachments: [ByteBuffer] = []

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: text.append(contentsOf: "null".utf8)
        case .bool(let truth): text.append(contentsOf: (truth ? "true" : "false").utf8)
        case .number(let digits): text.append(contentsOf: digits.utf8)
        case .string(let string): write(string: string)
        case .array(let elements):
            text.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                write(element)
            }
            text.append(UInt8(ascii: "]"))
        case .object(let members):
            text.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                write(string: member.name)
                text.append(UInt8(ascii: ":"))
                write(member.value)
            }
            text.append(UInt8(ascii: "}"))
        case .binary(let bytes):
            text.append(contentsOf: #"{"_placeholder":true,"num":\#(attachments.count)}"#.utf8)
            attachments.append(bytes)
        }
    }

    private mutating func write(string: String) {
        text.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                text.append(UInt8(ascii: "\\"))
                text.append(byte)
            case 0x08: text.append(contentsOf: #"\b"#.utf8)
            case 0x09: text.append(contentsOf: #"\t"#.utf8)
            case 0x0A: text.append(contentsOf: #"\n"#.utf8)
            case 0x0C: text.append(contentsOf: #"\f"#.utf8)
            case 0x0D: text.append(contentsOf: #"\r"#.utf8)
            case ..<0x20:
                text.append(contentsOf: #"\u00"#.utf8)
                text.append(hexDigit(byte >> 4))
                text.append(hexDigit(byte & 15))
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }

    private func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

extension JSONValue {
    /// The same value with the bytes in the place of their placeholders (socket.io-protocol, "Packet encoding"); `nil`
    /// if a placeholder names none of them.
    package func placing(_ attachments: [ByteBuffer]) -> JSONValue? {
        switch self {
        case .null, .bool, .number, .string, .binary: return self
        case .array(let elements):
            var placed: [JSONValue] = []
            placed.reserveCapacity(elements.count)
            for element in elements {
                guard let element = element.placing(attachments) else { return nil }
                placed.append(element)
            }
            return .array(placed)
        case .object(let members):
            if self["_placeholder"] == .bool(true) {
                guard let number = self["num"]?.integer, attachments.indices.contains(number) else { return nil }
                return .binary(attachments[number])
            }
            var placed: [Member] = []
            placed.reserveCapacity(members.count)
            for member in members {
                guard let value = member.value.placing(attachments) else { return nil }
                placed.append(Member(member.name, value))
            }
            return .object(placed)
        }
    }
}
