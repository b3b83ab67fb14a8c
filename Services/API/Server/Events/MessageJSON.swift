import Contracts
import NIOCore
import ServiceKit

// The JSON of a message is written by hand, because every message is encoded and a general encoder took a tenth of the
// API's time. A test compares the bytes with those of ``WireJSON/encode(_:)`` over random texts.

extension ByteBuffer {
    /// Appends a message as JSON, its keys in ascending order.
    mutating func writeJSON(_ message: Message) {
        writeStaticString("{")
        if let attachments = message.attachments { writeJSON(attachments) }
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
        if let notice = message.notice {
            writeStaticString("],\"notice\":\"")
            writeString(notice.rawValue)
            writeStaticString("\",\"seq\":")
        } else {
            writeStaticString("],\"seq\":")
        }
        writeString(String(message.seq))
        writeStaticString(",\"version\":")
        writeString(String(message.version))
        writeStaticString("}")
    }

    /// Appends the field of a message's files.
    private mutating func writeJSON(_ attachments: [Attachment]) {
        writeStaticString("\"attachments\":[")
        for (index, file) in attachments.enumerated() {
            writeStaticString(index == 0 ? "{\"byteCount\":" : ",{\"byteCount\":")
            writeString(String(file.byteCount))
            if let duration = file.durationMilliseconds {
                writeStaticString(",\"durationMilliseconds\":")
                writeString(String(duration))
            }
            if let height = file.height {
                writeStaticString(",\"height\":")
                writeString(String(height))
            }
            writeStaticString(",\"id\":\"")
            writeID(file.id)
            writeStaticString("\",\"mediaType\":")
            writeJSONText(file.mediaType)
            writeStaticString(",\"name\":")
            writeJSONText(file.name)
            if let width = file.width {
                writeStaticString(",\"width\":")
                writeString(String(width))
            }
            writeStaticString("}")
        }
        writeStaticString("],")
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
        writeStreamID(stream)
        writeStaticString("\",\"type\":\"event\"}")
    }
}
