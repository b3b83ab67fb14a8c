import Contracts
import NIOCore
import RedisBus
import ServiceKit
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Publication: tails, heads and what a crash leaves")
    struct PublicationTests {
        @Test("Whatever happens, what Redis keeps of it is what PostgreSQL replays, and a deletion leaves nothing")
        func tailsEqualReplays() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let history = try await History(team, stack, seed: 1)
            try await history.run(steps: 40)
            try await history.checkTombstones()
            try await history.client.stop()
            // The history is random; what it must have shown is not.
            let names: [EventName] = [
                .messageCreated, .messageEdited, .messageDeleted, .channelUpdated, .channelMemberJoined,
                .channelMemberLeft, .callUpdated, .channelJoined, .channelLeft, .sessionRevoked, .channelCreated,
                .workspaceMemberJoined, .userUpdated, .ringUpdated,
            ]
            for name in names { #expect(history.seen.contains(name), "\(name) was not in the history") }
        }

        @Test("Every second the APIs tell the heads that changed, again and again for a while")
        func heads() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 1, on: stack)
            let client = try await BusClient(.gateway, on: stack)
            let told = Notices()
            let subscription = try await client.bus.subscribe(to: .heads) { payload in
                told.add(HeadsNotice(text: String(buffer: payload)))
            }
            let message = try await team.owner.send("look", in: team.general)
            let head = Cursor(stream: .channel(team.general), seq: message.seq)
            try await eventually("told three times", within: .seconds(6)) { told.count(of: head) >= 3 ? true : nil }
            subscription.cancel()
            try await client.stop()
        }

        @Test("O6: what was committed and not published before Redis lost its memory arrives within 2 s, in its order")
        func lostMemory() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 1, on: stack)
            let device = try await team.owner.connect()
            let first = try await team.owner.send("first", in: team.general)
            let last = try await team.owner.send("last", in: team.general)
            try await device.wait(for: .channel(team.general), at: last.seq)
            try await eventually("its outbox rows are deleted") {
                try await stack.count("SELECT count(*) FROM outbox WHERE stream_id = '\(team.general)'") == 0
                    ? true : nil
            }
            // An API that died after the commit of the first, while another published the last.
            try await stack.redis("FLUSHALL")
            try await stack.sql("INSERT INTO outbox VALUES ('channel', '\(team.general)', \(first.seq), now())")
            let key = RedisKey.head(.channel(team.general)).name
            try await eventually("published again", within: .seconds(3)) {
                try await stack.redis("EXISTS", key) == "1" ? true : nil
            }
            #expect(try await stack.redis("GET", key) == "\(last.seq)", "the head is the stream's, not the event's")
            let late = try await team.owner.send("late", in: team.general)
            try await device.wait(for: .channel(team.general), at: late.seq)
            #expect(device.state.messages(in: team.general) == ["first", "last", "late"])
            #expect(device.state.violations.isEmpty)
        }

        @Test("O6: after kill -9 of an API amid sends all that it committed is delivered, in order and once")
        func killedAmidSends() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let devices = try await concurrently(stack.gatewayURLs) { try await team.people[1].connect(to: $0) }
            let api = try await stack.startAPI(["ROOST_MESSAGE_RATE": "100000"])
            async let sending = concurrently(0..<400) { number in
                _ = try? await team.owner.api.at(api.url).callRaw(
                    Endpoints.sendMessage, path: [team.general],
                    body: SendMessageRequest(content: "\(number)", idempotencyKey: uniqueName("key-")))
            }
            try await devices[0].wait(for: "the first messages") { $0.messages(in: team.general).count >= 20 }
            api.stop()
            _ = try await sending
            // Its own transactions end with its connections; then nothing more is committed.
            try await eventually("no transaction of the dead API is open") {
                let marker = try await team.owner.send("marker", in: team.general)
                let count = try await stack.count(
                    "SELECT count(*) FROM messages WHERE channel_id = '\(team.general)' AND seq > \(marker.seq)")
                return count == 0 ? true : nil
            }
            let rows = try await stack.sql(
                "SELECT content FROM messages WHERE channel_id = '\(team.general)' ORDER BY seq")
            for device in devices {
                try await device.wait(for: "all that was committed", within: .seconds(3)) {
                    $0.messages(in: team.general).count == rows.count
                }
                #expect(device.state.messages(in: team.general) == rows)
                #expect(device.state.violations.isEmpty)
            }
            try await eventually("the outbox is empty again", within: .seconds(5)) {
                try await stack.count("SELECT count(*) FROM outbox WHERE stream_id = '\(team.general)'") == 0
                    ? true : nil
            }
        }
    }
}

