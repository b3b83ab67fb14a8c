import Contracts
import GatewayDomain
import Logging
import NIOCore
import RedisBus

/// The streams that this gateway carries: one subscription and one sequencer each, however many connections read it.
/// Takes events from the bus, puts them in order, mends what is missing, and hands them to the loops that have readers.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the bus's event loop only: what others call hops there,
/// and what is private is called from there.
final class StreamTable: @unchecked Sendable {
    private struct Entry {
        /// Tells this entry from an earlier one of the same stream, whose subscription failed.
        let generation: Int
        var sequencer = StreamSequencer<PreparedEvent>()
        /// Connections of each loop that are attached.
        var readerCounts: [Int]
        /// Completed when Redis has confirmed the subscription.
        let subscribed: EventLoopPromise<Void>
        var subscription: BusSubscription?
        /// The link to Redis was lost before the stream was settled: what was published meanwhile must be asked for.
        var hasMissed = false
        var isMending = false

        var isBehind: Bool { sequencer.isMissingEvents || (hasMissed && sequencer.last != nil) }
    }

    private let bus: RedisBus
    private let api: APIClient
    private let logger: Logger
    private let eventLoop: any EventLoop
    private let loops: [LoopRegistry]
    private var entries: [StreamID: Entry] = [:]
    private var lastGeneration = 0

    init(bus: RedisBus, api: APIClient, loops: [LoopRegistry], logger: Logger) {
        self.bus = bus
        self.api = api
        self.loops = loops
        self.logger = logger
        eventLoop = bus.eventLoop
    }

    // MARK: Readers

    /// Counts a connection of a loop as a reader of streams. Returns when Redis confirmed all of them: whatever is
    /// published from then on reaches the loop. When it throws, nothing is counted.
    func attach(_ streams: [StreamID], loop: Int) async throws {
        try await eventLoop.flatSubmit { [self] in
            let taken = streams.map { (stream: $0, entry: take($0, loop: loop)) }
            let fresh = taken.filter { $0.entry.subscription == nil && $0.entry.readerCounts.reduce(0, +) == 1 }
            if !fresh.isEmpty { subscribe(to: fresh.map { (stream: $0.stream, generation: $0.entry.generation) }) }
            let confirmed = EventLoopFuture.andAllSucceed(taken.map(\.entry.subscribed.futureResult), on: eventLoop)
            let generations = taken.map { (stream: $0.stream, generation: $0.entry.generation) }
            confirmed.whenFailure { [self] _ in
                for (stream, generation) in generations where entries[stream]?.generation == generation {
                    release(stream, loop: loop)
                }
            }
            return confirmed
        }.get()
    }

    /// Ends what ``attach(_:loop:)`` began. The last reader ends the subscription.
    func detach(_ streams: some Sequence<StreamID> & Sendable, loop: Int) {
        eventLoop.execute { [self] in
            for stream in streams { release(stream, loop: loop) }
        }
    }

    private func take(_ stream: StreamID, loop: Int) -> Entry {
        var entry: Entry
        if let known = entries[stream] {
            entry = known
        } else {
            lastGeneration += 1
            entry = Entry(
                generation: lastGeneration, readerCounts: Array(repeating: 0, count: loops.count),
                subscribed: eventLoop.makePromise())
        }
        entry.readerCounts[loop] += 1
        entries[stream] = entry
        return entry
    }

    private func release(_ stream: StreamID, loop: Int) {
        guard var entry = entries.removeValue(forKey: stream) else { return }
        entry.readerCounts[loop] -= 1
        if entry.readerCounts.contains(where: { $0 > 0 }) {
            entries[stream] = entry
        } else {
            entry.subscription?.cancel()
            if entry.subscription == nil { entry.subscribed.fail(CancellationError()) }
        }
    }

    /// How a replay that has ended joins what is live.
    struct Settlement: Sendable {
        /// Streams whose live events have not come as far as the replay yet.
        var lagging: Set<StreamID> = []
        /// Streams that another connection settled at a later place before: what lies between was given to nobody, so
        /// it must be replayed as well.
        var behind: [Cursor] = []
    }

    /// A connection was replayed up to these places.
    func settle(_ places: [Cursor]) async throws -> Settlement {
        try await eventLoop.submit { [self] in
            var settlement = Settlement()
            for place in places {
                switch entries[place.stream]?.sequencer.settle(at: place.seq) {
                case nil: continue
                case .behind: settlement.behind.append(place)
                case .joined(let released, let isLagging):
                    if isLagging { settlement.lagging.insert(place.stream) }
                    deliver(released, of: place.stream)
                }
                scheduleMend(place.stream)
            }
            return settlement
        }.get()
    }

