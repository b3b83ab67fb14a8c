import Contracts
import NIOCore
import WebSocketCodec

/// One event, encoded as the WebSocket frame that every receiver gets.
struct PreparedEvent: Sendable {
    /// What the event changes for the connections that get it.
    let effects: [AccessEffect]
    /// Whether those who come back may not be given what came before it from memory.
    let hidesEarlier: Bool
    /// A whole unmasked text frame, shared by all connections.
    let frame: ByteBuffer
    /// The same with its payload compressed, shared by all who negotiated that; the plain one where it does not pay or
    /// nobody did.
    let deflated: ByteBuffer
    /// The encoded ``EventFrame``, for readers that translate it.
    let json: ByteBuffer

    init(_ envelope: StreamEnvelope, json: ByteBuffer, deflater: MessageDeflater?) {
        effects = envelope.effects
        hidesEarlier = envelope.hidesEarlier
        self.json = json
        frame = FrameWriter.frame(.text, json)
        deflated = deflater.flatMap { $0.frame(.text, json) } ?? frame
    }

    /// Splits an event from the bus: a header line, then the frame's JSON. `nil` if it is none.
    static func parse(
        _ message: ByteBuffer, deflater: MessageDeflater?
    ) -> (envelope: StreamEnvelope, event: PreparedEvent)? {
        var rest = message
        guard let header = readLine(&rest), let envelope = StreamEnvelope(header: header) else { return nil }
        return (envelope, PreparedEvent(envelope, json: rest, deflater: deflater))
    }
}

/// What is told on a channel's topic and never stored: someone is typing, or has stopped.
struct EphemeralNotice: Sendable {
    let channelID: ChannelID
    let envelope: EphemeralEnvelope
    /// A whole unmasked text frame with a `typing` frame of the contract.
    let frame: ByteBuffer

    init?(_ message: ByteBuffer, channel: ChannelID) {
        var rest = message
        guard let header = readLine(&rest), let envelope = EphemeralEnvelope(header: header) else { return nil }
        channelID = channel
        self.envelope = envelope
        frame = FrameWriter.frame(.text, rest)
    }
}

/// Takes one line from a buffer, without its line feed; `nil` if there is no line feed.
func readLine(_ buffer: inout ByteBuffer) -> String? {
    guard let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let line = buffer.readString(length: end - buffer.readerIndex)
    buffer.moveReaderIndex(forwardBy: 1)
    return line
}
