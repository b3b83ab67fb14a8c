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
        #expect(sequencer.begin(at: 4) == [5, 6])
        #expect(sequencer.last == 6)
    }

    @Test("What came early waits, what came twice is dropped")
    func order() {
        var sequencer = StreamSequencer<String>()
        _ = sequencer.begin(at: 10)
        #expect(sequencer.receive(12, "twelve").isEmpty)
        #expect(sequencer.isMissingEvents)
        #expect(sequencer.receive(11, "eleven").map(\.0) == [11, 12])
        #expect(!sequencer.isMissingEvents)
        #expect(sequencer.receive(11, "again").isEmpty)
        #expect(sequencer.receive(13, "thirteen").map(\.0) == [13])
    }

    @Test("A replay that ended before delivery began goes on; one that is ahead lags until delivery has come so far")
    func settle() {
        var sequencer = StreamSequencer<String>()
        _ = sequencer.receive(99, "held by nobody's order")
        #expect(sequencer.begin(at: 100).isEmpty)
        #expect(sequencer.outcome(at: 98) == .behind, "99 and 100 were given to nobody")
        #expect(sequencer.outcome(at: 100) == .current)
        #expect(sequencer.outcome(at: 103) == .lagging)
        #expect(sequencer.isMissingEvents)
    }

    @Test("An event for which there was no room is still known to be missing")
    func bound() {
        var sequencer = StreamSequencer<String>()
        let count = StreamSequence(Limits.gapHeldCount)
        for seq in 2...(count + 2) { _ = sequencer.receive(seq, "") }
        #expect(sequencer.begin(at: 1).last == count + 1)
        #expect(sequencer.isMissingEvents)
        #expect(sequencer.receive(count + 2, "").count == 1)
        #expect(!sequencer.isMissingEvents)
    }

    @Test("Skipping gives up what can no longer be had")
    func skip() {
        var sequencer = StreamSequencer<String>()
        _ = sequencer.begin(at: 1)
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
        delivered += sequencer.begin(at: 0)
        for seq in arrivals { delivered += sequencer.receive(seq, 0).map(\.0) }
        // The mending replay: everything after the last, in order.
        for seq in ((sequencer.last ?? 0) + 1)...(count + 1) { delivered += sequencer.receive(seq, 0).map(\.0) }
        #expect(delivered == Array(1...(count + 1)), "seed \(seed)")
    }
}

extension StreamSequencer {
    /// Settles for the first time; the numbers that may be delivered now.
    mutating func begin(at seq: StreamSequence) -> [StreamSequence] {
        guard case .joined(let released, _) = settle(at: seq) else { return [] }
        return released.map(\.0)
    }

    /// What ``settle(at:)`` says, in a word.
    mutating func outcome(at seq: StreamSequence) -> SettlementOutcome {
        switch settle(at: seq) {
        case .behind: .behind
        case .joined(_, let isLagging): isLagging ? .lagging : .current
        }
    }
}

enum SettlementOutcome {
    case behind, lagging, current
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
