import Contracts
import NIOCore
import NIOHTTP1
import RedisBus
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Sends that share a transaction")
    struct SendingTests {
        @Test(
            "O11 T6: of 300 sends at once with 60 keys through one API each key is one row, one broadcast and one body")
        func keysInBatches() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let device = try await team.people[1].connect()
            let keys = (0..<60).map { uniqueName("key\($0)-") }
            let answers = try await concurrently(0..<300) { number in
                try await team.people[number % 2].api.at(stack.apiURLs[0]).callRaw(
                    Endpoints.sendMessage, path: [team.general],
                    body: SendMessageRequest(content: "\(number % 60)", idempotencyKey: keys[number % 60]))
            }
            // A number and its key have one author: 60 is even.
            for (number, key) in keys.enumerated() {
                let own = stride(from: number, to: 300, by: 60).map { answers[$0] }
                #expect(own.map(\.status).sorted() == [200, 200, 200, 200, 201])
                #expect(Set(own.map(\.text)).count == 1)
                #expect(own.allSatisfy { ($0.headers["Idempotency-Replayed"] == ["true"]) == ($0.status == 200) })
                #expect(try own[0].decode(Message.self).idempotencyKey == key)
            }
            let stored = try answers[0..<60].map { try $0.decode(Message.self) }.sorted { $0.seq < $1.seq }
            #expect(stored.map(\.seq) == Array(stored[0].seq..<stored[0].seq + 60), "the numbers have no gaps")
            try await device.wait(for: .channel(team.general), at: stored[59].seq)
            #expect(device.state.messages(in: team.general) == stored.map(\.content))
            #expect(device.state.violations.isEmpty)
            let parallel = try await stack.count(
                """
                SELECT count(*) - count(DISTINCT xmin::text) FROM messages
                WHERE channel_id = '\(team.general)' AND idempotency_key LIKE 'key%'
                """)
            #expect(parallel > 0, "some of them shared a transaction")
        }

        @Test("No send fails for another of its batch: strangers, the muted, and what PostgreSQL refuses fail alone")
        func isolation() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let secret = try await team.channel(.private)
            let open = try await team.channel(.public)
            let poison = uniqueName("poison ")
            try await stack.sql(
                """
                CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poison'; END $$;
                CREATE TRIGGER refuse_poison BEFORE INSERT ON messages FOR EACH ROW
                WHEN (NEW.content = '\(poison)') EXECUTE FUNCTION refuse_poison()
                """)
            let muted = RedisKey.messageMute(team.people[2].id, team.general).name
            try await stack.redis("SET", muted, "1", "PX", "20000")
            let answers = try await concurrently(0..<120) { number -> APIClient.RawAnswer in
                let (person, channel, content): (Int, ChannelID, String) =
                    switch number % 6 {
                    case 0: (1, secret, "a stranger")
                    case 1: (1, open, "not joined")
                    case 2: (2, team.general, "muted")
                    case 3: (0, team.general, number == 63 ? poison : "\(number)")
                    default: (number % 2, team.general, "\(number)")
                    }
                return try await team.people[person].api.at(stack.apiURLs[1]).callRaw(
                    Endpoints.sendMessage, path: [channel],
                    body: SendMessageRequest(content: content, idempotencyKey: uniqueName("key-")))
            }
            try await stack.sql("DROP TRIGGER refuse_poison ON messages; DROP FUNCTION refuse_poison()")
            for (number, answer) in answers.enumerated() {
                let expected = [404, 403, 429, number == 63 ? 500 : 201, 201, 201][number % 6]
                #expect(answer.status == expected, "\(number): \(answer.text)")
            }
            let stored = try answers.filter { $0.status == 201 }.map { try $0.decode(Message.self).seq }.sorted()
            #expect(
                stored == Array(stored[0]..<stored[0] + StreamSequence(stored.count)), "no number is lost or used twice"
            )
            #expect(try await stack.count("SELECT count(*) FROM messages WHERE content = '\(poison)'") == 0)
        }

        @Test("T7: five messages in 10 s by configuration, then a mute of 30 s that a restart of the API does not lift")
        func configuredRate() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 1, on: stack)
            let settings = [
                "ROOST_MESSAGE_RATE": "5", "ROOST_MESSAGE_RATE_SECONDS": "10", "ROOST_MESSAGE_MUTE_SECONDS": "30",
            ]
            @Sendable func send(_ key: String, at api: String) async throws -> APIClient.RawAnswer {
                try await team.owner.api.at(api).callRaw(
                    Endpoints.sendMessage, path: [team.general],
                    body: SendMessageRequest(content: "text", idempotencyKey: key))
            }
            let first = try await stack.startAPI(settings)
            defer { first.stop() }
            let keys = (0..<8).map { uniqueName("key\($0)-") }
            // At once, so that they share batches: five are taken whichever they are.
            let answers = try await concurrently(keys) { try await send($0, at: first.url) }
            #expect(answers.filter { $0.status == 201 }.count == 5)
            #expect(answers.filter { $0.status == 429 }.count == 3)
            first.stop()
            let second = try await stack.startAPI(settings)
            defer { second.stop() }
            let refused = try await send(uniqueName("key-"), at: second.url)
            #expect(refused.status == 429)
            #expect((15...30).contains(try refused.problem().retryAfter ?? 0))
            for (key, answer) in zip(keys, answers) where answer.status == 201 {
                let retried = try await send(key, at: second.url)
                #expect(retried.status == 200)
                #expect(retried.text == answer.text)
            }
        }

        @Test("O6: a subscriber who sees a message can read it, and the author is answered after it was published")
        func order() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let client = try await BusClient(.gateway, on: stack)
            let seen = Seen()
            let subscription = try await client.bus.subscribe(to: .stream(.channel(team.general))) { payload in
                seen.add(String(buffer: payload))
            }
            for number in 0..<30 {
                let message = try await team.owner.send("\(number)", in: team.general, at: stack.apiURLs[number % 2])
                let tail = try await stack.redis(
                    "ZCOUNT", RedisKey.tail(.channel(team.general)).name, "\(message.seq)", "\(message.seq)")
                #expect(tail == "1", "answered before it was published")
                try await eventually("published") { seen.texts.count == number + 1 ? true : nil }
                let page = try await team.people[1].api.call(Endpoints.listMessages, path: [team.general])
                #expect(page.messages.last == message)
            }
            subscription.cancel()
            try await client.stop()
        }

        @Test("A gateway sends over the bus what HTTP would send: the same message, the same refusals, once a key")
        func overTheBus() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let secret = try await team.channel(.private)
            let device = try await team.people[1].connect()
            let client = try await BusClient(.gateway, on: stack)
            func send(
                _ content: String, key: String = uniqueName("key-"), by person: Int = 0, in channel: ChannelID? = nil
            ) async throws -> BusSendReply {
                let sender = team.people[person]
                return try await client.ask(
                    .sendMessage,
                    BusSendRequest(
                        userID: sender.id, sessionID: sender.signedIn.sessionID, channelID: channel ?? team.general,
                        content: content, idempotencyKey: key))
            }
            let key = uniqueName("key-")
            let sent = try await send("by bus", key: key)
            let message = try #require(sent.message)
            #expect(!sent.isDuplicate && sent.failure == nil)
            #expect(try await send("by bus", key: key) == BusSendReply(message: message, isDuplicate: true))
            let retried = try await team.owner.api.callRaw(
                Endpoints.sendMessage, path: [team.general], body: SendMessageRequest(content: "x", idempotencyKey: key)
            )
            #expect(retried.status == 200)
            #expect(try retried.decode(Message.self) == message)

            #expect(try await send(" ").failure == .validationFailed)
            #expect(try await send("x", key: "short").failure == .validationFailed)
            #expect(try await send("x", by: 1, in: secret).failure == .notFound)
            try await stack.redis("SET", RedisKey.messageMute(team.owner.id, team.general).name, "1", "PX", "20000")
            let muted = try await send("too much")
            #expect(muted.failure == .muted)
            #expect((1...20_000).contains(muted.mutedForMilliseconds ?? 0))
            #expect(muted.detail?.isEmpty == false)
            let ended = try await team.people[1].logIn()
            try await team.people[1].api.call(Endpoints.revokeSession, path: [ended.signedIn.sessionID])
            let refused: BusSendReply = try await client.ask(
                .sendMessage,
                BusSendRequest(
                    userID: ended.id, sessionID: ended.signedIn.sessionID, channelID: team.general, content: "x",
                    idempotencyKey: uniqueName("key-")))
            #expect(refused.failure == .sessionRevoked)

            let marker = try await team.people[1].send("marker", in: team.general)
            try await device.wait(for: .channel(team.general), at: marker.seq)
            #expect(device.state.messages(in: team.general) == ["by bus", "marker"])
            try await client.stop()
        }
    }
}

/// What was published, in order.
private final class Seen: Sendable {
    private let storage = Mutex<[String]>([])

    func add(_ text: String) { storage.withLock { $0.append(text) } }
    var texts: [String] { storage.withLock { $0 } }
}
