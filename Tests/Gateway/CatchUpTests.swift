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
        #expect(!catchUp.isIdle)
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

    /// A model of the whole: events are published in order and reach one sequencer; connections attach at any moment,
    /// are replayed up to what was published by then, wait for any time, settle, and take live events.
    @Test(
        "Whenever connections attach and settle, each gets each event after its cursor once and in order",
        arguments: 1...500)
    func random(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var sequencer = StreamSequencer<String>()
        var published: StreamSequence = 3
        var connections = (0..<3).map { _ in ModelConnection(stream: stream, cursor: .random(in: 0...3, using: &random))
        }
        func deliver(_ events: [(StreamSequence, String)]) {
            for index in connections.indices { connections[index].take(events) }
        }
        for _ in 0..<120 {
            let index = Int.random(in: 0..<connections.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                published += 1
                // Nobody is subscribed before the first connection is attached.
                if connections.contains(where: \.isAttached) { deliver(sequencer.receive(published, "")) }
            case 1: connections[index].attach()
            case 2: connections[index].replay(to: published)
            default:
                guard let place = connections[index].settling else { continue }
                switch sequencer.settle(at: place) {
                case .behind: connections[index].goOn()
                case .joined(let released, let isLagging):
                    deliver(released)
                    connections[index].end(isLagging: isLagging)
                }
            }
        }
        for index in connections.indices {
            connections[index].attach()
            while !connections[index].isLive {
                connections[index].replay(to: published)
                guard let place = connections[index].settling else { break }
                switch sequencer.settle(at: place) {
                case .behind: connections[index].goOn()
                case .joined(let released, let isLagging):
                    deliver(released)
                    connections[index].end(isLagging: isLagging)
                }
            }
        }
        // The mending replay of what the sequencer itself has missed.
        for seq in ((sequencer.last ?? published) + 1)..<(published + 2) { deliver(sequencer.receive(seq, "")) }
        for connection in connections {
            #expect(connection.received == Array((connection.cursor + 1)..<(published + 2)), "seed \(seed)")
        }
    }
}

/// A connection as ``CatchUpTests`` drives it: detached, replaying, waiting to settle, live.
private struct ModelConnection {
    let stream: StreamID
    let cursor: StreamSequence
    private(set) var received: [StreamSequence] = []
    private(set) var isAttached = false
    private(set) var isLive = false
    /// Where its replay has ended, while it waits to settle.
    private(set) var settling: StreamSequence?
    private var catchUp = CatchUp<String>()

    init(stream: StreamID, cursor: StreamSequence) {
        self.stream = stream
        self.cursor = cursor
    }

    mutating func attach() {
        guard !isAttached else { return }
        isAttached = true
        catchUp.begin(stream, after: cursor)
    }

    mutating func replay(to head: StreamSequence) {
        guard isAttached, !isLive, settling == nil else { return }
        let next = (received.last ?? cursor) + 1
        received += next..<max(next, head + 1)
        catchUp.replayed(stream, to: max(head, next - 1))
        settling = max(head, next - 1)
    }

    mutating func goOn() { settling = nil }

    mutating func end(isLagging: Bool) {
        received += catchUp.end([stream], lagging: isLagging ? [stream] : []).map(\.seq)
        settling = nil
        isLive = true
    }

    mutating func take(_ events: [(StreamSequence, String)]) {
        guard isAttached else { return }
        for (seq, frame) in events where catchUp.receive(stream, seq, frame) == .deliver { received.append(seq) }
    }
}