/// What was told on the topic of heads.
private final class Notices: Sendable {
    private let notices = Mutex<[Set<Cursor>]>([])

    func add(_ notice: HeadsNotice) { notices.withLock { $0.append(Set(notice.heads)) } }
    func count(of head: Cursor) -> Int { notices.withLock { $0.count { $0.contains(head) } } }
}

/// A random history of a team, and after each step the comparison of every tail with what PostgreSQL replays.
private final class History {
    /// Kinds of steps.
    private static let kindCount = 10

    let client: BusClient
    private(set) var seen: Set<EventName> = []
    private let team: Team
    private let stack: Stack
    private let seed: UInt64
    private var random: SplitMix64
    private var known: [StreamID: StreamSequence] = [:]
    private var deleted: [Message] = []
    private var callRevision: Int64 = 0

    init(_ team: Team, _ stack: Stack, seed: UInt64) async throws {
        self.team = team
        self.stack = stack
        self.seed = seed
        random = SplitMix64(state: seed)
        client = try await BusClient(.gateway, on: stack)
        let streams: [StreamID] =
            [.channel(team.general), .workspace(team.workspace)] + team.people.map { .user($0.id) }
        for cursor in try await heads(of: streams) { known[cursor.stream] = cursor.seq }
    }

    /// Each kind of step once, then at random.
    func run(steps: Int) async throws {
        for step in 0..<steps {
            let kind = step < Self.kindCount ? step : Int.random(in: 0..<Self.kindCount, using: &random)
            try await perform(kind)
            try await compare("seed \(seed), step \(step) of kind \(kind)")
        }
    }

    private func perform(_ kind: Int) async throws {
        let (owner, other) = (team.people[0], team.people[1])
        switch kind {
        case 0:
            let isLarge = Bool.random(using: &random)
            let content = isLarge ? String(repeating: "large \"\n", count: 1500) : "small ☂\u{1}"
            try await team.people[Int.random(in: 0...1, using: &random)].send(content, in: team.general)
        case 1:
            let message = try await owner.send("soon edited", in: team.general)
            try await edit(message, "edited \\ \u{7F}")
        case 2:
            let message = try await owner.send("soon deleted", in: team.general)
            try await edit(message, "still here")
            try await other.send("between", in: team.general)
            try await owner.api.call(Endpoints.deleteMessage, path: [team.general, message.id])
            deleted.append(message)
        case 3:
            for visibility in [ChannelVisibility.public, .private] {
                let channel = try await team.channel(visibility, with: [other])
                known[.channel(channel)] = 0
                try await other.api.call(Endpoints.leaveChannel, path: [channel])
            }
        case 4:
            try await owner.api.call(
                Endpoints.updateChannel, path: [team.general], body: UpdateChannelRequest(topic: uniqueName("topic ")))
        case 5:
            try await other.api.call(
                Endpoints.updateMe, body: UpdateProfileRequest(displayName: uniqueName("name ")))
        case 6:
            let session = try await team.people[2].logIn().signedIn.sessionID
            try await team.people[2].api.call(Endpoints.revokeSession, path: [session])
        case 7:
            try await call(of: owner, in: team.general)
        case 8:
            let direct = try await owner.api.call(
                Endpoints.openDirectChannel, path: [team.workspace], body: OpenDirectChannelRequest(userID: other.id))
            known[.channel(direct.id)] = known[.channel(direct.id)] ?? 0
            try await call(of: owner, in: direct.id)
        default:
            let invite = try await owner.api.call(Endpoints.createInvite, path: [team.workspace])
            let guest = try await TestUser.register(on: stack)
            try await guest.api.call(Endpoints.acceptInvite, path: [invite.code])
        }
    }

