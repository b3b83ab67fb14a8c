import Contracts
import TestSupport
import Testing

/// Three people in three channels who do things at random, and what they must see of it, computed the simple way: by
/// positions that the test keeps and the messages that `listMessages` shows.
struct UnreadHistory {
    enum Kind: CaseIterable { case send, edit, delete, markRead, markUnread, join, leave }

    private let seed: UInt64
    private var random: SeededRandom
    private let stack: Stack
    private let team: Team
    private let channels: [ChannelID]
    /// A device of the first person, who stays in every channel.
    private let device: GatewayClient
    private var positions: [ChannelID: [UserID: StreamSequence]] = [:]
    /// Live messages of each channel, as they were answered last.
    private var messages: [ChannelID: [Message]] = [:]
    /// What was done so far.
    private(set) var kinds: Set<Kind> = []

    init(seed: UInt64) async throws {
        self.seed = seed
        random = SeededRandom(seed: seed)
        stack = try await Stack.shared()
        team = try await Team.make(of: 3, on: stack)
        channels = [
            team.general, try await team.channel(.public, with: [team.people[1]]), try await team.channel(.public),
        ]
        device = try await team.owner.connect(to: stack.gatewayURLs[2])
        for person in team.people {
            for unread in try await person.api.call(Endpoints.bootstrap).unread {
                positions[unread.channelID, default: [:]][person.id] = unread.readSeq
                #expect([unread.unreadCount, unread.mentionCount] == [0, 0])
            }
        }
    }

    // MARK: Steps

    /// Does one thing at random that is possible now, through one of the APIs.
    mutating func step() async throws {
        let person = pick(team.people)
        let channel = pick(channels)
        let api = person.api.at(pick(stack.apiURLs))
        let own = messages[channel, default: []].filter { $0.authorID == person.id }
        guard let position = positions[channel]?[person.id] else {
            let head = try await head(of: channel)
            try await api.call(Endpoints.joinChannel, path: [channel])
            positions[channel]?[person.id] = head
            kinds.insert(.join)
            return
        }
        let kind = pick([.send, .send, .send, .edit, .edit, .delete, .markRead, .markUnread, .leave] as [Kind])
        switch kind {
        case .send, .join:
            try await write(in: channel) { text in
                try await person.send(text, in: channel, at: api.base)
            }
        case .edit:
            guard !own.isEmpty else { return }
            let message = pick(own)
            messages[channel]?.removeAll { $0.id == message.id }
            try await write(in: channel) { text in
                try await api.call(
                    Endpoints.editMessage, path: [channel, message.id], body: EditMessageRequest(content: text))
            }
        case .delete:
            guard !own.isEmpty else { return }
            let message = pick(own)
            try await api.call(Endpoints.deleteMessage, path: [channel, message.id])
            messages[channel]?.removeAll { $0.id == message.id }
        case .markRead:
            let head = try await head(of: channel)
            let seq = Int64.random(in: 0...head + 2, using: &random)
            let marked = try await api.call(Endpoints.markRead, path: [channel], body: MarkReadRequest(seq: seq))
            positions[channel]?[person.id] = max(position, min(seq, head))
            #expect(marked.readSeq == positions[channel]?[person.id])
        case .markUnread:
            let head = try await head(of: channel)
            let seq = Int64.random(in: 1...head + 2, using: &random)
            let marked = try await api.call(Endpoints.markUnread, path: [channel], body: MarkUnreadRequest(seq: seq))
            positions[channel]?[person.id] = min(seq - 1, head)
            #expect(marked.readSeq == positions[channel]?[person.id])
        case .leave:
            guard person.id != team.owner.id, Bool.random(using: &random) else { return }
            try await api.call(Endpoints.leaveChannel, path: [channel])
            positions[channel]?[person.id] = nil
        }
        kinds.insert(kind)
    }

    /// Writes a text that addresses some people, and checks that of those named the members are mentioned.
    private mutating func write(in channel: ChannelID, _ action: (String) async throws -> Message) async throws {
        let members = positions[channel, default: [:]]
        let named = team.people.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
        let audience: MentionAudience? = pick([nil, nil, nil, nil, .all, .here] as [MentionAudience?])
        let words =
            named.map { "@\($0.username)" } + (audience.map { ["@\($0.rawValue)"] } ?? [])
            + ["`@\(team.owner.username)`", "nobody@\(team.owner.username).example"]
        let message = try await action(words.shuffled(using: &random).joined(separator: " "))
        #expect(
            message.mentions.map(\.description)
                == named.filter { members[$0.id] != nil }.map(\.id.description).sorted())
        #expect(message.audience == audience)
        messages[channel, default: []].append(message)
    }

    private mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
    }

    private func head(of channel: ChannelID) async throws -> StreamSequence {
        try await team.owner.api.call(Endpoints.listMessages, path: [channel], query: ["limit": "1"]).seq
    }

    // MARK: Checks

    /// What every person sees, asked for in three ways, against a recount.
    func checkBadges() async throws {
        for person in team.people {
            var expected: [ChannelID: ChannelUnread] = [:]
            for channel in channels {
                guard let position = positions[channel]?[person.id] else { continue }
                let unread = try await person.api.call(Endpoints.readUnread, path: [channel])
                #expect(unread.readSeq == position, "seed \(seed)")
                let live = try await person.allMessages(in: channel)
                #expect(unread == live.recount(for: person.id, after: unread), "seed \(seed)")
                expected[channel] = unread
            }
            let warm = try await bootstrap(person)
            #expect(warm == expected, "seed \(seed): with whatever Redis remembers")
            for channel in channels { try await stack.redis("DEL", RedisKey.unread(person.id, channel).name) }
            let cold = try await bootstrap(person)
            #expect(cold == expected, "seed \(seed): with nothing in Redis")
            let fresh = try await bootstrap(person)
            #expect(fresh == expected, "seed \(seed): with everything in Redis")
        }
    }

    private func bootstrap(_ person: TestUser) async throws -> [ChannelID: ChannelUnread] {
        let bootstrap = try await person.api.call(Endpoints.bootstrap)
        let heads = Dictionary(bootstrap.cursors.map { ($0.stream, $0.seq) }, uniquingKeysWith: max)
        for unread in bootstrap.unread { #expect(heads[.channel(unread.channelID)] == unread.headSeq) }
        #expect(bootstrap.unread.map(\.channelID) == bootstrap.channels.map(\.id))
        return Dictionary(uniqueKeysWithValues: bootstrap.unread.map { ($0.channelID, $0) })
    }

    /// Who applies the mention events of the first person's stream has the live messages that name that person.
    func checkMentions() async throws {
        let user = team.owner.id
        var expected: Set<MessageID> = []
        for channel in channels {
            let live = try await team.owner.allMessages(in: channel)
            expected.formUnion(live.filter { $0.authorID != user && $0.mentions.contains(user) }.map(\.id))
        }
        try await device.wait(for: "the mentions of now") { [expected] in $0.mentioned == expected }
        #expect(device.state.violations.isEmpty)
    }
}

extension GatewayClient.State {
    /// The messages that mention the user, by the events so far.
    var mentioned: Set<MessageID> {
        events.reduce(into: []) { messages, frame in
            switch frame.event {
            case .mentionCreated(let mention): messages.insert(mention.messageID)
            case .mentionRemoved(let mention): messages.remove(mention.messageID)
            default: break
            }
        }
    }
}
