package import Contracts
package import NIOCore
import ServiceKit
import WebSocketCodec

// The frames of every reconnect, read and written by hand: a crowd that comes back at once is met at a fraction of what a
// general coder takes. Tests compare them with ``WireJSON``.

/// Frames that are the same for everybody.
struct CommonFrames: Sendable {
    let hello: ByteBuffer
    let current: ByteBuffer
    let heartbeat: ByteBuffer

    init() throws {
        hello = try FrameWriter.frame(
            .hello(
                Hello(
                    heartbeatIntervalMilliseconds: Int(Limits.heartbeatInterval / .milliseconds(1)),
                    identifyTimeoutMilliseconds: Int(Limits.identifyTimeout / .milliseconds(1)))))
        current = try FrameWriter.frame(.current(Current()))
        heartbeat = try FrameWriter.frame(.heartbeat(Heartbeat()))
    }
}

extension FrameWriter {
    /// A whole text frame with a frame of the contract.
    static func frame(_ frame: ServerFrame) throws -> ByteBuffer {
        self.frame(.text, ByteBuffer(bytes: try WireJSON.encode(frame)))
    }
}

extension ByteBuffer {
    /// Appends `ready` as JSON, its keys in ascending order.
    package mutating func writeJSON(_ ready: Ready) {
        writeStaticString("{\"connectionID\":\"")
        writeID(ready.connectionID)
        writeStaticString("\",\"sessionID\":\"")
        writeID(ready.sessionID)
        writeStaticString("\",\"streams\":[")
        for (index, place) in ready.streams.enumerated() {
            writeStaticString(index == 0 ? "{\"seq\":" : ",{\"seq\":")
            writeString(String(place.seq))
            writeStaticString(",\"stream\":\"")
            writeStreamID(place.stream)
            writeStaticString("\"}")
        }
        writeStaticString("],\"type\":\"ready\",\"userID\":\"")
        writeID(ready.userID)
        writeStaticString("\"}")
    }
}

extension ClientFrame {
    /// Reads a frame; `nil` if it is none.
    package init?(json bytes: ByteBuffer) {
        if let identify = bytes.withUnsafeReadableBytes(Identify.init(plainJSON:)) {
            self = .identify(identify)
        } else {
            guard let frame = try? WireJSON.decode(Self.self, from: bytes.readableBytesView) else { return nil }
            self = frame
        }
    }
}

extension Identify {
    /// Reads `identify` in the form in which clients write it: no other members, none twice, nothing escaped. `nil` is for
    /// the general decoder to judge.
    package init?(plainJSON bytes: UnsafeRawBufferPointer) {
        var scanner = PlainJSONScanner(bytes)
        var token: String?
        var cursors: [Cursor]?
        var isIdentify = false
        guard scanner.take("{") else { return nil }
        repeat {
            switch scanner.takeName() {
            case .some("type") where !isIdentify:
                guard scanner.takeText().map(scanner.string) == "identify" else { return nil }
                isIdentify = true
            case .some("token") where token == nil:
                guard let text = scanner.takeText() else { return nil }
                token = scanner.string(text)
            case .some("cursors") where cursors == nil:
                guard let list = scanner.takeCursors() else { return nil }
                cursors = list
            default: return nil
            }
        } while scanner.take(",")
        guard scanner.take("}"), scanner.isAtEnd, isIdentify, let token, let cursors else { return nil }
        self.init(token: token, cursors: cursors)
    }
}

/// Walks JSON in which nothing is escaped (RFC 8259 §2).
private struct PlainJSONScanner {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return position == bytes.count
        }
    }

    func string(_ text: Range<Int>) -> String { String(decoding: bytes[text], as: UTF8.self) }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// The name of a member, up to its colon.
    mutating func takeName() -> String? {
        guard let name = takeText(), take(":") else { return nil }
        return string(name)
    }

    /// A text of printable ASCII without its quotes.
    mutating func takeText() -> Range<Int>? {
        guard take("\"") else { return nil }
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            guard bytes[position] >= 0x20, bytes[position] < 0x7F, bytes[position] != UInt8(ascii: "\\") else {
                return nil
            }
            position += 1
        }
        let end = position
        return take("\"") ? start..<end : nil
    }

    /// A whole number of at most 18 digits, without a sign.
    mutating func takeNumber() -> Int64? {
        skipSpace()
        let start = position
        var number: Int64 = 0
        while position < bytes.count, position - start <= 18, case let digit = bytes[position] &- 0x30, digit < 10 {
            number = number * 10 + Int64(digit)
            position += 1
        }
        let count = position - start
        return (1...18).contains(count) && (count == 1 || bytes[start] != 0x30) ? number : nil
    }

    mutating func takeCursors() -> [Cursor]? {
        guard take("[") else { return nil }
        var cursors: [Cursor] = []
        if take("]") { return cursors }
        cursors.reserveCapacity(bytes.count / 70)
        repeat {
            guard let cursor = takeCursor() else { return nil }
            cursors.append(cursor)
        } while take(",")
        return take("]") ? cursors : nil
    }

    private mutating func takeCursor() -> Cursor? {
        guard take("{") else { return nil }
        var stream: StreamID?
        var seq: StreamSequence?
        repeat {
            switch takeName() {
            case .some("stream") where stream == nil:
                guard let text = takeText() else { return nil }
                stream = StreamID(utf8: UnsafeRawBufferPointer(rebasing: bytes[text]))
                if stream == nil { return nil }
            case .some("seq") where seq == nil:
                guard let number = takeNumber() else { return nil }
                seq = number
            default: return nil
            }
        } while take(",")
        guard take("}"), let stream, let seq else { return nil }
        return Cursor(stream: stream, seq: seq)
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }
}
