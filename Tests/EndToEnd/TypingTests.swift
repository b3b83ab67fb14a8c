import Contracts
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Typing")
    struct TypingTests {
        @Test(
            "S2 C3 O7 T5: typing is seen by the other readers of the channel, on every gateway, and is stored nowhere")
        func typing() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let (ann, outsider) = (team.people[1], team.people[2])
            let secret = try await team.channel(.private, with: [ann])
            let typist = try await ann.connect(to: stack.gatewayURLs[0])
            let own = try await ann.connect(to: stack.gatewayURLs[1])
            let reader = try await team.owner.connect(to: stack.gatewayURLs[1])
            let other = try await outsider.connect(to: stack.gatewayURLs[1])
            let ours = "WHERE stream_id IN ('\(secret)', '\(team.general)', '\(ann.id)')"
            let count = try await stack.count("SELECT count(*) FROM events \(ours)")

            try await typist.type(in: secret)
            let begun = TypingState(channelID: secret, userID: ann.id, isTyping: true)
            try await reader.wait(for: "typing") { $0.presence.typing == [begun] }
            let key = RedisKey.typing(secret, ann.id).name
            let life = try #require(Int(try await stack.redis("PTTL", key)))
            #expect((1...3_000).contains(life), "O5: the key ends by itself")

            try await typist.type(in: secret, false)
            let ended = TypingState(channelID: secret, userID: ann.id, isTyping: false)
            try await reader.wait(for: "its end", within: .seconds(1)) { $0.presence.typing == [begun, ended] }
            #expect(try await stack.redis("EXISTS", key) == "0")
            // A message comes after all of it to everybody.
            let message = try await team.owner.send("done", in: team.general)
            for device in [own, other, typist] {
                try await device.wait(for: .channel(team.general), at: message.seq)
                #expect(device.state.presence.typing.isEmpty, "not one's own, and not without the channel")
            }
            #expect(try await stack.count("SELECT count(*) FROM events \(ours)") == count + 1, "the message")
        }

        @Test("O7: a connection that says it too often is passed on once an interval; silence ends the key in 3 s")
        func throttle() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let typist = try await team.owner.connect(to: stack.gatewayURLs[0])
            let reader = try await team.people[1].connect(to: stack.gatewayURLs[1])
            for _ in 0..<20 { try await typist.type(in: team.general) }
            try await reader.wait(for: "typing") { $0.presence.typing.count == 1 }
            let start = ContinuousClock.now
            let key = RedisKey.typing(team.general, team.owner.id).name
            try await eventually("the key has gone") { try await stack.redis("EXISTS", key) == "0" ? true : nil }
            #expect(ContinuousClock.now - start < Limits.typingLife + .seconds(1))
            #expect(reader.state.presence.typing.count == 1)
        }

        @Test("Who does not read a channel cannot type in it")
        func foreign() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let secret = try await team.channel(.private)
            let reader = try await team.owner.connect(to: stack.gatewayURLs[0])
            let outsider = try await team.people[1].connect(to: stack.gatewayURLs[0])
            try await outsider.type(in: secret)
            try await outsider.type(in: team.general)
            try await reader.wait(for: "typing in general") { !$0.presence.typing.isEmpty }
            #expect(reader.state.presence.typing.map(\.channelID) == [team.general])
        }
    }
}
