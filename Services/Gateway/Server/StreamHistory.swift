import Contracts
import NIOCore
import RedisBus
import WebSocketCodec

/// Events of the past: from the tails in Redis where they reach back far enough, else from PostgreSQL through an API.
struct StreamHistory: Sendable {
    let bus: RedisBus
    let api: APIClient

    /// The events of a stream after a place, through another or to the end.
    struct Range: Sendable {
        let stream: StreamID
        var after: StreamSequence
        let through: StreamSequence?
    }

    /// Events by stream, in order; and streams whose place is past the horizon.
    struct Found: Sendable {
        var events: [StreamID: [(seq: StreamSequence, event: PreparedEvent)]] = [:]
        var resets: [Cursor] = []
    }

    /// Where streams stand. Those that Redis does not know are asked for at an API; those that do not exist are left out.
    func heads(of streams: [StreamID]) async throws -> [StreamID: StreamSequence] {
        var heads: [StreamID: StreamSequence] = [:]
        var unknown: [StreamID] = []
        let values = try await bus.send(pipeline: streams.map { RedisCommand("GET", .key(.head($0))) })
        for (stream, value) in zip(streams, values) {
            if let head = value.text.flatMap({ StreamSequence($0) }) {
                heads[stream] = head
            } else {
                unknown.append(stream)
            }
        }
        for start in stride(from: 0, to: unknown.count, by: Limits.headsPerRequest) {
            let chunk = Array(unknown[start..<min(start + Limits.headsPerRequest, unknown.count)])
            for head in try await headsInDatabase(of: chunk) { heads[head.stream] = head.seq }
        }
        return heads
    }

    /// Where streams stand by PostgreSQL, at most ``Limits/headsPerRequest``.
    func headsInDatabase(of streams: [StreamID]) async throws -> [Cursor] { try await api.heads(of: streams) }

    /// The events of ranges, whoever may see them.
    func events(_ ranges: [Range], isCompressing: Bool) async throws -> Found {
        var found = Found()
        let deflater = isCompressing ? MessageDeflater() : nil
        var rest = await tails(of: ranges, deflater, &found)
        while !rest.isEmpty {
            let chunk = Array(rest.prefix(Limits.headsPerRequest))
            let page = try await api.replay(
                for: nil, after: chunk.map { Cursor(stream: $0.stream, seq: $0.after) }, deflater: deflater)
            for (stream, seq, event) in page.events { found.events[stream, default: []].append((seq, event)) }
            found.resets += page.reply.resets
            // What is covered and not at its end is asked for again; what was left out is no stream any more.
            let covered = Dictionary(page.reply.covered.map { ($0.stream, $0.seq) }, uniquingKeysWith: max)
            let open = chunk.compactMap { range in
                covered[range.stream].flatMap { seq in
                    page.reply.hasMore && seq < (range.through ?? .max)
                        ? Range(stream: range.stream, after: seq, through: range.through) : nil
                }
            }
            rest = open + rest.dropFirst(chunk.count)
        }
        return found
    }

    /// Takes what the tails have without a hole, and answers the ranges that lack something. Without Redis that is all.
    private func tails(of ranges: [Range], _ deflater: MessageDeflater?, _ found: inout Found) async -> [Range] {
        let commands = ranges.flatMap { range in
            [
                RedisCommand("GET", .key(.head(range.stream))),
                RedisCommand(
                    "ZRANGEBYSCORE", .key(.tail(range.stream)), .integer(range.after + 1),
                    range.through.map { .integer($0) } ?? "+inf", "LIMIT", "0", .integer(Int64(Limits.tailCount))),
            ]
        }
        guard let replies = try? await bus.send(pipeline: commands), replies.count == commands.count else {
            return ranges
        }
        var rest: [Range] = []
        for (index, range) in ranges.enumerated() {
            let head = replies[2 * index].text.flatMap { StreamSequence($0) }
            var after = range.after
            for member in replies[2 * index + 1].array ?? [] {
                guard let (seq, event) = read(member, deflater), seq == after + 1 else { break }
                found.events[range.stream, default: []].append((seq, event))
                after = seq
            }
            // The end is known only by a head, or by the range's own.
            guard let end = range.through ?? head, after >= end else {
                rest.append(Range(stream: range.stream, after: after, through: range.through))
                continue
            }
        }
        return rest
    }

    private func read(_ member: RedisValue, _ deflater: MessageDeflater?) -> (StreamSequence, PreparedEvent)? {
        guard var bytes = member.bytes, bytes.readableBytes > TailEntry.objectByteCount else { return nil }
        bytes.moveReaderIndex(forwardBy: TailEntry.objectByteCount)
        return PreparedEvent.parse(bytes, deflater: deflater).map { ($0.envelope.seq, $0.event) }
    }
}
