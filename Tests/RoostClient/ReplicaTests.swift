import Contracts
import RoostClient
import TestSupport
import Testing

@Suite("Replica")
struct ReplicaTests {
    private let channel = StreamID.channel(Samples.general)

    /// Of one channel, loaded with these messages.
    private func replica(_ messages: [Message] = [], read: StreamSequence = 0) -> Replica {
        var replica = Replica(
            Samples.bootstrap(Samples.cursors(), unread: [Samples.unread(Samples.general, read: read)]))
        for request in replica.takeLoads() { replica.receive(snapshot(messages, read: read), for: request) }
        return replica
    }

    private func snapshot(
        _ messages: [Message], read: StreamSequence = 0, topic: String = "", version: Int64 = 1
    ) -> StreamSnapshot {
        .channel(
            Samples.channel(Samples.general, topic: topic, version: version), members: [], messages: messages,
            call: Samples.call(Samples.general), unread: Samples.unread(Samples.general, read: read))
    }

    private func update(_ seq: StreamSequence, _ event: Event, of stream: StreamID? = nil) -> Update {
        .event(EventFrame(stream: stream ?? channel, seq: seq, event: event), StreamChange())
    }

    @Test("Events while a stream is loaded wait, and are applied to what was loaded, older ones too")
    func eventsDuringLoad() {
        var replica = Replica(Samples.bootstrap(Samples.cursors()))
        let requests = replica.takeLoads()
        let kept = Samples.message(1, seq: 1, version: 3, "edited")
        let gone = Samples.message(2, seq: 2)
        replica.receive(update(1, .messageCreated(Samples.message(1, seq: 1))))
        replica.receive(update(2, .messageCreated(gone)))
        replica.receive(update(3, .messageEdited(kept)))
        replica.receive(update(4, Samples.deleted(gone, version: 4)))
        #expect(!replica.isComplete)
        #expect(replica.takeLoads().isEmpty, "asked for once")
        // The page was read when all four had happened.
        for request in requests { replica.receive(snapshot([kept]), for: request) }
        #expect(replica.isComplete)
        #expect(replica.channels[Samples.general]?.messages == [kept.id: kept])
    }

    @Test("T10: a reset loads the stream anew; an answer to an earlier load is dropped")
    func reset() {
        var replica = replica([Samples.message(1, seq: 1)])
        replica.receive(.reset(Reset(stream: channel, seq: 10)))
        let stale = replica.takeLoads()
        replica.receive(.reset(Reset(stream: channel, seq: 20)))
        for request in stale { replica.receive(snapshot([]), for: request) }
        #expect(!replica.isComplete)
        let fresh = Samples.message(2, seq: 20)
        for request in replica.takeLoads() { replica.receive(snapshot([fresh]), for: request) }
        #expect(replica.channels[Samples.general]?.messages == [fresh.id: fresh])
    }

    @Test("O17: unread is counted from live messages of others after the read position, on every device")
    func unread() {
        var replica = replica()
        let mine = Samples.message(1, seq: 1, by: Samples.me)
        let named = Samples.message(2, seq: 2, mentions: [Samples.me])
        let plain = Samples.message(3, seq: 3)
        for message in [mine, named, plain] { replica.receive(update(message.seq, .messageCreated(message))) }
        #expect(replica.unread(in: Samples.general) == (2, 1))
        replica.receive(update(4, Samples.deleted(plain, version: 4)))
        #expect(replica.unread(in: Samples.general) == (1, 1))
        let read = ChannelRead(channelID: Samples.general, seq: 2, version: 7)
        replica.receive(update(7, .channelRead(read), of: .user(Samples.me)))
        #expect(replica.unread(in: Samples.general) == (0, 0))
        let older = ChannelRead(channelID: Samples.general, seq: 0, version: 6)
        replica.receive(update(8, .channelRead(older), of: .user(Samples.me)))
        #expect(replica.unread(in: Samples.general) == (0, 0), "the older position does not win")
    }

