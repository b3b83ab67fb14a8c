import Contracts
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Resume")
    struct ResumeTests {
        @Test("S3 O17: cut off without a close frame, a client resumes on any gateway and misses nothing")
        func cutConnection() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let person = team.people[1]
            let proxies = try await concurrently(stack.gatewayURLs) { try await TCPProxy(to: $0) }
            let devices = try await concurrently(proxies) { try await person.connect(to: $0.url) }
            var texts: [Message] = []
            for number in 0..<3 { texts.append(try await team.owner.send("seen \(number)", in: team.general)) }
            for device in devices { try await device.wait(for: .channel(team.general), at: texts[2].seq) }

            for proxy in proxies { try await proxy.cut() }
            for device in devices { #expect(try await device.closeCode() == nil, "no close frame came through") }
            #expect(proxies.allSatisfy { $0.socketCount == 0 })
            await #expect(throws: (any Error).self) { try await person.connect(devices[0], to: proxies[0].url) }

            let missed = try await team.owner.send("missed", in: team.general)
            let edited = try await team.owner.api.call(
                Endpoints.editMessage, path: [team.general, texts[0].id], body: EditMessageRequest(content: "edited"))
            try await team.owner.api.call(Endpoints.deleteMessage, path: [team.general, texts[1].id])
            let secret = try await team.channel(.private, with: [person])
            try await team.owner.send("before you looked", in: secret)
            let last = try await team.owner.send("last", in: team.general)
            for proxy in proxies { proxy.restore() }

            let resumed = Array(devices.enumerated())
            _ = try await concurrently(resumed) { index, device in
                try await person.connect(device, to: proxies[(index + 1) % proxies.count].url)
            }
            let live = try await team.owner.send("live", in: secret)
            for device in devices {
                try await device.wait(for: .channel(secret), at: live.seq)
                let state = device.state
                #expect(
                    state.events(of: .channel(team.general)).suffix(4).map(\.event) == [
                        .messageCreated(missed), .messageEdited(edited),
                        .messageDeleted(
                            MessageDeleted(
                                id: texts[1].id, channelID: team.general, seq: texts[1].seq, authorID: team.owner.id,
                                version: edited.version + 1)),
                        .messageCreated(last),
                    ])
                #expect(
                    state.events(of: .user(person.id)).contains { frame in
                        if case .channelJoined(let joined) = frame.event { joined.channel.id == secret } else { false }
                    })
                #expect(state.messages(in: secret) == ["live"], "what was before is the snapshot's to show")
                #expect(state.resets.isEmpty)
                #expect(state.violations.isEmpty)
            }
        }

        @Test("O17: a channel left while away is gone: its cursor is dropped as if the channel did not exist")
        func leftWhileAway() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let person = team.people[1]
            let channel = try await team.channel(.private, with: [person])
            let device = try await person.connect()
            await device.close()
            try await person.api.call(Endpoints.leaveChannel, path: [channel])
            try await team.owner.send("not for you any more", in: channel)
            let unknown = ChannelID.example
            device.start(
                at: device.state.cursors.map { Cursor(stream: $0.key, seq: $0.value) } + [
                    Cursor(stream: .channel(unknown), seq: 5), Cursor(stream: .user(team.owner.id), seq: 0),
                ])
            try await person.connect(device)
            let streams = Set(device.state.ready?.streams.map(\.stream) ?? [])
            #expect(streams == [.user(person.id), .workspace(team.workspace), .channel(team.general)])
            #expect(device.state.events(of: .channel(channel)).isEmpty)
            #expect(device.state.events(of: .user(team.owner.id)).isEmpty)
            #expect(device.state.violations.isEmpty)
        }

        @Test("T10: 1,200 missed events come in pages, complete and in order, with live ones after them")
        func pages() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let device = try await team.people[1].connect()
            await device.close()
            try await stack.sql(
                """
                INSERT INTO messages (id, channel_id, seq, author_id, content, idempotency_key, version, created_at)
                SELECT gen_random_uuid(), id, last_seq + n, '\(team.owner.id)', 'bulk ' || n, 'bulk-key-' || n,
                       last_seq + n, now()
                FROM streams, generate_series(1, 1200) n WHERE kind = 'channel' AND id = '\(team.general)';
                INSERT INTO events (kind, stream_id, seq, name, object_id)
                SELECT 'channel', channel_id, seq, 'message.created', id FROM messages
                WHERE channel_id = '\(team.general)';
                UPDATE streams SET last_seq = last_seq + 1200 WHERE kind = 'channel' AND id = '\(team.general)'
                """)
            async let sending: Void = {
                for number in 1...50 { try await team.owner.send("live \(number)", in: team.general) }
            }()
            try await team.people[1].connect(device)
            try await sending
            try await device.wait(for: "everything") { $0.messages(in: team.general).count == 1250 }
            #expect(
                device.state.messages(in: team.general)
                    == (1...1200).map { "bulk \($0)" } + (1...50).map { "live \($0)" })
            #expect(device.state.violations.isEmpty)
            #expect(device.state.resets.isEmpty)
        }

        @Test("T10: missed messages of the largest size come complete, in pages bounded in bytes")
        func largeMessages() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let device = try await team.people[1].connect()
            await device.close()
            let large = String(repeating: "😀", count: Limits.messageScalarCount.upperBound)
            for _ in 1...80 { try await team.owner.send(large, in: team.general) }
            try await team.people[1].connect(device)
            try await device.wait(for: "everything") { $0.messages(in: team.general).count == 80 }
            #expect(device.state.messages(in: team.general).allSatisfy { $0 == large })
            #expect(device.state.violations.isEmpty)
        }

        @Test("T10: past the horizon a stream is reset explicitly, for who was away and for who was connected")
        func horizon() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let (away, online) = (try await team.people[1].connect(), try await team.people[1].connect())
            let other = try await team.channel(.public, with: [team.people[1]])
            let place = try await team.owner.send("both streams stand here", in: other)
            for device in [away, online] { try await device.wait(for: .channel(other), at: place.seq) }
            await away.close()
            let missed = try await team.owner.send("a short absence", in: other)
            try await stack.sql(
                """
                SELECT append_event('channel', '\(team.general)', 'channel.updated', '\(team.general)')
                FROM generate_series(1, \(Limits.horizonPerStream + 100));
                DELETE FROM outbox WHERE stream_id = '\(team.general)'
                """)
            let head = try await team.owner.send("far ahead", in: team.general)
            try await online.wait(for: .channel(team.general), at: head.seq)
            try await team.people[1].connect(away)
            let live = try await team.owner.send("live again", in: team.general)
            for device in [away, online] {
                try await device.wait(for: .channel(team.general), at: live.seq)
                #expect(device.state.resets == [Reset(stream: .channel(team.general), seq: head.seq)])
                #expect(device.state.messages(in: team.general) == ["live again"])
                #expect(device.state.messages(in: other).last == missed.content, "other streams are not reset")
                #expect(device.state.violations.isEmpty)
            }
        }

        @Test("T10: a cursor ahead of its stream, as after a restored backup, is reset")
        func cursorAhead() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 1, on: stack)
            let device = GatewayClient()
            device.start(at: [Cursor(stream: .channel(team.general), seq: 1_000_000)])
            try await team.owner.connect(device)
            let message = try await team.owner.send("on", in: team.general)
            try await device.wait(for: "the message") { $0.messages(in: team.general) == ["on"] }
            #expect(device.state.resets == [Reset(stream: .channel(team.general), seq: message.seq - 1)])
            #expect(device.state.violations.isEmpty)
        }
    }
}
