import Contracts
import GatewayDomain
import Logging
import NIOCore
import RedisBus
import ServiceKit
import Synchronization
import WebSocketCodec

/// The streams that this gateway carries: one subscription and one log each, however many sessions read it. Takes events
/// from the bus, puts them in order, mends what is missing, and hands them to the loops that have readers.
///
/// A session joins a stream in one turn of the bus's loop: what it missed is taken from the log's window, and whatever the
/// log delivers later reaches its loop behind that. So nothing is lost between replay and live, and nothing comes twice.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the bus's event loop only: what others call hops there,
/// and what is private is called from there.
final class StreamTable: @unchecked Sendable {
    private final class Entry {
        var log = StreamLog<PreparedEvent>()
        /// Which loops have sessions that hold the stream.
        var loops: [Bool]
        /// Completed when Redis has confirmed the subscription and the stream's place is known.
        let opened: EventLoopPromise<Void>
        var subscription: BusSubscription?
        var isMending = false
        /// Its events are too large to be kept for those who come back: they are given them in pages.
        var isHeavy = false
        /// Since when no loop holds it; it is kept for a while, for those who come back.
        var idleSince: NIODeadline?

        var isHeld: Bool { loops.contains(true) }

        init(loopCount: Int, opened: EventLoopPromise<Void>) {
            loops = Array(repeating: false, count: loopCount)
            self.opened = opened
        }
    }

    let bus: RedisBus
    let history: StreamHistory
    private let logger: Logger
    private let eventLoop: any EventLoop
    private let loops: [LoopRegistry]
    private let counters: GatewayCounters
    private let deflater = MessageDeflater()
    private var entries: [StreamID: Entry] = [:]
    private var opening: [StreamID] = []
    private var mending: Set<StreamID> = []
    private var filling: [StreamID: Filling] = [:]

    private struct Filling {
        var after: StreamSequence
        let promise: EventLoopPromise<Void>
    }

    init(
        bus: RedisBus, history: StreamHistory, loops: [LoopRegistry], counters: GatewayCounters, logger: Logger
    ) {
        self.bus = bus
        self.history = history
        self.loops = loops
        self.counters = counters
        self.logger = logger
        eventLoop = bus.eventLoop
        for loop in loops {
            loop.retain = { [self] streams in retain(streams, loop.index) }
            loop.release = { [self] streams in release(streams, loop.index) }
        }
    }

    /// Listens to the heads that APIs tell, and lets windows go that nobody needs.
    func start() {
        bus.onRestored { [self] in compareHeads() }
        Task { [self] in
            while true {
                do {
                    _ = try await bus.subscribe(to: .heads) { [self] message in
                        note(HeadsNotice(text: String(buffer: message)).heads)
                    }
                    return
                } catch {
                    do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
                }
            }
        }
        eventLoop.execute { [self] in
            eventLoop.scheduleRepeatedTask(initialDelay: .seconds(5), delay: .seconds(5)) { [self] _ in sweep() }
        }
    }

    // MARK: Holding

    private func retain(_ streams: [StreamID], _ loop: Int) {
        eventLoop.execute { [self] in
            for stream in streams {
                if entries[stream] == nil {
                    entries[stream] = Entry(loopCount: loops.count, opened: eventLoop.makePromise())
                    if opening.isEmpty { eventLoop.execute { [self] in openAll() } }
                    opening.append(stream)
                }
                entries[stream]?.loops[loop] = true
                entries[stream]?.idleSince = nil
            }
        }
    }

    private func release(_ streams: [StreamID], _ loop: Int) {
        eventLoop.execute { [self] in
            for stream in streams {
                entries[stream]?.loops[loop] = false
                if entries[stream]?.isHeld == false { entries[stream]?.idleSince = .now() }
            }
        }
    }

    /// Ends subscriptions that nobody has held for a while, and lets old events go.
    private func sweep() {
        let oldest = Timestamp.now + (.zero - Limits.windowAge)
        let idle = NIODeadline.now() - .nanoseconds(Limits.windowAge.nanoseconds)
        var byteCount = 0
        for (stream, entry) in entries {
            if let since = entry.idleSince, since < idle {
                entry.subscription?.cancel()
                if entry.subscription == nil { entry.opened.fail(CancellationError()) }
                entries[stream] = nil
                continue
            }
            guard entry.log.byteCount > 0 else { continue }
            entries[stream]?.log.prune(before: oldest)
            byteCount += entries[stream]?.log.byteCount ?? 0
        }
        guard byteCount > Limits.windowsByteCount else { return }
        for stream in Array(entries.keys) { entries[stream]?.log.clearWindow() }
    }

