package import Contracts

/// Puts the events of one stream in order before anyone sees them: drops what was delivered, holds what came early,
/// and says when something is missing. Owned by the stream table of a gateway.
///
/// Until a replay has said where the stream stands, nothing is delivered: the first event that happens to arrive may be
/// 6 before 5.
package struct StreamSequencer<Frame> {
    /// The number of the last event delivered; `nil` until the stream's place is known.
    package private(set) var last: StreamSequence?
    /// Where delivery began: what came up to here was given to nobody.
    private var began: StreamSequence?
    /// The stream is known to have reached this place, delivered or not.
    private var reached: StreamSequence = 0
    /// Events that came before their turn.
    private var held: [StreamSequence: Frame] = [:]

    package init() {}

    /// Whether events that exist have not been delivered.
    package var isMissingEvents: Bool { last.map { $0 < reached } ?? false }

    /// An event arrived. Answers what may be delivered now, in order.
    package mutating func receive(_ seq: StreamSequence, _ frame: Frame) -> [(StreamSequence, Frame)] {
        reached = max(reached, seq)
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

    /// How the end of a connection's replay joins what is live.
    package enum Settlement {
        /// Delivery began after this place, so what lies between was given to nobody: replay on from here.
        case behind
        /// The connection may take live events, and these may be delivered now. It `isLagging` if what is delivered
        /// has not come as far as its replay: it will see those again.
        case joined(released: [(StreamSequence, Frame)], isLagging: Bool)
    }

    /// A connection was replayed up to `seq`. The first one begins delivery there.
    package mutating func settle(at seq: StreamSequence) -> Settlement {
        if let began, seq < began { return .behind }
        reached = max(reached, seq)
        guard let last = self.last else {
            began = seq
            self.last = seq
            return .joined(released: takeContiguous(), isLagging: false)
        }
        return .joined(released: [], isLagging: last < seq)
    }

    /// Gives up on everything up to `seq`: it is past the horizon and can no longer be fetched.
    package mutating func skip(to seq: StreamSequence) -> [(StreamSequence, Frame)] {
        guard let last, seq > last else { return [] }
        self.last = seq
        return takeContiguous()
    }

    private mutating func takeContiguous() -> [(StreamSequence, Frame)] {
        guard var last else { return [] }
        var taken: [(StreamSequence, Frame)] = []
        held = held.filter { $0.key > last }
        while let frame = held.removeValue(forKey: last + 1) {
            last += 1
            taken.append((last, frame))
        }
        self.last = last
        return taken
    }
}
