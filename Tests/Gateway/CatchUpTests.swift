import Contracts
import GatewayDomain
import Testing

@Suite("Replay meets live")
struct CatchUpTests {
    private let stream = StreamID.channel(.example)

    @Test("Live events are held during the replay, then follow it without those it contained")
    func hold() {
        var catchUp = CatchUp<String>()
        catchUp.begin(stream, after: 3)
        #expect(catchUp.receive(stream, 5, "5") == .hold)
        #expect(catchUp.receive(stream, 6, "6") == .hold)
        catchUp.replayed(stream, to: 5)
        #expect(catchUp.end([stream], lagging: []).map(\.seq) == [6])
        #expect(catchUp.isIdle)
        #expect(catchUp.receive(stream, 7, "7") == .deliver)
    }

    @Test("Live events that lag behind the replay are dropped until they have caught up")
    func floor() {
        var catchUp = CatchUp<String>()
        catchUp.begin(stream, after: 3)
        catchUp.replayed(stream, to: 9)
        #expect(catchUp.end([stream], lagging: [stream]).isEmpty)
        #expect(!catchUp.isIdle)
        #expect(catchUp.receive(stream, 8, "8") == .drop)
        #expect(catchUp.receive(stream, 9, "9") == .drop)
        #expect(catchUp.receive(stream, 10, "10") == .deliver)
        #expect(catchUp.isIdle)
    }

    @Test("Streams catch up apart from each other, and one that is left is forgotten")
    func apart() {
        let other = StreamID.workspace(.example)
        var catchUp = CatchUp<String>()
        catchUp.begin(stream, after: 0)
        catchUp.begin(other, after: 0)
        _ = catchUp.receive(stream, 1, "1")
        _ = catchUp.receive(other, 1, "1")
        #expect(catchUp.end([other], lagging: []).map(\.stream) == [other])
        #expect(catchUp.isPending(stream))
        catchUp.forget(stream)
        #expect(catchUp.isIdle)
        #expect(catchUp.end([stream], lagging: []).isEmpty)
    }

    @Test("More held events than the bound is an overflow")
    func overflow() {
        var catchUp = CatchUp<String>()
        catchUp.begin(stream, after: 0)
        for seq in 1...StreamSequence(Limits.replayHeldCount) { #expect(catchUp.receive(stream, seq, "") == .hold) }
        #expect(catchUp.receive(stream, StreamSequence(Limits.replayHeldCount) + 1, "") == .overflow)
    }

    /// A model of the whole: one sequencer feeds live events to a connection that attaches at a random moment, is
    /// replayed up to a random head, and settles at a random later moment.
    @Test("Whenever a connection attaches, it gets each event after its cursor once and in order", arguments: 1...300)
    func random(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let total = StreamSequence.random(in: 10...60, using: &random)
        let cursor = StreamSequence.random(in: 0...5, using: &random)
        var sequencer = StreamSequencer<String>()
        if Bool.random(using: &random) { _ = sequencer.settle(at: cursor) }
        var catchUp = CatchUp<String>()
        var received: [StreamSequence] = []
        func take(_ events: [(StreamSequence, String)]) {
            for (seq, frame) in events where catchUp.receive(stream, seq, frame) == .deliver { received.append(seq) }
        }
        // Attach; what is published from here on arrives. The replay's head is at least what was published before.
        let attachedAt = StreamSequence.random(in: cursor...total, using: &random)
        _ = sequencer.last.map { _ in for seq in (cursor + 1)..<(attachedAt + 1) { _ = sequencer.receive(seq, "") } }
        catchUp.begin(stream, after: cursor)
        let head = StreamSequence.random(in: attachedAt...total, using: &random)
        let arrivedBySettling = StreamSequence.random(in: attachedAt...total, using: &random)
        var next = attachedAt + 1
        while next <= arrivedBySettling {
            take(sequencer.receive(next, ""))
            next += 1
        }
        for seq in (cursor + 1)..<(head + 1) { received.append(seq) }
        catchUp.replayed(stream, to: head)
        take(sequencer.settle(at: head))
        let isLagging = (sequencer.last ?? 0) < head
        received += catchUp.end([stream], lagging: isLagging ? [stream] : []).map(\.seq)
        while next <= total {
            take(sequencer.receive(next, ""))
            next += 1
        }
        #expect(received == Array((cursor + 1)..<(total + 1)), "seed \(seed)")
    }
}
