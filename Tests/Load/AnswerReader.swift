import Foundation
import NIOCore

/// Reads the answers to messages that are posted one after the other over one connection.
struct AnswerReader {
    private var received = ByteBuffer()

    /// Takes bytes as they come. `true`: they ended the answer.
    /// - Throws: ``LoadFailure`` unless the answer is 201.
    mutating func receive(_ part: ByteBuffer) throws -> Bool {
        received.writeImmutableBuffer(part)
        guard let answer = AnswerHead(received), received.readableBytes >= answer.byteCount else { return false }
        guard answer.status == 201 else { throw LoadFailure("A message was answered \(String(buffer: received))") }
        received.clear()
        return true
    }
}

/// Status and length of an answer (RFC 9112 §4, §6): as much as a load generator must know of what the API writes.
private struct AnswerHead {
    let status: Int
    /// Of the whole answer.
    let byteCount: Int

    /// `nil` until the head is whole.
    init?(_ buffer: ByteBuffer) {
        let places = buffer.withUnsafeReadableBytes { bytes in
            (end: Self.find("\r\n\r\n", in: bytes), length: Self.find("\r\nContent-Length: ", in: bytes))
        }
        guard let end = places.end, let status = Self.number(in: buffer, at: 9) else { return nil }
        self.status = status
        byteCount = end + 4 + (places.length.flatMap { Self.number(in: buffer, at: $0 + 18) } ?? 0)
    }

    private static func find(_ text: StaticString, in bytes: UnsafeRawBufferPointer) -> Int? {
        let count = text.utf8CodeUnitCount
        guard let start = bytes.baseAddress, bytes.count >= count else { return nil }
        return (0...bytes.count - count).first { place in
            bytes[place] == text.utf8Start[0] && memcmp(start + place, text.utf8Start, count) == 0
        }
    }

    private static func number(in buffer: ByteBuffer, at place: Int) -> Int? {
        let digits = buffer.readableBytesView.dropFirst(place).prefix { (0x30...0x39).contains($0) }
        return digits.isEmpty ? nil : digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}