    // MARK: Opening

    private func openAll() {
        let streams = opening.filter { entries[$0]?.subscription == nil }
        opening = []
        let streamOfTopic = Dictionary(uniqueKeysWithValues: streams.map { (Topic.stream($0), $0) })
        let confirmed = bus.subscribed(to: Array(streamOfTopic.keys)) { [self] topic, message in
            if let stream = streamOfTopic[topic] { receive(stream, message) }
        }
        confirmed.whenSuccess { [self] subscriptions in
            for subscription in subscriptions {
                guard let stream = streamOfTopic[subscription.topic] else { continue }
                if entries[stream] == nil { subscription.cancel() }
                entries[stream]?.subscription = subscription
            }
            findPlaces(of: streams)
        }
        confirmed.whenFailure { [self] error in
            logger.warning("streams not subscribed yet", metadata: ["error": "\(error)"])
            eventLoop.scheduleTask(in: .milliseconds(200)) { [self] in
                if opening.isEmpty { eventLoop.execute { [self] in openAll() } }
                opening += streams.filter { entries[$0] != nil }
            }
        }
    }

    /// Where the streams stand, now that whatever is published reaches the log. A head may be known too low: then the rest
    /// is found as any missing event is.
    private func findPlaces(of streams: [StreamID]) {
        Task { [self] in
            do {
                let heads = try await history.heads(of: streams)
                eventLoop.execute { [self] in
                    for stream in streams {
                        guard let entry = entries[stream], entry.log.last == nil else { continue }
                        let early = entries[stream]?.log.begin(at: heads[stream] ?? 0) ?? []
                        deliver(early, of: stream)
                        scheduleMend(stream)
                        entry.opened.succeed()
                    }
                }
            } catch {
                logger.warning("places of streams not known yet", metadata: ["error": "\(error)"])
                eventLoop.scheduleTask(in: .milliseconds(200)) { [self] in
                    findPlaces(of: streams.filter { entries[$0] != nil })
                }
            }
        }
    }

    // MARK: Joining

    /// A session and the streams it wants, all of which its loop holds.
    struct Joining: Sendable {
        let session: StreamSession
        let flow: Int32
        /// Who it is, when it begins.
        let claims: AccessToken?
        /// What it may see, when it begins.
        let access: AccessList?
        /// The places it comes with; a stream without one is joined where it stands.
        let wants: [(stream: StreamID, cursor: StreamSequence?)]
    }

    /// What a session gets in one turn.
    struct Joined: Sendable {
        let flow: Int32
        let claims: AccessToken?
        let access: AccessList?
        var streams: [(place: Cursor, events: [(seq: StreamSequence, frame: PreparedEvent)])] = []
        /// Streams of which it has missed more than the windows have, or more than goes at once.
        var behind: [Cursor] = []
        let done: EventLoopPromise<[Cursor]>
    }

    /// How joining went.
    enum JoinOutcome: Sendable {
        /// The session gets what is live, but for the streams it is behind in.
        case joined(behind: [Cursor])
        /// The access is older than the user's stream: it must be asked for anew.
        case accessIsOld
        /// The user's stream has not been delivered as far as the access is old: what it says of joining and leaving must
        /// come before what it makes the session read.
        case accessIsAhead
    }

    /// Joins the session to the streams whose windows reach back to its places.
    func join(_ joining: Joining) async throws -> JoinOutcome {
        let outcome = try await eventLoop.flatSubmit { [self] in
            let unopened = joining.wants.compactMap { want in
                entries[want.stream].flatMap { $0.log.last == nil ? $0.opened.futureResult : nil }
            }
            return unopened.isEmpty
                ? eventLoop.makeSucceededVoidFuture() : EventLoopFuture.andAllSucceed(unopened, on: eventLoop)
        }
        .flatMapThrowing { [self] in try joinNow(joining) }.get()
        switch outcome {
        case .success(let behind): return .joined(behind: try await behind.get())
        case .failure(let place): return place.isOld ? .accessIsOld : .accessIsAhead
        }
    }

    private struct WrongPlace: Error {
        let isOld: Bool
    }

