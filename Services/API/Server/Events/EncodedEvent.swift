package import Contracts
package import NIOCore
import ServiceKit

/// An event as it is published and kept in its stream's tail: encoded once, whoever gets it.
package struct EncodedEvent: Sendable {
    let stream: StreamID
    let seq: StreamSequence
    /// The 36 characters of the id of what the event is about.
    let object: String
    /// What is published: the header of a ``StreamEnvelope``, a line feed, and the frame as clients get it.
    package let payload: ByteBuffer
    /// The session that ends with this event.
    let endedSession: SessionID?

    /// Encodes any event.
    package init(_ frame: EventFrame) throws {
        stream = frame.stream
        seq = frame.seq
        object = frame.event.objectText
        if case .sessionRevoked(let ended) = frame.event { endedSession = ended.sessionID } else { endedSession = nil }
        switch frame.event {
        case .messageCreated(let message), .messageEdited(let message):
            var data = ByteBufferAllocator().buffer(capacity: 512)
            data.writeJSON(message)
            payload = Self.payload(frame.event.name, stream: frame.stream, seq: frame.seq, data: data)
        default:
            let json = try WireJSON.encode(frame)
            let header = frame.envelope.header
            var buffer = ByteBufferAllocator().buffer(capacity: header.utf8.count + 1 + json.count)
            buffer.writeString(header)
            buffer.writeInteger(UInt8(ascii: "\n"))
            buffer.writeBytes(json)
            payload = buffer
        }
    }

    /// A message's creation or edit, around the message's JSON that its author is answered with as well.
    init(_ name: EventName, _ message: Message, seq: StreamSequence, json: ByteBuffer) {
        stream = .channel(message.channelID)
        self.seq = seq
        object = message.id.description
        endedSession = nil
        payload = Self.payload(name, stream: .channel(message.channelID), seq: seq, data: json)
    }

    private static func payload(
        _ name: EventName, stream: StreamID, seq: StreamSequence, data: ByteBuffer
    ) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: data.readableBytes + 160)
        buffer.writeString(String(seq))
        buffer.writeInteger(UInt8(ascii: "\n"))
        buffer.writeJSONFrame(name, stream: stream, seq: seq, data: data)
        return buffer
    }
}

extension Event {
    /// The id of what the event is about, as its row in `events` has it.
    var objectText: String {
        switch self {
        case .messageCreated(let message), .messageEdited(let message): message.id.description
        case .messageDeleted(let deleted): deleted.id.description
        case .mentionCreated(let mention), .mentionRemoved(let mention): mention.messageID.description
        case .channelUpdated(let channel), .channelCreated(let channel): channel.id.description
        case .channelWithdrawn(let withdrawn): withdrawn.channelID.description
        case .channelMemberJoined(let member): member.user.id.description
        case .channelMemberLeft(let left): left.userID.description
        case .callUpdated(let call): call.channelID.description
        case .channelJoined(let joined): joined.channel.id.description
        case .channelLeft(let left): left.channelID.description
        case .channelRead(let read): read.channelID.description
        case .workspaceJoined(let joined): joined.workspace.id.description
        case .workspaceLeft(let left): left.workspaceID.description
        case .workspaceMemberJoined(let member): member.user.id.description
        case .workspaceMemberLeft(let left): left.userID.description
        case .ringUpdated(let ring): ring.id.description
        case .sessionRevoked(let ended): ended.sessionID.description
        case .userUpdated(let user): user.id.description
        }
    }
}
