package import Contracts

/// Puts the events of one stream in order before anyone sees them: drops what was delivered, holds what came early,
/// and says what is missing. Owned by the stream table of a gateway.
///
/// Until a replay has said where the stream stands, nothing is delivered: the first event that happens to arrive may be
/// 6 before 5.
package struct StreamSequencer<Frame> {
    /// The number of the last event delivered; `nil` until the stream's place is known.
    package private(set) var last: StreamSequence?
    /// Events that came before their turn.
    private var held: [StreamSequence: Frame] = [:]

    package init() {}

    /// Whether events wait for others that are missing.
    package var hasGap: Bool { last != nil && !held.isEmpty }

    /// Whether nothing waits and nothing was ever delivered or settled.
    package var isUnknown: Bool { last == nil }

    /// An event arrived. Answers what may be delivered now, in order.
    package mutating func receive(_ seq: StreamSequence, _ frame: Frame) -> [(StreamSequence, Frame)] {
        if let last {
            if seq <= last { return [] }
            if seq == last + 1 {
                self.last = seq
                return [(seq, frame)] + takeContiguous()
            }
        }
        // Past the bound the event is let go: it is missing like the others and comes with the replay that mends them.
        if held.count < Limits.gapHeldCount { held[seq] = frame }
        return []
    }

    /// The stream is known to stand at `seq` for everyone who is attached: delivery goes on after it. Only the first
    /// call has an effect; later places are reached by delivering.
    package mutating func settle(at seq: StreamSequence) -> [(StreamSequence, Frame)] {
        guard last == nil else { return [] }
        last = seq
        held = held.filter { $0.key > seq }
        return takeContiguous()
    }

    /// Gives up on everything up to `seq`: it is past the horizon and can no longer be fetched.
    package mutating func skip(to seq: StreamSequence) -> [(StreamSequence, Frame)] {
        guard let last, seq > last else { return [] }
        self.last = seq
        held = held.filter { $0.key > seq }
        return takeContiguous()
    }

    private mutating func takeContiguous() -> [(StreamSequence, Frame)] {
        var taken: [(StreamSequence, Frame)] = []
        while !held.isEmpty, let last, let frame = held.removeValue(forKey: last + 1) {
            self.last = last + 1
            taken.append((last + 1, frame))
        }
        return taken
    }
}
