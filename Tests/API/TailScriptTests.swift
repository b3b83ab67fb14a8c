import APIServer
import Contracts
import Logging
import NIOCore
import NIOPosix
import RedisBus
import ServiceKit
import Synchronization
import TestSupport
import Testing

@Suite("Tails of streams, in a real Redis")
struct TailScriptTests {
    private let channel = ChannelID.fresh()
    private let author = UserID.fresh()
    private var stream: StreamID { .channel(channel) }

    // MARK: Events

    private func message(_ id: MessageID, _ seq: StreamSequence, _ content: String, version: StreamSequence) -> Message
    {
        Message(
            id: id, channelID: channel, seq: seq, authorID: author, content: content, idempotencyKey: "key-12345",
            createdAt: .example, editedAt: nil, mentions: [], audience: nil, version: version)
    }

    private func created(_ id: MessageID, at seq: StreamSequence, _ content: String = "text") throws -> EncodedEvent {
        try EncodedEvent(
            EventFrame(stream: stream, seq: seq, event: .messageCreated(message(id, seq, content, version: seq))))
    }

    private func edited(_ id: MessageID, of first: StreamSequence, at seq: StreamSequence) throws -> EncodedEvent {
        try EncodedEvent(
            EventFrame(stream: stream, seq: seq, event: .messageEdited(message(id, first, "edited", version: seq))))
    }

    /// The deletion of a message, under its own number or that of an earlier event.
    private func deleted(
        _ id: MessageID, of first: StreamSequence, at seq: StreamSequence, shownAt shown: StreamSequence? = nil
    ) throws -> EncodedEvent {
        let event = MessageDeleted(id: id, channelID: channel, seq: first, authorID: author, version: seq)
        return try EncodedEvent(EventFrame(stream: stream, seq: shown ?? seq, event: .messageDeleted(event)))
    }

    // MARK: Redis