    private func subscribe(to fresh: [(stream: StreamID, generation: Int)]) {
        let streamOfTopic = Dictionary(uniqueKeysWithValues: fresh.map { (Topic.stream($0.stream), $0.stream) })
        let generations = Dictionary(uniqueKeysWithValues: fresh.map { ($0.stream, $0.generation) })
        Task { [self] in
            do {
                let subscriptions = try await bus.subscribe(to: Array(streamOfTopic.keys)) { [self] topic, message in
                    if let stream = streamOfTopic[topic] { receive(stream, message) }
                }
                eventLoop.execute { [self] in
                    for subscription in subscriptions {
                        guard let stream = streamOfTopic[subscription.topic] else { continue }
                        guard entries[stream]?.generation == generations[stream] else {
                            // All readers left before Redis answered.
                            subscription.cancel()
                            continue
                        }
                        entries[stream]?.subscription = subscription
                        entries[stream]?.subscribed.succeed()
                    }
                }
            } catch {
                eventLoop.execute { [self] in
                    for (stream, generation) in fresh where entries[stream]?.generation == generation {
                        entries.removeValue(forKey: stream)?.subscribed.fail(error)
                    }
                }
            }
        }
    }

    // MARK: Events

    private func receive(_ stream: StreamID, _ message: ByteBuffer) {
        eventLoop.preconditionInEventLoop()
        guard entries[stream] != nil else { return }
        guard let (envelope, event) = PreparedEvent.parse(message) else {
            logger.warning("not an event", metadata: ["stream": "\(stream)"])
            return
        }
        let ready = entries[stream]?.sequencer.receive(envelope.seq, event) ?? []
        deliver(ready, of: stream)
        scheduleMend(stream)
    }

    private func deliver(_ events: [(StreamSequence, PreparedEvent)], of stream: StreamID) {
        guard !events.isEmpty, let entry = entries[stream] else { return }
        for (index, count) in entry.readerCounts.enumerated() where count > 0 {
            loops[index].deliver(events, of: stream)
        }
    }

    // MARK: Mending

    /// Gives missing events a moment to arrive by themselves, then fetches them.
    private func scheduleMend(_ stream: StreamID) {
        guard let entry = entries[stream], entry.isBehind, !entry.isMending else { return }
        entries[stream]?.isMending = true
        eventLoop.scheduleTask(in: .nanoseconds(Limits.gapHold.nanoseconds)) { [self] in mend(stream) }
    }

    private func mend(_ stream: StreamID) {
        guard let entry = entries[stream] else { return }
        guard entry.isBehind, let last = entry.sequencer.last else {
            entries[stream]?.isMending = false
            return
        }
        Task { [self] in
            do {
                try await fetch([Cursor(stream: stream, seq: last)])
                eventLoop.execute { [self] in
                    entries[stream]?.isMending = false
                    entries[stream]?.hasMissed = false
                    scheduleMend(stream)
                }
            } catch {
                logger.warning("gap not mended yet", metadata: ["stream": "\(stream)", "error": "\(error)"])
                eventLoop.scheduleTask(in: .milliseconds(500)) { [self] in mend(stream) }
            }
        }
    }

    /// After a reconnection to Redis: whatever was published meanwhile is lost on the bus and is fetched.
    func fetchMissed() {
        eventLoop.execute { [self] in
            var places: [Cursor] = []
            for (stream, entry) in entries {
                if let last = entry.sequencer.last {
                    places.append(Cursor(stream: stream, seq: last))
                } else {
                    entries[stream]?.hasMissed = true
                }
            }
            guard !places.isEmpty else { return }
            let missed = places
            Task { [self] in
                var rest = missed[...]
                while !rest.isEmpty {
                    let chunk = Array(rest.prefix(Limits.cursorsPerIdentify))
                    do {
                        try await fetch(chunk)
                        rest = rest.dropFirst(chunk.count)
                    } catch {
                        logger.warning("missed events not fetched yet", metadata: ["error": "\(error)"])
                        try? await Task.sleep(for: .milliseconds(500))
                    }
                }
            }
        }
    }

    /// Fetches all that came after the places and feeds it through the sequencers.
    private func fetch(_ places: [Cursor]) async throws {
        var places = places
        var hasMore = true
        while hasMore {
            let replay = try await api.replay(for: nil, after: places)
            try await eventLoop.submit { [self] in
                for (stream, seq, event) in replay.events {
                    deliver(entries[stream]?.sequencer.receive(seq, event) ?? [], of: stream)
                }
                for place in replay.reply.resets {
                    deliver(entries[place.stream]?.sequencer.skip(to: place.seq) ?? [], of: place.stream)
                    for loop in loops { loop.reset(place) }
                }
            }.get()
            places = replay.reply.covered
            hasMore = replay.reply.hasMore
        }
    }
}

extension Duration {
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
