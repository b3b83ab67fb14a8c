import Contracts
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Idempotent sends and the message rate")
    struct IdempotencyTests {
        @Test("O11 T6: 100 parallel retries of one key over two APIs are one row, one broadcast and one body")
        func parallelRetries() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let devices = try await concurrently(stack.gatewayURLs) { try await team.people[1].connect(to: $0) }
            let request = SendMessageRequest(content: "once", idempotencyKey: uniqueName("key-"))
            let answers = try await concurrently(0..<100) { number in
                try await team.owner.api.at(stack.apiURLs[number % 2]).callRaw(
                    Endpoints.sendMessage, path: [team.general], body: request)
            }
            #expect(answers.filter { $0.status == 201 }.count == 1)
            #expect(answers.filter { $0.status == 200 }.count == 99)
            #expect(Set(answers.map(\.text)).count == 1)
            #expect(answers.allSatisfy { ($0.headers["Idempotency-Replayed"] == ["true"]) == ($0.status == 200) })
            let message: Message = try answers[0].decode()
            let rows = "SELECT count(*) FROM messages WHERE idempotency_key = '\(request.idempotencyKey)'"
            #expect(try await stack.count(rows) == 1)

            // After an edit the same key answers what the message is now, and after its deletion nothing is sent anew.
            let edited = try await team.owner.api.call(
                Endpoints.editMessage, path: [team.general, message.id], body: EditMessageRequest(content: "edited"))
            let late = try await team.owner.api.callRaw(Endpoints.sendMessage, path: [team.general], body: request)
            #expect(late.status == 200)
            #expect(try late.decode() == edited)
            try await team.owner.api.call(Endpoints.deleteMessage, path: [team.general, message.id])
            let latest = try await team.owner.api.callRaw(Endpoints.sendMessage, path: [team.general], body: request)
            #expect(latest.status == 200)
            #expect(try latest.decode(Message.self).id == message.id)
            #expect(try latest.decode(Message.self).content == "")
            #expect(try await stack.count(rows) == 1)

            let marker = try await team.owner.send("marker", in: team.general)
            #expect(marker.seq == message.seq + 3, "the retries took no number")
            for device in devices {
                try await device.wait(for: .channel(team.general), at: marker.seq)
                #expect(device.state.messages(in: team.general) == ["once", "marker"])
                #expect(device.state.violations.isEmpty)
            }
        }

        @Test("O11: a key belongs to its author and its channel")
        func keyScope() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let second = try await team.channel(.public, with: [team.people[1]])
            let key = uniqueName("key-")
            var ids: Set<MessageID> = []
            for (person, channel) in [(0, team.general), (1, team.general), (0, second)] {
                ids.insert(try await team.people[person].send("mine", in: channel, key: key).id)
            }
            #expect(ids.count == 3)
        }

        @Test("T7 C11: the 11th message in 10 s is muted over all APIs; retries cost nothing and work while muted")
        func rateLimit() async throws {
            let stack = try await Stack.shared()
            let apis = try await concurrently(0..<2) { _ in try await stack.startAPI() }
            defer { for api in apis { api.stop() } }
            let team = try await Team.make(of: 2, on: stack)
            let device = try await team.people[1].connect()
            let quiet = try await team.channel(.public)
            @Sendable func send(_ key: String, at api: Int, in channel: ChannelID? = nil) async throws
                -> APIClient.RawAnswer
            {
                try await team.owner.api.at(apis[api].url).callRaw(
                    Endpoints.sendMessage, path: [channel ?? team.general],
                    body: SendMessageRequest(content: key, idempotencyKey: key))
            }
            let keys = (0..<10).map { uniqueName("key\($0)-") }
            for (number, key) in keys.enumerated() { #expect(try await send(key, at: number % 2).status == 201) }
            for number in 0..<20 { #expect(try await send(keys[3], at: number % 2).status == 200) }

            // A retry whose key has left the window, while the window is full again, mutes nobody.
            try await stack.redis("ZREM", RedisKey.messageRate(team.owner.id, team.general).name, keys[0])
            try await stack.redis("ZADD", RedisKey.messageRate(team.owner.id, team.general).name, "9e15", "another")
            #expect(try await send(keys[0], at: 0).status == 200)
            #expect(try await stack.redis("EXISTS", RedisKey.messageMute(team.owner.id, team.general).name) == "0")

            for api in 0..<2 {
                let refused = try await send(uniqueName("key-"), at: api)
                #expect(refused.status == 429)
                let problem = try refused.problem()
                #expect(problem.code == .muted)
                #expect((1...30).contains(problem.retryAfter ?? 0))
                #expect(refused.headers["Retry-After"] == [String(problem.retryAfter ?? 0)])
            }
            for key in keys {
                let retried = try await send(key, at: 0)
                #expect(retried.status == 200)
                #expect(try retried.decode(Message.self).content == key)
            }
            // The window passes before the mute does: then only the database still knows the key.
            try await stack.redis("DEL", RedisKey.messageRate(team.owner.id, team.general).name)
            #expect(try await send(uniqueName("key-"), at: 1).status == 429)
            #expect(try await send(keys[0], at: 1).status == 200)
            #expect(try await send(uniqueName("key-"), at: 1, in: quiet).status == 201, "the mute is of one channel")
            let marker = try await team.people[1].send("others may speak", in: team.general, at: apis[0].url)
            try await device.wait(for: .channel(team.general), at: marker.seq)
            #expect(device.state.messages(in: team.general) == keys + ["others may speak"])
            #expect(device.state.violations.isEmpty)
        }
    }
}
