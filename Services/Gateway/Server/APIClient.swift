import Contracts
import NIOCore
import RedisBus
import ServiceKit
import WebSocketCodec

/// Asks API instances over the bus.
struct APIClient: Sendable {
    let bus: RedisBus

    /// One page of a replay.
    struct Replay: Sendable {
        let reply: ReplayReply
        let events: [(stream: StreamID, seq: StreamSequence, event: PreparedEvent)]
    }

    struct MalformedReply: Error {}

    /// Which of the sessions live, and what their users may see.
    func access(of sessions: [SessionOfUser]) async throws -> AccessReply {
        let request = try WireJSON.encode(AccessRequest(sessions: sessions))
        let body = try await bus.request(.access, to: .api, body: ByteBuffer(bytes: request))
        return try WireJSON.decode(AccessReply.self, from: body.readableBytesView)
    }

    /// Where streams stand by PostgreSQL; those that do not exist are left out.
    func heads(of streams: [StreamID]) async throws -> [Cursor] {
        let request = try WireJSON.encode(HeadsRequest(streams: streams))
        let body = try await bus.request(.heads, to: .api, body: ByteBuffer(bytes: request))
        return try WireJSON.decode(HeadsReply.self, from: body.readableBytesView).heads
    }

    /// The events after the cursors that the user may see; for `nil` those of all, to mend a gap.
    func replay(for user: UserID?, after cursors: [Cursor], deflater: MessageDeflater?) async throws -> Replay {
        let request = try WireJSON.encode(ReplayRequest(userID: user, cursors: cursors))
        var body = try await bus.request(.replay, to: .api, body: ByteBuffer(bytes: request))
        guard let head = readLine(&body) else { throw MalformedReply() }
        let reply = try WireJSON.decode(ReplayReply.self, from: head.utf8)
        var events: [(StreamID, StreamSequence, PreparedEvent)] = []
        while let header = readLine(&body) {
            guard let line = ReplayLine(header: header),
                let end = body.readableBytesView.firstIndex(of: UInt8(ascii: "\n")),
                let json = body.readSlice(length: end - body.readerIndex)
            else { throw MalformedReply() }
            body.moveReaderIndex(forwardBy: 1)
            events.append(
                (
                    line.stream, line.envelope.seq,
                    PreparedEvent(line.envelope, json: json, deflater: deflater)
                ))
        }
        return Replay(reply: reply, events: events)
    }

    /// A grant of a seat in the call of a channel, and the media node that has the room. A `deadNode` is one that was asked
    /// and does not answer.
    func callGrant(_ request: CallGrantRequest) async throws -> CallGrantReply {
        let body = try await bus.request(
            .callGrant, to: .api, body: ByteBuffer(bytes: try WireJSON.encode(request)))
        return try WireJSON.decode(CallGrantReply.self, from: body.readableBytesView)
    }

    /// The public keys, as a JWK Set.
    func keys() async throws -> String {
        String(buffer: try await bus.request(.keys, to: .api, body: ByteBuffer()))
    }
}