    private func withBus(_ body: (RedisBus) async throws -> Void) async throws {
        let server = try RedisServer()
        var logger = Logger(label: "tail-test")
        logger.logLevel = .critical
        let bus = RedisBus(
            configuration: try RedisConfiguration(url: server.url), address: .init(kind: .api, id: .fresh()),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await bus.run() }
            try await bus.waitUntilReady(deadline: .seconds(10))
            try await body(bus)
            bus.shutdown()
            try await group.waitForAll()
        }
    }

    private func publish(
        _ events: [EncodedEvent], on bus: RedisBus, committed: StreamSequence = 0
    ) async throws {
        let answer = try await bus.send(TailScript.command(events, of: stream, committed: committed))
        #expect(answer.integer == 1)
    }

    /// What a tail must hold: scores with members.
    private func expect(
        _ entries: [(StreamSequence, MessageID, EncodedEvent)], on bus: RedisBus,
        _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let values =
            try await bus.send(RedisCommand("ZRANGE", .key(.tail(stream)), "0", "-1", "WITHSCORES")).array ?? []
        let expected = entries.flatMap { ["\($0.1)\n\(String(buffer: $0.2.payload))", "\($0.0)"] }
        #expect(values.compactMap(\.text) == expected, sourceLocation: location)
    }

    private func head(on bus: RedisBus) async throws -> Int? {
        try await bus.send(RedisCommand("GET", .key(.head(stream)))).text.flatMap { Int($0) }
    }

    // MARK: Tests

    @Test(
        "Events are published and kept in their order whatever the order they come in, and once however often they come"
    )
    func order() async throws {
        try await withBus { bus in
            let ids = (0..<4).map { _ in MessageID.fresh() }
            let events = try ids.enumerated().map { try created($1, at: StreamSequence($0) + 5) }
            let received = Mutex<[String]>([])
            let subscription = try await bus.subscribe(to: .stream(stream)) { payload in
                received.withLock { $0.append(String(buffer: payload)) }
            }
            defer { subscription.cancel() }
            try await publish([events[1]], on: bus)
            #expect(try await head(on: bus) == 6)
            try await publish([events[0]], on: bus)
            #expect(try await head(on: bus) == 6, "a head never goes back")
            try await publish([events[2], events[3]], on: bus)
            try await publish([events[1]], on: bus)
            #expect(try await head(on: bus) == 8)
            try await expect(zip(ids, events).enumerated().map { (Int64($0) + 5, $1.0, $1.1) }, on: bus)
            try await eventually("all of it was published") { received.withLock { $0.count } == 5 ? true : nil }
            #expect(received.withLock { $0 } == [1, 0, 2, 3, 1].map { String(buffer: events[$0].payload) })
        }
    }

    @Test("Head and tail live equally long, and only the last events are kept")
    func bounds() async throws {
        try await withBus { bus in
            let id = MessageID.fresh()
            let all = try (1...StreamSequence(Limits.tailCount) + 20).map { try created(id, at: $0) }
            for start in stride(from: 0, to: all.count, by: 100) {
                try await publish(Array(all[start..<min(start + 100, all.count)]), on: bus)
            }
            #expect(
                try await bus.send(RedisCommand("ZCARD", .key(.tail(stream)))).integer == Int64(Limits.tailCount))
            #expect(
                try await bus.send(RedisCommand("ZCOUNT", .key(.tail(stream)), "-inf", "20")).integer == 0)
            let answers = try await bus.send(pipeline: [
                RedisCommand("PEXPIRETIME", .key(.tail(stream))), RedisCommand("PEXPIRETIME", .key(.head(stream))),
                RedisCommand("PTTL", .key(.tail(stream))),
            ])
            let times = answers.compactMap(\.integer)
            try #require(times.count == 3)
            #expect(times[0] == times[1])
            let life = Limits.tailLife.components.seconds * 1000
            #expect((life - 10_000...life).contains(times[2]))
        }
    }

    @Test("A large event is published and leaves a hole, and the head goes on")
    func large() async throws {
        try await withBus { bus in
            let ids = (0..<3).map { _ in MessageID.fresh() }
            let large = String(repeating: "x", count: Limits.tailEntryByteCount)
            let events = [
                try created(ids[0], at: 1), try created(ids[1], at: 2, large), try created(ids[2], at: 3),
            ]
            try await publish(events, on: bus)
            try await expect([(1, ids[0], events[0]), (3, ids[2], events[2])], on: bus)
            #expect(try await head(on: bus) == 3)
            // Published again it still leaves one.
            try await publish([events[1]], on: bus)
            try await expect([(1, ids[0], events[0]), (3, ids[2], events[2])], on: bus)
        }
    }

    @Test("A deletion makes tombstones of what came before, of that message alone")
    func tombstones() async throws {
        try await withBus { bus in
            let (gone, other) = (MessageID.fresh(), MessageID.fresh())
            // Texts that look like a deletion, and like an object's id, are only texts.
            let sly = #"\#(gone),"name":"message.deleted","seq":1,"stream":{"#
            let kept = try created(other, at: 2, sly)
            try await publish([created(gone, at: 1, "secret"), kept, edited(gone, of: 1, at: 3)], on: bus)
            try await publish([deleted(gone, of: 1, at: 4)], on: bus)
            try await expect(
                [
                    (1, gone, deleted(gone, of: 1, at: 4, shownAt: 1)), (2, other, kept),
                    (3, gone, deleted(gone, of: 1, at: 4, shownAt: 3)), (4, gone, deleted(gone, of: 1, at: 4)),
                ], on: bus)
        }
    }

    @Test("What is published after the deletion of its message is kept as a tombstone", arguments: [1, 3] as [Int64])
    func lateEvent(late: StreamSequence) async throws {
        try await withBus { bus in
            let gone = MessageID.fresh()
            let events: [StreamSequence: EncodedEvent] = [
                1: try created(gone, at: 1, "secret"), 3: try edited(gone, of: 1, at: 3),
            ]
            let other = try created(MessageID.fresh(), at: 2)
            try await publish([events[4 - late], other].compactMap(\.self), on: bus)
            try await publish([deleted(gone, of: 1, at: 4)], on: bus)
            try await publish([events[late]].compactMap(\.self), on: bus)
            let values = try await bus.send(RedisCommand("ZRANGE", .key(.tail(stream)), "0", "-1")).array ?? []
            #expect(!values.contains { $0.text?.contains("secret") == true || $0.text?.contains("edited") == true })
            let expected = try [1, 3, 4].map { (seq: StreamSequence) in
                "\(gone)\n" + String(buffer: try deleted(gone, of: 1, at: 4, shownAt: seq).payload)
            }
            #expect(values.compactMap(\.text).filter { $0.hasPrefix(gone.description) } == expected)
        }
    }

    @Test("After Redis lost its memory an old event does not make the stream look shorter than it is")
    func lostMemory() async throws {
        try await withBus { bus in
            let ids = (0..<7).map { _ in MessageID.fresh() }
            try await publish(ids.enumerated().map { try created($1, at: StreamSequence($0) + 1) }, on: bus)
            _ = try await bus.send(RedisCommand("FLUSHALL"))
            let old = try created(ids[4], at: 5)
            try await publish([old], on: bus, committed: 7)
            #expect(try await head(on: bus) == 7)
            try await expect([(5, ids[4], old)], on: bus)
        }
    }
}
