import Contracts
import NIOCore

/// One event, encoded as the WebSocket frame that every receiver gets.
struct PreparedEvent: Sendable {
    /// What the event changes for the connections that get it.
    let effects: [AccessEffect]
    /// A whole unmasked text frame, shared by all connections.
    let frame: ByteBuffer

    init(effects: [AccessEffect], json: ByteBuffer) {
        self.effects = effects
        frame = webSocketFrame(.text, json)
    }

    /// Splits an event from the bus: a header line, then the frame's JSON. `nil` if it is none.
    static func parse(_ message: ByteBuffer) -> (envelope: StreamEnvelope, event: PreparedEvent)? {
        var rest = message
        guard let header = readLine(&rest), let envelope = StreamEnvelope(header: header) else { return nil }
        return (envelope, PreparedEvent(effects: envelope.effects, json: rest))
    }
}

/// The kinds of frame a gateway writes (RFC 6455 §5.2).
enum WebSocketKind: UInt8 {
    case text = 0x1
    case close = 0x8
    case pong = 0xA
}

/// Encodes a final, unmasked frame (RFC 6455 §5.2).
///
/// | bytes | what |
/// |---|---|
/// | 1 | FIN and opcode |
/// | 1 | length up to 125, or 126, or 127 |
/// | 0, 2 or 8 | the longer length, big-endian |
/// | n | payload |
func webSocketFrame(_ kind: WebSocketKind, _ payload: ByteBuffer) -> ByteBuffer {
    let count = payload.readableBytes
    var frame = ByteBufferAllocator().buffer(capacity: count + 10)
    frame.writeInteger(0x80 | kind.rawValue)
    switch count {
    case ...125: frame.writeInteger(UInt8(count))
    case ...65_535: frame.writeMultipleIntegers(UInt8(126), UInt16(count))
    default: frame.writeMultipleIntegers(UInt8(127), UInt64(count))
    }
    frame.writeImmutableBuffer(payload)
    return frame
}

/// Takes one line from a buffer, without its line feed; `nil` if there is no line feed.
func readLine(_ buffer: inout ByteBuffer) -> String? {
    guard let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let line = buffer.readString(length: end - buffer.readerIndex)
    buffer.moveReaderIndex(forwardBy: 1)
    return line
}
