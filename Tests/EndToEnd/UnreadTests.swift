import Contracts
import NIOCore
import RedisBus
import ServiceKit
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Unread and read positions")
    struct UnreadTests {
        @Test(
            "O9 O17: after any history every badge equals a recount, with a cold cache and with a warm one",
            arguments: [11, 12, 13] as [UInt64])
        func histories(seed: UInt64) async throws {
            var history = try await UnreadHistory(seed: seed)
            for _ in 0..<24 {
                for _ in 0..<5 { try await history.step() }
                try await history.checkBadges()
            }
            try await history.checkMentions()
            #expect(history.kinds.count == UnreadHistory.Kind.allCases.count, "seed \(seed) did not do everything")
        }

        @Test("O9: after people wrote, read and deleted at once over two APIs every badge equals a recount")
        func atOnce() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            _ = try await concurrently(Array(team.people.enumerated())) { index, person in
                var random = SeededRandom(seed: UInt64(index))
                var own: [Message] = []
                for number in 0..<30 {
                    let api = person.api.at(stack.apiURLs[number % 2])
                    let named = team.people[Int.random(in: 0..<3, using: &random)].username
                    own.append(try await person.send("@\(named) \(number)", in: team.general, at: api.base))
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0:
                        try await api.call(
                            Endpoints.markRead, path: [team.general], body: MarkReadRequest(seq: own[number].seq - 2))
                    case 1:
                        try await api.call(
                            Endpoints.deleteMessage, path: [team.general, own.remove(at: own.count / 2).id])
                        own.append(try await person.send("instead", in: team.general))
                    case 2:
                        try await api.call(
                            Endpoints.markUnread, path: [team.general], body: MarkUnreadRequest(seq: own[0].seq))
                    default: break
                    }
                }
            }
            for person in team.people {
                let unread = try await person.api.call(Endpoints.readUnread, path: [team.general])
                let messages = try await person.allMessages(in: team.general)
                #expect(unread == messages.recount(for: person.id, after: unread))
                let bootstrap = try await person.api.call(Endpoints.bootstrap)
                #expect(bootstrap.unread == [unread])
            }
        }

        @Test("O9 O17: what one device marks as read, and as unread, every other device hears within a second")
        func otherDevices() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let person = team.people[1]
            let device = try await person.connect(to: stack.gatewayURLs[0])
            let other = try await person.logIn().connect(to: stack.gatewayURLs[1])
            let stranger = try await team.owner.connect(to: stack.gatewayURLs[2])
            let texts = try await (0..<3).asyncMap { try await team.owner.send("text \($0)", in: team.general) }
            #expect(try await person.unreadCounts(in: team.general) == [3, 0])

            for (request, count) in [(texts[1].seq, 1), (texts[2].seq, 0)] {
                let marked = try await person.api.call(
                    Endpoints.markRead, path: [team.general], body: MarkReadRequest(seq: request))
                #expect([marked.readSeq, marked.headSeq] == [request, texts[2].seq])
                #expect([marked.unreadCount, marked.mentionCount] == [count, 0])
                let read = ChannelRead(channelID: team.general, seq: request, version: marked.version)
                for device in [device, other] {
                    let frame = try await device.event("the position", within: .seconds(1)) {
                        $0.event == .channelRead(read)
                    }
                    #expect(frame.seq == marked.version)
                }
                // Once more, and backwards: nothing changes, and nothing is told.
                for seq in [request, texts[0].seq, 0] {
                    let again = try await person.api.call(
                        Endpoints.markRead, path: [team.general], body: MarkReadRequest(seq: seq))
                    #expect(again == marked)
                }
            }
            let back = try await person.api.call(
                Endpoints.markUnread, path: [team.general], body: MarkUnreadRequest(seq: texts[1].seq))
            #expect([back.readSeq, Int64(back.unreadCount)] == [texts[1].seq - 1, 2])
            for device in [device, other] {
                try await device.wait(for: .user(person.id), at: back.version, within: .seconds(1))
                let positions = device.state.events(of: .user(person.id)).compactMap { frame in
                    if case .channelRead(let read) = frame.event { read.seq } else { nil }
                }
                #expect(positions == [texts[1].seq, texts[2].seq, texts[1].seq - 1])
                #expect(device.state.violations.isEmpty)
            }
            #expect(stranger.state.events(of: .user(team.owner.id)).isEmpty)
            // Past the end there is nothing to read, nor to leave unread.
            let capped = try await person.api.call(
                Endpoints.markRead, path: [team.general], body: MarkReadRequest(seq: .max))
            #expect([capped.readSeq, capped.headSeq] == [texts[2].seq, texts[2].seq])
            let uncapped = try await person.api.call(
                Endpoints.markUnread, path: [team.general], body: MarkUnreadRequest(seq: .max))
            #expect(uncapped == capped)
        }

        @Test("O17: a device that was away is told the position of now, and who left a channel nothing of it")
        func positionReplay() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let person = team.people[1]
            let gone = try await team.channel(.public, with: [person])
            let device = try await person.connect()
            let texts = try await (0..<3).asyncMap { try await team.owner.send("text \($0)", in: team.general) }
            let other = try await team.owner.send("elsewhere", in: gone)
            await device.close()
            try await person.api.call(
                Endpoints.markRead, path: [team.general], body: MarkReadRequest(seq: texts[0].seq))
            try await person.api.call(Endpoints.markRead, path: [gone], body: MarkReadRequest(seq: other.seq))
            let last = try await person.api.call(
                Endpoints.markRead, path: [team.general], body: MarkReadRequest(seq: texts[2].seq))
            try await person.api.call(Endpoints.leaveChannel, path: [gone])
            try await person.connect(device)
            let read = Event.channelRead(
                ChannelRead(channelID: team.general, seq: texts[2].seq, version: last.version))
            let left = Event.channelLeft(ChannelLeft(channelID: gone))
            #expect(device.state.events(of: .user(person.id)).suffix(2).map(\.event) == [read, left])
            #expect(device.state.violations.isEmpty)
            // From PostgreSQL each event shows what is now.
            let replayed = try await stack.replay(
                of: person.id, after: Cursor(stream: .user(person.id), seq: last.version - 3))
            #expect(replayed == [read, left, read, left])
        }

        @Test("O9: a bootstrap takes a count from Redis only for the very position and head it was made at")
        func cache() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let person = team.people[1]
            let message = try await team.owner.send("one", in: team.general)
            let before = try #require(try await person.api.call(Endpoints.bootstrap).unread.first)
            #expect([before.unreadCount, before.mentionCount] == [1, 0])
            let key = RedisKey.unread(person.id, team.general).name
            let (read, head) = (before.readSeq, before.headSeq)
            #expect(try await stack.redis("GET", key) == "\(read) \(head) 1 0")
            #expect((500_000...600_000).contains(Int(try await stack.redis("PTTL", key)) ?? 0))
            // What was counted at this place is not counted again: this count is wrong, and is believed.
            try await stack.redis("SET", key, "\(read) \(head) 42 7")
            for base in stack.apiURLs {
                let warm = try await person.api.at(base).call(Endpoints.bootstrap).unread
                #expect(warm.map { [$0.unreadCount, $0.mentionCount] } == [[42, 7]])
            }
            #expect(try await person.unreadCounts(in: team.general) == [1, 0], "asked for one channel it is counted")
            for wrong in ["\(read) \(head + 1) 42 7", "\(read + 1) \(head) 42 7", "\(read) \(head) 42", "nonsense"] {
                try await stack.redis("SET", key, wrong)
                #expect(try await person.api.call(Endpoints.bootstrap).unread == [before], "\(wrong)")
            }
            try await stack.redis("SET", key, "\(read) \(head) 42 7")
            try await team.owner.api.call(Endpoints.deleteMessage, path: [team.general, message.id])
            #expect(
                try await person.api.call(Endpoints.bootstrap).unread.map(\.unreadCount) == [0],
                "a deletion moves the head")
        }

        @Test("O9: counts stop at 100, of messages and of mentions")
        func saturation() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let person = team.people[1]
            try await stack.sql(
                """
                INSERT INTO messages
                    (id, channel_id, seq, author_id, content, idempotency_key, version, created_at, mentions, audience)
                SELECT gen_random_uuid(), id, last_seq + n, '\(team.owner.id)', 'bulk ' || n, 'bulk-key-' || n,
                       last_seq + n, now(), CASE n % 3 WHEN 0 THEN ARRAY['\(person.id)'::uuid] ELSE '{}' END,
                       CASE n % 3 WHEN 1 THEN 'here' END
                FROM streams, generate_series(1, 400) n WHERE kind = 'channel' AND id = '\(team.general)';
                INSERT INTO events (kind, stream_id, seq, name, object_id)
                SELECT 'channel', channel_id, seq, 'message.created', id FROM messages
                WHERE channel_id = '\(team.general)';
                UPDATE streams SET last_seq = last_seq + 400 WHERE kind = 'channel' AND id = '\(team.general)'
                """)
            let full = try await person.api.call(Endpoints.readUnread, path: [team.general])
            #expect([full.unreadCount, full.mentionCount] == [100, 100])
            #expect(try await person.api.call(Endpoints.bootstrap).unread == [full])
            let part = try await person.api.call(
                Endpoints.markRead, path: [team.general], body: MarkReadRequest(seq: full.headSeq - 120))
            #expect([part.unreadCount, part.mentionCount] == [100, 80])
            let rest = try await person.api.call(
                Endpoints.markRead, path: [team.general], body: MarkReadRequest(seq: full.headSeq - 99))
            #expect([rest.unreadCount, rest.mentionCount] == [99, 66])
            #expect(try await team.owner.unreadCounts(in: team.general) == [0, 0], "they are the owner's own")
        }

        @Test("O9: a send, whomever it addresses, writes no row of a member")
        func memberRows() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let rows = "SELECT ctid, xmin, user_id FROM channel_members WHERE channel_id = '\(team.general)' ORDER BY 3"
            let before = try await stack.sql(rows)
            #expect(before.count == 3)
            try await team.owner.send("@all @\(team.people[1].username)", in: team.general)
            #expect(try await team.people[1].unreadCounts(in: team.general) == [1, 1])
            #expect(try await team.people[2].unreadCounts(in: team.general) == [1, 1])
            #expect(try await stack.sql(rows) == before)
        }

        @Test("O9: what was said before one joined is read; a channel one is not in has no position")
        func joining() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let person = team.people[1]
            let (open, secret) = (try await team.channel(.public), try await team.channel(.private))
            for channel in [open, secret] { try await team.owner.send("@all before", in: channel) }
            for (channel, status) in [(open, 403), (secret, 404), (.example, 404)] {
                let answers = [
                    try await person.api.callRaw(Endpoints.readUnread, path: [channel], body: Empty()),
                    try await person.api.callRaw(Endpoints.markRead, path: [channel], body: MarkReadRequest(seq: 1)),
                    try await person.api.callRaw(
                        Endpoints.markUnread, path: [channel], body: MarkUnreadRequest(seq: 1)),
                ]
                #expect(answers.map(\.status) == [status, status, status])
            }
            try await person.api.call(Endpoints.joinChannel, path: [open])
            #expect(try await person.unreadCounts(in: open) == [0, 0])
            try await team.owner.send("@here after", in: open)
            #expect(try await person.unreadCounts(in: open) == [1, 1])
            // It can be marked as unread from the beginning all the same.
            let all = try await person.api.call(Endpoints.markUnread, path: [open], body: MarkUnreadRequest(seq: 1))
            #expect([all.readSeq, Int64(all.unreadCount), Int64(all.mentionCount)] == [0, 2, 2])
        }
    }
}

