import Contracts
import GatewayDomain
import Testing

@Suite("Order of a stream")
struct StreamSequencerTests {
    @Test("Nothing is delivered before the stream's place is known")
    func unknown() {
        var sequencer = StreamSequencer<String>()
        #expect(sequencer.receive(6, "six").isEmpty)
        #expect(sequencer.receive(5, "five").isEmpty)
        #expect(sequencer.settle(at: 4).map(\.0) == [5, 6])
        #expect(sequencer.last == 6)
    }

    @Test("What came early waits, what came twice is dropped")
    func order() {
        var sequencer = StreamSequencer<String>()
        _ = sequencer.settle(at: 10)
        #expect(sequencer.receive(12, "twelve").isEmpty)
        #expect(sequencer.hasGap)
        #expect(sequencer.receive(11, "eleven").map(\.0) == [11, 12])
        #expect(!sequencer.hasGap)
        #expect(sequencer.receive(11, "again").isEmpty)
        #expect(sequencer.receive(13, "thirteen").map(\.0) == [13])
    }

    @Test("Settling again changes nothing; skipping gives up what can no longer be had")
    func skip() {
        var sequencer = StreamSequencer<String>()
        _ = sequencer.settle(at: 1)
        #expect(sequencer.settle(at: 9).isEmpty)
        #expect(sequencer.last == 1)
        _ = sequencer.receive(21, "21")
        #expect(sequencer.skip(to: 20).map(\.0) == [21])
        #expect(sequencer.skip(to: 5).isEmpty)
    }

    @Test("Whatever the order, loss and repetition, each event is delivered once and in order", arguments: 1...200)
    func random(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var sequencer = StreamSequencer<Int>()
        let count: StreamSequence = 100
        var delivered: [StreamSequence] = []
        var arrivals = (1...count).flatMap { seq in
            Array(repeating: seq, count: Int.random(in: 0...2, using: &random))
        }
        // Events arrive near their turn: swapped over a short distance, as two publishers do.
        for index in arrivals.indices {
            arrivals.swapAt(index, min(arrivals.count - 1, index + Int.random(in: 0...8, using: &random)))
        }
        delivered += sequencer.settle(at: 0).map(\.0)
        for seq in arrivals { delivered += sequencer.receive(seq, 0).map(\.0) }
        // The mending replay: everything after the last, in order.
        for seq in ((sequencer.last ?? 0) + 1)...(count + 1) { delivered += sequencer.receive(seq, 0).map(\.0) }
        #expect(delivered == Array(1...(count + 1)), "seed \(seed)")
    }
}

/// A small generator whose runs can be repeated (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