    @Test("A channel that ended is forgotten; that it exists is remembered if it is public")
    func ended() {
        var replica = replica([Samples.message(1, seq: 1)])
        replica.receive(.streams(StreamChange(ended: [channel])))
        #expect(replica.channels.isEmpty && replica.positions.isEmpty)
        #expect(Set(replica.directory.keys) == [Samples.general])
        let withdrawn = Event.channelWithdrawn(ChannelWithdrawn(channelID: Samples.general))
        replica.receive(update(1, withdrawn, of: .workspace(Samples.workspace)))
        #expect(replica.directory.isEmpty)
    }

    @Test("Differences name what differs, and only that")
    func differences() {
        let message = Samples.message(1, seq: 1)
        let (left, right) = (replica([message]), replica([message]))
        #expect(left.differences(from: right).isEmpty)
        let changed = replica([Samples.message(1, seq: 1, version: 2, "other")])
        #expect(left.differences(from: changed).count == 1)
        #expect(left.differences(from: replica()).count == 2, "the message and the badge")
        #expect(left.differences(from: replica([message], read: 1)).count == 1, "the badge")
    }

    @Test(
        "S3 T10: a random history, seen through loads at any time, replays and resets, gives the server's state",
        arguments: 0..<40)
    func randomHistory(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var server = ModelChannel()
        for _ in 0..<Int.random(in: 0...20, using: &random) { server.change(&random) }
        var replica = Replica(
            Samples.bootstrap([
                Cursor(stream: .user(Samples.me), seq: 0), Cursor(stream: channel, seq: server.head),
            ]))
        var delivered = server.head
        var requests = replica.takeLoads()
        for _ in 0..<200 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5: server.change(&random)
            case 5..<8:
                if delivered < server.head {
                    delivered += 1
                    // What is replayed shows the present; what came live is what it was.
                    let event = Bool.random(using: &random) ? server.replayed(delivered) : server.live(delivered)
                    replica.receive(update(delivered, event))
                }
            case 8:
                for request in requests { replica.receive(snapshot(server.messages), for: request) }
                requests = []
            default:
                delivered = Int64.random(in: delivered...server.head, using: &random)
                replica.receive(.reset(Reset(stream: channel, seq: delivered)))
                requests += replica.takeLoads()
            }
        }
        for request in requests { replica.receive(snapshot(server.messages), for: request) }
        while delivered < server.head {
            delivered += 1
            replica.receive(update(delivered, server.live(delivered)))
        }
        let expected = self.replica(server.messages)
        #expect(replica.isComplete)
        #expect(replica.differences(from: expected) == [], "seed \(seed)")
    }
}

/// The messages of one channel, with the event of each change.
private struct ModelChannel {
    private var live: [MessageID: Message] = [:]
    private var events: [Event] = []
    private var count = 0

    var head: StreamSequence { StreamSequence(events.count) }
    var messages: [Message] { live.values.sorted { $0.seq < $1.seq } }

    mutating func change(_ random: inout SeededRandom) {
        let seq = head + 1
        switch (Int.random(in: 0..<3, using: &random), messages.randomElement(using: &random)) {
        case (1, let old?):
            let edited = Message(
                id: old.id, channelID: old.channelID, seq: old.seq, authorID: old.authorID, content: "edit \(seq)",
                idempotencyKey: old.idempotencyKey, createdAt: old.createdAt, editedAt: Samples.now, mentions: [],
                audience: nil, version: seq)
            live[old.id] = edited
            events.append(.messageEdited(edited))
        case (2, let old?):
            live[old.id] = nil
            events.append(Samples.deleted(old, version: seq))
        default:
            count += 1
            let message = Samples.message(count, seq: seq)
            live[message.id] = message
            events.append(.messageCreated(message))
        }
    }

    func live(_ seq: StreamSequence) -> Event { events[Int(seq) - 1] }

    /// The event with its message as it is now.
    func replayed(_ seq: StreamSequence) -> Event {
        switch events[Int(seq) - 1] {
        case .messageCreated(let old): live[old.id].map(Event.messageCreated) ?? Samples.deleted(old, version: head)
        case .messageEdited(let old): live[old.id].map(Event.messageEdited) ?? Samples.deleted(old, version: head)
        case let event: event
        }
    }
}
