import Contracts
import NIOCore

// The JSON of a message is written by hand, because every message is encoded and a general encoder took a tenth of the
// API's time. A test compares the bytes with those of ``WireJSON/encode(_:)`` over random texts.

extension ByteBuffer {
    /// Appends a message as JSON, its keys in ascending order.
    mutating func writeJSON(_ message: Message) {
        writeStaticString("{")
        if let audience = message.audience {
            writeStaticString("\"audience\":\"")
            writeString(audience.rawValue)
            writeStaticString("\",")
        }
        writeStaticString("\"authorID\":\"")
        writeID(message.authorID)
        writeStaticString("\",\"channelID\":\"")
        writeID(message.channelID)
        writeStaticString("\",\"content\":")
        writeJSONText(message.content)
        writeStaticString(",\"createdAt\":\"")
        writeString(message.createdAt.description)
        if let editedAt = message.editedAt {
            writeStaticString("\",\"editedAt\":\"")
            writeString(editedAt.description)
        }
        writeStaticString("\",\"id\":\"")
        writeID(message.id)
        writeStaticString("\",\"idempotencyKey\":")
        writeJSONText(message.idempotencyKey)
        writeStaticString(",\"mentions\":[")
        for (index, user) in message.mentions.enumerated() {
            writeStaticString(index == 0 ? "\"" : ",\"")
            writeID(user)
            writeStaticString("\"")
        }
        writeStaticString("],\"seq\":")
        writeString(String(message.seq))
        writeStaticString(",\"version\":")
        writeString(String(message.version))
        writeStaticString("}")
    }

    /// Appends an event frame around the JSON of its `data`.
    mutating func writeJSONFrame(_ name: EventName, stream: StreamID, seq: StreamSequence, data: ByteBuffer) {
        writeStaticString("{\"data\":")
        writeImmutableBuffer(data)
        writeStaticString(",\"name\":\"")
        writeString(name.rawValue)
        writeStaticString("\",\"seq\":")
        writeString(String(seq))
        writeStaticString(",\"stream\":\"")
        writeString(stream.description)
        writeStaticString("\",\"type\":\"event\"}")
    }

    /// Appends a JSON string with its quotes (RFC 8259 §7): what must be escaped is, and nothing else.
    mutating func writeJSONText(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            writeStaticString("\"")
            var start = 0
            for (index, byte) in bytes.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5C {
                writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start..<index]))
                writeEscape(of: byte)
                start = index + 1
            }
            writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start...]))
            writeStaticString("\"")
        }
    }

    private mutating func writeEscape(of byte: UInt8) {
        switch byte {
        case 0x22: writeStaticString("\\\"")
        case 0x5C: writeStaticString("\\\\")
        case 0x08: writeStaticString("\\b")
        case 0x09: writeStaticString("\\t")
        case 0x0A: writeStaticString("\\n")
        case 0x0C: writeStaticString("\\f")
        case 0x0D: writeStaticString("\\r")
        default:
            let digits = StaticHex.digits
            writeStaticString("\\u00")
            writeInteger(digits[Int(byte >> 4)])
            writeInteger(digits[Int(byte & 15)])
        }
    }

    /// Appends the 36 characters of an id.
    private mutating func writeID<Of>(_ id: EntityID<Of>) { writeString(id.description) }
}

private enum StaticHex {
    static let digits = Array("0123456789abcdef".utf8)
}
