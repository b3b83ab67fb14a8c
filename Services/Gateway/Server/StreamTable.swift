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
/// SAFETY: `@unchecked Sendable` because all state is touched on the bus's event loop only: what others call (`start`,
/// `join`, `fill`, `noteLater`, retaining and releasing) hops there, and the rest is called from there.
final class StreamTable: @unchecked Sendable {
    /// SAFETY: `@unchecked Sendable` because all of it is touched on the bus's event loop only.
    final class Entry: @unchecked Sendable {
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
    let logger: Logger
    let eventLoop: any EventLoop
    let loops: [LoopRegistry]
    let counters: GatewayCounters
    private let deflater = MessageDeflater()
    var entries: [StreamID: Entry] = [:]
    private var opening: Set<StreamID> = []
    /// Streams in which something is missing.
    var mending: Set<StreamID> = []
    /// Windows that are to reach back further, for those who wait for it.
    var filling: [StreamID: Filling] = [:]

    struct Filling {
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
                    openSoon([stream])
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
                if entry.log.last == nil { entry.opened.fail(CancellationError()) }
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

    private func openSoon(_ streams: some Sequence<StreamID>) {
        if opening.isEmpty { eventLoop.execute { [self] in openAll() } }
        opening.formUnion(streams)
    }

    private func openAll() {
        let wanted: [StreamID: Entry] = opening.reduce(into: [:]) { wanted, stream in
            if let entry = entries[stream], entry.subscription == nil { wanted[stream] = entry }
        }
        opening = []
        guard !wanted.isEmpty else { return }
        let streamOfTopic = Dictionary(uniqueKeysWithValues: wanted.keys.map { (Topic.stream($0), $0) })
        let confirmed = bus.subscribed(to: Array(streamOfTopic.keys)) { [self] topic, message in
            if let stream = streamOfTopic[topic] { receive(stream, message) }
        }
        confirmed.whenSuccess { [self] subscriptions in
            for subscription in subscriptions {
                guard let stream = streamOfTopic[subscription.topic] else { continue }
                // Let go meanwhile; what has taken its place asks for its own.
                guard let entry = entries[stream], entry === wanted[stream] else {
                    subscription.cancel()
                    continue
                }
                entry.subscription = subscription
            }
            findPlaces(of: wanted)
        }
        confirmed.whenFailure { [self] error in
            logger.warning("streams not subscribed yet", metadata: ["error": "\(error)"])
            eventLoop.scheduleTask(in: .milliseconds(200)) { [self] in
                openSoon(stillHere(wanted).keys)
            }
        }
    }

    /// Those that have not been let go, nor let go and held again.
    private func stillHere(_ wanted: [StreamID: Entry]) -> [StreamID: Entry] {
        wanted.filter { entries[$0.key] === $0.value }
    }

    /// Where the streams stand, now that whatever is published reaches the log. A head may be known too low: then the rest
    /// is found as any missing event is.
    private func findPlaces(of wanted: [StreamID: Entry]) {
        guard !wanted.isEmpty else { return }
        Task { [self] in
            do {
                let heads = try await history.heads(of: Array(wanted.keys))
                eventLoop.execute { [self] in
                    for (stream, entry) in stillHere(wanted) where entry.log.last == nil {
                        deliver(entry.log.begin(at: heads[stream] ?? 0), of: stream)
                        scheduleMend(stream)
                        entry.opened.succeed()
                    }
                }
            } catch {
                logger.warning("places of streams not known yet", metadata: ["error": "\(error)"])
                eventLoop.scheduleTask(in: .milliseconds(200)) { [self] in
                    findPlaces(of: stillHere(wanted))
                }
            }
        }
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

    func take(_ seq: StreamSequence, _ event: PreparedEvent, of stream: StreamID) {
        let byteCount = event.json.readableBytes
        let events = entries[stream]?.log.receive(
            seq, event, byteCount: byteCount, hidesEarlier: event.hidesEarlier, now: .now)
        deliver(events ?? [], of: stream)
    }

    func deliver(_ events: [(seq: StreamSequence, frame: PreparedEvent)], of stream: StreamID) {
        if !events.isEmpty { give(events.map { .event($0.frame, stream, $0.seq) }, of: stream) }
    }

    private func give(_ items: [LoopItem], of stream: StreamID) {
        guard let entry = entries[stream] else { return }
        for (index, isHolding) in entry.loops.enumerated() where isHolding { loops[index].put(items) }
    }
}