    private func joinNow(_ joining: Joining) throws -> Result<EventLoopFuture<[Cursor]>, WrongPlace> {
        if let access = joining.access, let last = entries[.user(access.userID)]?.log.last, last != access.seq {
            note([Cursor(stream: .user(access.userID), seq: access.seq)])
            return .failure(WrongPlace(isOld: last > access.seq))
        }
        let registry = joining.session.registry
        var joined = Joined(
            flow: joining.flow, claims: joining.claims, access: joining.access,
            done: registry.eventLoop.makePromise())
        var countLeft = Limits.replayPageCount
        var bytesLeft = Limits.replayPageByteCount
        for (stream, cursor) in joining.wants {
            guard let log = entries[stream]?.log, let last = log.last else { throw CancellationError() }
            let place = cursor ?? last
            guard case .events(let events) = log.missed(after: place), events.count <= countLeft,
                byteCount(events) <= bytesLeft
            else {
                joined.behind.append(Cursor(stream: stream, seq: place))
                continue
            }
            countLeft -= events.count
            bytesLeft -= byteCount(events)
            joined.streams.append((Cursor(stream: stream, seq: place), events))
        }
        registry.put([.join(joining.session, joined)])
        return .success(joined.done.futureResult)
    }

    private func byteCount(_ events: [(seq: StreamSequence, frame: PreparedEvent)]) -> Int {
        events.reduce(0) { $0 + $1.frame.json.readableBytes }
    }

    // MARK: Falling behind

    /// Makes windows reach back to the cursors where that is not far. Answers the cursors that are too far behind for
    /// that, or ahead of what has been delivered.
    func fill(_ cursors: [Cursor]) async throws -> [Cursor] {
        let (near, far) = try await eventLoop.submit { [self] in
            var near: [EventLoopFuture<Void>] = []
            var far: [Cursor] = []
            for cursor in cursors {
                guard let entry = entries[cursor.stream], let last = entry.log.last else { continue }
                switch entry.log.missed(after: cursor.seq) {
                case .events(let events):
                    if byteCount(events) > Limits.replayPageByteCount { far.append(cursor) }
                case .tooMany where last - cursor.seq <= Limits.shallowReplayCount && !entry.isHeavy:
                    near.append(fill(cursor))
                case .tooMany: far.append(cursor)
                // A client's word: only PostgreSQL says whether the stream has come that far.
                case .ahead: far.append(cursor)
                }
            }
            return (EventLoopFuture.andAllSucceed(near, on: eventLoop), far)
        }.get()
        try await near.get()
        return far
    }

    /// One fetch a stream, however many wait for it: those who come in the same turn set how far it goes.
    private func fill(_ cursor: Cursor) -> EventLoopFuture<Void> {
        if let known = filling[cursor.stream] {
            filling[cursor.stream]?.after = min(known.after, cursor.seq)
            return known.promise.futureResult
        }
        let filling = Filling(after: cursor.seq, promise: eventLoop.makePromise())
        if self.filling.isEmpty {
            eventLoop.scheduleTask(in: .milliseconds(2)) { [self] in fillAll() }
        }
        self.filling[cursor.stream] = filling
        return filling.promise.futureResult
    }

    private func fillAll() {
        let fillings = filling
        filling = [:]
        let wanted = fillings.compactMap { stream, filling in
            entries[stream]?.log.windowBegin.map {
                StreamHistory.Range(stream: stream, after: filling.after, through: $0 - 1)
            }
        }
        Task { [self] in
            do {
                let found = try await history.events(wanted, isCompressing: counters.isDeflating)
                eventLoop.execute { [self] in
                    for (stream, events) in found.events { prepend(events, to: stream) }
                    for filling in fillings.values { filling.promise.succeed() }
                }
            } catch {
                for filling in fillings.values { filling.promise.fail(error) }
            }
        }
    }

    private func prepend(_ events: [(seq: StreamSequence, event: PreparedEvent)], to stream: StreamID) {
        guard let begin = entries[stream]?.log.windowBegin else { return }
        let older = events.filter { $0.seq < begin }
        guard older.last?.seq == begin - 1 else { return }
        let byteCount = older.reduce(0) { $0 + $1.event.json.readableBytes }
        guard byteCount <= Limits.windowByteCount else {
            entries[stream]?.isHeavy = true
            return
        }
        entries[stream]?.log.prepend(older.map { ($0.event, $0.event.json.readableBytes) }, now: .now)
    }

    // MARK: Events

