package import Contracts
package import NIOCore

// What JSON written by hand is made of: only what every message or every reconnect needs is written so, because a general
// encoder was a tenth of the time; its bytes are compared with those of ``WireJSON/encode(_:)`` in tests.

extension ByteBuffer {
    /// Appends a JSON string with its quotes (RFC 8259 §7): what must be escaped is, and nothing else.
    package mutating func writeJSONText(_ text: String) {
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
    package mutating func writeID<Of>(_ id: EntityID<Of>) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: UUIDText.count) { UUIDText.write(id.high, id.low, to: $0) }
    }

    /// Appends the name of a stream.
    package mutating func writeStreamID(_ stream: StreamID) { stream.withUTF8 { _ = writeBytes($0) } }
}

private enum StaticHex {
    static let digits = Array("0123456789abcdef".utf8)
}
