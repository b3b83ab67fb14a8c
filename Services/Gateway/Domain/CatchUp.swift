package import Contracts

/// Joins what a connection is replayed with what arrives live meanwhile, so that it gets each event once and in order.
/// Owned by the connection.
///
/// A stream is *pending* from the moment the connection is attached to it until its replay has ended: its live events
/// are held. Afterwards those at or before the replayed place are dropped. A *floor* stays for a stream whose live
/// events lag behind the replay, until they have caught up.
package struct CatchUp<Frame> {
    private var pending: [StreamID: StreamSequence] = [:]
    private var floors: [StreamID: StreamSequence] = [:]
    private var held: [(stream: StreamID, seq: StreamSequence, frame: Frame)] = []

    package init() {}

    package enum Outcome: Equatable {
        case deliver
        case hold
        case drop
        /// More waits than a connection may hold: it must resume from its cursors later.
        case overflow
    }

    /// Whether every live event is simply delivered.
    package var isIdle: Bool { pending.isEmpty && floors.isEmpty }

    /// The connection was attached to a stream and is replayed what came after `seq`.
    package mutating func begin(_ stream: StreamID, after seq: StreamSequence) { pending[stream] = seq }

    /// The stream has been replayed up to `seq`.
    package mutating func replayed(_ stream: StreamID, to seq: StreamSequence) {
        if pending[stream] != nil { pending[stream] = seq }
    }

    /// A live event arrived.
    package mutating func receive(_ stream: StreamID, _ seq: StreamSequence, _ frame: Frame) -> Outcome {
        if pending[stream] != nil {
            guard held.count < Limits.replayHeldCount else { return .overflow }
            held.append((stream, seq, frame))
            return .hold
        }
        guard let floor = floors[stream] else { return .deliver }
        if seq > floor { floors[stream] = nil }
        return seq > floor ? .deliver : .drop
    }

    /// The replay of streams has ended. `lagging` are those whose live events have not reached the replayed place yet.
    /// Answers the held events of the streams that are still to be delivered.
    package mutating func end(
        _ streams: [StreamID], lagging: Set<StreamID>
    ) -> [(stream: StreamID, seq: StreamSequence, frame: Frame)] {
        let ended = Set(streams)
        var released: [(stream: StreamID, seq: StreamSequence, frame: Frame)] = []
        var kept: [(stream: StreamID, seq: StreamSequence, frame: Frame)] = []
        for event in held {
            if !ended.contains(event.stream) {
                kept.append(event)
            } else if let place = pending[event.stream], event.seq > place {
                released.append(event)
            }
        }
        let caughtUp = Set(released.map(\.stream))
        for stream in streams {
            if let place = pending.removeValue(forKey: stream), lagging.contains(stream), !caughtUp.contains(stream) {
                floors[stream] = place
            }
        }
        held = kept
        return released
    }

    /// The connection no longer gets a stream.
    package mutating func forget(_ stream: StreamID) {
        pending[stream] = nil
        floors[stream] = nil
        held.removeAll { $0.stream == stream }
    }
}