    private func receive(_ stream: StreamID, _ message: ByteBuffer) {
        eventLoop.preconditionInEventLoop()
        guard entries[stream] != nil else { return }
        guard let (envelope, event) = PreparedEvent.parse(message, deflater: counters.isDeflating ? deflater : nil)
        else {
            if case .channel(let channel) = stream, let notice = EphemeralNotice(message, channel: channel) {
                give([.notice(notice)], of: stream)
            } else {
                logger.warning("not an event", metadata: ["stream": "\(stream)"])
            }
            return
        }
        take(envelope.seq, event, of: stream)
        scheduleMend(stream)
    }

    private func take(_ seq: StreamSequence, _ event: PreparedEvent, of stream: StreamID) {
        if event.hidesEarlier { entries[stream]?.log.clearWindow() }
        let byteCount = event.json.readableBytes
        deliver(
            entries[stream]?.log.receive(seq, event, byteCount: byteCount, now: .now) ?? [], of: stream)
    }

    private func deliver(_ events: [(seq: StreamSequence, frame: PreparedEvent)], of stream: StreamID) {
        if !events.isEmpty { give(events.map { .event($0.frame, stream, $0.seq) }, of: stream) }
    }

    private func give(_ items: [LoopItem], of stream: StreamID) {
        guard let entry = entries[stream] else { return }
        for (index, isHolding) in entry.loops.enumerated() where isHolding { loops[index].put(items) }
    }

    // MARK: Mending

    /// Streams are known, by PostgreSQL or by who published them, to have come as far as these places.
    private func note(_ heads: [Cursor]) {
        for head in heads where entries[head.stream] != nil {
            entries[head.stream]?.log.note(reached: head.seq)
            scheduleMend(head.stream)
        }
    }

    /// The same, from any thread.
    func noteLater(_ places: [Cursor]) { eventLoop.execute { [self] in note(places) } }

    /// Gives missing events a moment to arrive by themselves, then fetches them.
    private func scheduleMend(_ stream: StreamID) {
        guard let entry = entries[stream], entry.log.isMissingEvents, !entry.isMending else { return }
        entries[stream]?.isMending = true
        if mending.isEmpty {
            eventLoop.scheduleTask(in: .nanoseconds(Limits.gapHold.nanoseconds)) { [self] in mendAll() }
        }
        mending.insert(stream)
    }

    private func mendAll() {
        let streams = mending
        mending = []
        var ranges: [StreamHistory.Range] = []
        for stream in streams {
            if let log = entries[stream]?.log, log.isMissingEvents, let last = log.last {
                ranges.append(.init(stream: stream, after: last, through: log.reached))
            } else {
                entries[stream]?.isMending = false
            }
        }
        guard !ranges.isEmpty else { return }
        let missing = ranges
        Task { [self] in
            do {
                let found = try await history.events(missing, isCompressing: counters.isDeflating)
                eventLoop.execute { [self] in mended(missing, found) }
            } catch {
                logger.warning("gaps not mended yet", metadata: ["streams": "\(missing.count)", "error": "\(error)"])
                eventLoop.scheduleTask(in: .milliseconds(500)) { [self] in
                    mending.formUnion(streams)
                    mendAll()
                }
            }
        }
    }

    private func mended(_ ranges: [StreamHistory.Range], _ found: StreamHistory.Found) {
        counters.mended.add(found.events.count, ordering: .relaxed)
        for (stream, events) in found.events {
            for (seq, event) in events { take(seq, event, of: stream) }
        }
        for place in found.resets {
            deliver(entries[place.stream]?.log.skip(to: place.seq) ?? [], of: place.stream)
            for loop in loops { loop.put([.reset(place)]) }
        }
        for range in ranges {
            entries[range.stream]?.isMending = false
            scheduleMend(range.stream)
        }
    }

    /// After a reconnection to Redis: whatever was published meanwhile is lost on the bus. The topics are subscribed again.
    private func compareHeads() {
        let open = entries.compactMap { $0.value.log.last == nil ? nil : $0.key }
        guard !open.isEmpty else { return }
        Task { [self] in
            var rest = open[...]
            while !rest.isEmpty {
                let chunk = Array(rest.prefix(Limits.headsPerRequest))
                do {
                    // Not from Redis: it may have come back without what was published last.
                    let heads = try await history.headsInDatabase(of: chunk)
                    eventLoop.execute { [self] in note(heads) }
                    rest = rest.dropFirst(chunk.count)
                } catch {
                    logger.warning("heads not compared yet", metadata: ["error": "\(error)"])
                    do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
                }
            }
        }
    }
}