    private func edit(_ message: Message, _ content: String) async throws {
        try await team.owner.api.call(
            Endpoints.editMessage, path: [team.general, message.id], body: EditMessageRequest(content: content))
    }

    /// A call that somebody begins and gives up.
    private func call(of user: TestUser, in channel: ChannelID) async throws {
        let seat = CallParticipant(participantID: .fresh(), userID: user.id, joinedAt: .now)
        for participants in [[seat], []] {
            callRevision += 1
            let report = CallReport(
                channelID: channel, epoch: 1, revision: callRevision, participants: participants)
            _ = try await client.ask(.callReport, report, as: Empty.self)
        }
    }

    /// Compares what is new in each stream. Of the events of one object only the last is as its object is now.
    private func compare(_ step: String) async throws {
        for head in try await heads(of: Array(known.keys)) {
            let key = RedisKey.head(head.stream)
            try await eventually("\(step): \(head.stream) is published up to \(head.seq)") {
                let text = try await self.client.bus.send(RedisCommand("GET", .key(key))).text
                return text.flatMap { StreamSequence($0) }.flatMap { $0 >= head.seq ? true : nil }
            }
            var objects: Set<Substring> = []
            let first = known[head.stream] ?? 0
            for seq in stride(from: head.seq, to: first, by: -1) {
                let (name, replayed) = try await replay(head.stream, seq)
                seen.insert(name)
                guard let kept = try await entry(head.stream, seq) else {
                    #expect(replayed.utf8.count > Limits.tailEntryByteCount - 100, "\(step): a hole")
                    continue
                }
                guard objects.insert(kept.prefix(TailEntry.objectByteCount)).inserted else { continue }
                #expect(kept.dropFirst(TailEntry.objectByteCount) == replayed, "\(step): \(head.stream)@\(seq)")
            }
            known[head.stream] = head.seq
        }
    }

    /// Every entry of a message that was deleted is what PostgreSQL replays, and nothing of its texts is kept.
    func checkTombstones() async throws {
        var count = 0
        for seq in 1...(known[.channel(team.general)] ?? 1) {
            guard let kept = try await entry(.channel(team.general), seq) else { continue }
            #expect(!kept.contains("soon deleted") && !kept.contains("still here"))
            guard deleted.contains(where: { kept.hasPrefix($0.id.description) }) else { continue }
            count += 1
            let replayed = try await replay(.channel(team.general), seq).text
            #expect(kept.dropFirst(TailEntry.objectByteCount) == replayed, "seed \(seed)")
        }
        #expect(count == 3 * deleted.count)
    }

    private func entry(_ stream: StreamID, _ seq: StreamSequence) async throws -> String? {
        let found = try await client.bus.send(
            RedisCommand("ZRANGEBYSCORE", .key(.tail(stream)), .integer(seq), .integer(seq)))
        let entries = (found.array ?? []).compactMap(\.text)
        #expect(entries.count <= 1)
        return entries.first
    }

    /// An event as it would be replayed: its header, a line feed, and its frame.
    private func replay(_ stream: StreamID, _ seq: StreamSequence) async throws -> (name: EventName, text: String) {
        let request = ReplayRequest(userID: nil, cursors: [Cursor(stream: stream, seq: seq - 1)])
        let answer = try await client.bus.request(
            .replay, to: .api, body: ByteBuffer(bytes: try WireJSON.encode(request)))
        let lines = String(buffer: answer).split(separator: "\n", maxSplits: 3).map(String.init)
        guard lines.count >= 3, let line = ReplayLine(header: lines[1]), line.envelope.seq == seq else {
            throw Timeout("no replay of \(stream)@\(seq): \(lines)")
        }
        let frame = try WireJSON.decode(EventFrame.self, from: Array(lines[2].utf8))
        return (frame.event.name, "\(line.envelope.header)\n\(lines[2])")
    }

    private func heads(of streams: [StreamID]) async throws -> [Cursor] {
        try await client.ask(.heads, HeadsRequest(streams: streams), as: HeadsReply.self).heads
    }
}

/// Random numbers that one seed repeats.
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