extension Stack {
    /// The events of a stream after a place as an API reads them from PostgreSQL, asked as a gateway asks.
    func replay(of user: UserID, after cursor: Cursor) async throws -> [Event] {
        let client = try await BusClient(.gateway, on: self)
        let request = ReplayRequest(userID: user, cursors: [cursor])
        let answer = try await client.bus.request(
            .replay, to: .api, body: ByteBuffer(bytes: try WireJSON.encode(request)))
        try await client.stop()
        let lines = answer.readableBytesView.split(separator: UInt8(ascii: "\n"))
        let reply = try WireJSON.decode(ReplayReply.self, from: lines[0])
        #expect(!reply.hasMore)
        // A header and a frame each.
        return try stride(from: 2, to: lines.count, by: 2).map { line in
            try WireJSON.decode(EventFrame.self, from: lines[line]).event
        }
    }
}

extension TestUser {
    /// Unread messages and mentions, as counted now.
    func unreadCounts(in channel: ChannelID) async throws -> [Int] {
        let unread = try await api.call(Endpoints.readUnread, path: [channel])
        return [unread.unreadCount, unread.mentionCount]
    }

    /// Every live message of a channel, page by page.
    func allMessages(in channel: ChannelID) async throws -> [Message] {
        var page = try await api.call(Endpoints.listMessages, path: [channel], query: ["limit": "200"])
        var messages = page.messages
        while let before = page.before {
            page = try await api.call(
                Endpoints.listMessages, path: [channel], query: ["limit": "200", "before": before])
            messages = page.messages + messages
        }
        return messages
    }
}

extension [Message] {
    /// What `unread` has to say for a user by these, the live messages of its channel.
    func recount(for user: UserID, after unread: ChannelUnread) -> ChannelUnread {
        let after = filter { $0.seq > unread.readSeq && $0.authorID != user }
        let mentioning = after.filter { $0.mentions.contains(user) || $0.audience != nil }
        return ChannelUnread(
            channelID: unread.channelID, readSeq: unread.readSeq, unreadCount: Swift.min(after.count, 100),
            mentionCount: Swift.min(mentioning.count, 100), headSeq: unread.headSeq, version: unread.version)
    }
}
