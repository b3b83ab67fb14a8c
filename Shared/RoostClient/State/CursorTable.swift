package import Contracts

/// What a frame changed in the set of streams that a client reads.
package struct StreamChange: Equatable, Sendable {
    /// Streams that begin here, also anew: their state up to the place is to be loaded by HTTP, events follow after it.
    package var begun: [Cursor] = []
    /// Streams from which nothing comes any more.
    package var ended: [StreamID] = []

    package init(begun: [Cursor] = [], ended: [StreamID] = []) {
        self.begun = begun
        self.ended = ended
    }

    package var isEmpty: Bool { begun.isEmpty && ended.isEmpty }
}

/// Where a client stands in each stream it reads, and with that what the delivery contract lets come next: of each
/// stream every number once, in order.
///
/// Events of the user's own stream say which streams are joined and left. In a replay they may be older than `ready`,
/// which has said what is read: there a departure counts only if nothing after it, up to `current`, takes it back.
package struct CursorTable: Equatable, Sendable {
    /// The last number received of each stream that is read.
    package private(set) var places: [StreamID: StreamSequence]
    /// Streams that were left in the replay under way and not joined again since.
    private var departures: Set<StreamID> = []
    /// Streams that were joined in the replay under way while they were read already: either before `ready`, and then the
    /// replay goes on from our cursor, or after it, and then it goes on from here.
    private var rejoins: [StreamID: StreamSequence] = [:]

    package init(_ cursors: [Cursor] = []) {
        places = Dictionary(cursors.map { ($0.stream, $0.seq) }, uniquingKeysWith: max)
    }

    /// The places, as `identify` wants them.
    package var cursors: [Cursor] { places.map { Cursor(stream: $0.key, seq: $0.value) } }

    /// What an event is to this table.
    package enum Placement: Equatable, Sendable {
        /// The next one of its stream; the table has moved.
        case next(StreamChange)
        /// It came before.
        case duplicate
        /// Numbers between the last one and this one are missing.
        case gap(expected: StreamSequence)
        /// An event of a stream that is not read.
        case unfollowed
    }

    /// Places an event, and moves if it is the next one.
    /// - Parameter isReplay: whether the socket it came on has not said `current` yet.
    package mutating func receive(_ frame: EventFrame, isReplay: Bool) -> Placement {
        receive(Cursor(stream: frame.stream, seq: frame.seq), effects: frame.event.effects, isReplay: isReplay)
    }

    /// The same for an event of which only the place could be read.
    package mutating func receive(
        _ cursor: Cursor, effects: [AccessEffect] = [], isReplay: Bool
    ) -> Placement {
        guard let last = places[cursor.stream] else { return .unfollowed }
        var change = StreamChange()
        if let rejoined = rejoins[cursor.stream], cursor.seq == rejoined + 1, last < rejoined {
            rejoins[cursor.stream] = nil
            departures.remove(cursor.stream)
            change.begun.append(Cursor(stream: cursor.stream, seq: rejoined))
        } else if cursor.seq <= last {
            return .duplicate
        } else if cursor.seq != last + 1 {
            return .gap(expected: last + 1)
        }
        places[cursor.stream] = cursor.seq
        guard cursor.stream.kind == .user else { return .next(change) }
        for effect in effects {
            switch effect {
            case .join(let place): join(place, isReplay: isReplay, &change)
            case .leave(let stream): leave(stream, isReplay: isReplay, &change)
            case .revoke: break
            }
        }
        return .next(change)
    }

    private mutating func join(_ place: Cursor, isReplay: Bool, _ change: inout StreamChange) {
        departures.remove(place.stream)
        guard let last = places[place.stream] else {
            places[place.stream] = place.seq
            return change.begun.append(place)
        }
        if isReplay, place.seq > last { rejoins[place.stream] = place.seq }
    }

    private mutating func leave(_ stream: StreamID, isReplay: Bool, _ change: inout StreamChange) {
        guard places[stream] != nil else { return }
        rejoins[stream] = nil
        if isReplay {
            departures.insert(stream)
        } else {
            places[stream] = nil
            change.ended.append(stream)
        }
    }

    /// The gateway has said what it will send.
    /// - Parameter sent: the cursors of `identify`. Where the table has moved since, on another socket, it knows better.
    package mutating func ready(_ streams: [Cursor], sent: [Cursor]) -> StreamChange {
        let sentPlaces = Dictionary(sent.map { ($0.stream, $0.seq) }, uniquingKeysWith: max)
        let named = Set(streams.map(\.stream))
        departures = []
        rejoins = [:]
        var change = StreamChange()
        for place in streams {
            let known = places[place.stream]
            // Left since it was sent.
            if known == nil, sentPlaces[place.stream] != nil { continue }
            if let known, known >= place.seq { continue }
            places[place.stream] = place.seq
            change.begun.append(place)
        }
        for stream in sentPlaces.keys where !named.contains(stream) && places[stream] != nil {
            places[stream] = nil
            change.ended.append(stream)
        }
        return change
    }

    /// The stream goes on after a place that may be anywhere: its state is to be loaded anew. `false` if it is not read.
    package mutating func reset(_ reset: Reset) -> Bool {
        guard places[reset.stream] != nil else { return false }
        places[reset.stream] = reset.seq
        return true
    }

    /// The replay has ended: departures that stand are carried out, and what was left and joined again begins anew.
    package mutating func current() -> StreamChange {
        var change = StreamChange()
        for stream in departures where places.removeValue(forKey: stream) != nil { change.ended.append(stream) }
        for (stream, seq) in rejoins where places[stream].map({ $0 < seq }) ?? false {
            places[stream] = seq
            change.begun.append(Cursor(stream: stream, seq: seq))
        }
        departures = []
        rejoins = [:]
        return change
    }

    /// Moves with what a client tells: for who keeps its own place, such as on disk. `false` if the update moves nothing.
    package mutating func follow(_ update: Update) -> Bool {
        switch update {
        case .event(let frame, let change):
            places[frame.stream] = frame.seq
            follow(change)
        case .streams(let change): follow(change)
        case .reset(let reset): places[reset.stream] = reset.seq
        case .state, .presence, .typing, .call, .violation: return false
        }
        return true
    }

    private mutating func follow(_ change: StreamChange) {
        for stream in change.ended { places[stream] = nil }
        // What the event that came with it has moved already is further.
        for cursor in change.begun { places[cursor.stream] = max(places[cursor.stream] ?? 0, cursor.seq) }
    }
}
