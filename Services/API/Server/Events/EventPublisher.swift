import Contracts
import Logging
import NIOCore
import Postgres
import RedisBus
import ServiceKit
import Synchronization

/// Publishes committed events, and finds those that were committed but not published.
///
/// An event's row in `outbox` is written in the transaction that makes the change and deleted, in bulk, once Redis has
/// taken the event. Whatever dies in between, the row remains, and a sweep of any API instance publishes it again.
/// Gateways drop what they have delivered already.
package final class EventPublisher: Sendable {
    private let database: PostgresPool
    private let bus: RedisBus
    private let logger: Logger
    /// Events that Redis has taken and whose outbox rows are still to be deleted.
    private let published = Mutex<[Cursor]>([])
    private let heads = Mutex(RecentHeads())

    init(database: PostgresPool, bus: RedisBus, logger: Logger) {
        self.database = database
        self.bus = bus
        self.logger = logger
    }

    /// Publishes events that have just been committed. It never fails: what Redis does not take now, a sweep publishes.
    func publish(_ frames: [EventFrame]) async {
        do {
            await publish(try frames.map(EncodedEvent.init))
        } catch {
            logger.error("an event could not be encoded", metadata: ["error": "\(error)"])
        }
    }

    /// The same for events that are encoded.
    /// - Parameter committed: where streams stand of which more is known than the events.
    func publish(_ events: [EncodedEvent], committed: [StreamID: StreamSequence] = [:]) async {
        note(events, committed)
        var rest = events[...]
        while !rest.isEmpty {
            let part = rest.prefix(Limits.publishCount)
            rest = rest.dropFirst(part.count)
            do throws(RedisError) {
                try await publish(part: part, committed)
            } catch {
                logger.debug("publish left to the sweep", metadata: ["error": "\(error)"])
                return
            }
        }
    }

    /// One pipeline: first what Redis must know of sessions that end, then one script a stream. Events are published once
    /// their script has run; an end that Redis did not take is tried again with its event.
    private func publish(
        part: ArraySlice<EncodedEvent>, _ committed: [StreamID: StreamSequence]
    ) async throws(RedisError) {
        let ended = part.compactMap(\.endedSession)
        var streams: [StreamID] = []
        var groups: [StreamID: [EncodedEvent]] = [:]
        for event in part {
            if groups[event.stream] == nil { streams.append(event.stream) }
            groups[event.stream, default: []].append(event)
        }
        let commands =
            ended.map(SessionStore.endCommand)
            + streams.map { TailScript.command(groups[$0, default: []], of: $0, committed: committed[$0] ?? 0) }
        let answers = try await bus.send(pipeline: commands)
        let areEndsKnown = !answers.prefix(ended.count).contains(where: \.isRefusal)
        var done: [Cursor] = []
        for (stream, answer) in zip(streams, answers.dropFirst(ended.count)) {
            if case .error(let text) = answer {
                logger.warning("Redis did not publish", metadata: ["stream": "\(stream)", "error": "\(text)"])
                continue
            }
            for event in groups[stream, default: []] where event.endedSession == nil || areEndsKnown {
                done.append(Cursor(stream: stream, seq: event.seq))
            }
        }
        published.withLock { $0 += done }
    }

    /// Publishes committed events of which only the places are known.
    func publish(at places: [Cursor]) async {
        guard !places.isEmpty else { return }
        do {
            let (events, heads) = try await EventReader(database: database).events(at: places)
            await publish(try events.map(EncodedEvent.init), committed: heads)
        } catch {
            logger.debug("publish left to the sweep", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Heads

    /// Remembers where streams stand: what is committed is told even if Redis did not take it.
    private func note(_ events: [EncodedEvent], _ committed: [StreamID: StreamSequence]) {
        let now = ContinuousClock.now
        heads.withLock { heads in
            for event in events { heads.saw(max(event.seq, committed[event.stream] ?? 0), of: event.stream, at: now) }
        }
    }

    /// Tells gateways the heads that changed lately, until the task is cancelled.
    package func tellHeads() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Limits.headsInterval)
            let notices = heads.withLock { $0.notices(at: .now) }
            guard !notices.isEmpty else { continue }
            do {
                _ = try await bus.send(
                    pipeline: notices.map {
                        RedisCommand("SPUBLISH", .topic(.heads), .bytes(ByteBuffer(string: $0.text)))
                    })
            } catch {
                logger.debug("heads not told", metadata: ["error": "\(error)"])
            }
        }
    }

    // MARK: Outbox

    /// Clears and sweeps the outbox until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Limits.outboxSweepInterval)
            await clear()
            await sweep()
        }
        await clear()
    }

    /// The outbox is nearly empty whenever PostgreSQL counts it and long whenever it matters, so a plan by those
    /// statistics loops over it once a row. A hash join is right for both.
    private static let withoutNestedLoops = Statement("SELECT set_config('enable_nestloop', 'off', true) AS plan")

    /// Deletes the outbox rows of published events.
    private func clear() async {
        let done = published.withLock { places in
            defer { places.removeAll(keepingCapacity: true) }
            return places
        }
        guard !done.isEmpty else { return }
        do {
            _ = try await database.execute([
                Self.withoutNestedLoops,
                Statement(
                    """
                    DELETE FROM outbox o USING unnest($1::text[], $2::uuid[], $3::bigint[]) AS done (kind, id, seq)
                    WHERE o.kind = done.kind AND o.stream_id = done.id AND o.seq = done.seq
                    """, done.map(\.stream.kind), done.map(\.stream.entity), done.map(\.seq)),
            ])
        } catch {
            logger.warning("outbox not cleared yet", metadata: ["error": "\(error)"])
            // Past the bound the rows stay: their events are published once more, which gateways drop.
            published.withLock { places in
                if places.count + done.count <= Limits.outboxClearCount { places += done }
            }
        }
    }

    /// Publishes what was committed a while ago and is still in the outbox. Taking a row renews its time, which keeps
    /// other instances from it until this one had its chance.
    private func sweep() async {
        guard bus.isConnected else { return }
        do {
            let results = try await database.execute([
                Self.withoutNestedLoops,
                Statement(
                    """
                    UPDATE outbox o SET created_at = now() FROM (
                        SELECT kind, stream_id, seq FROM outbox
                        WHERE created_at < now() - make_interval(secs => $1::float8)
                        ORDER BY kind, stream_id, seq LIMIT $2 FOR UPDATE SKIP LOCKED
                    ) late
                    WHERE o.kind = late.kind AND o.stream_id = late.stream_id AND o.seq = late.seq
                    RETURNING o.kind, o.stream_id, o.seq
                    """, Double(Limits.outboxAge.components.seconds), Limits.outboxSweepCount),
            ])
            let late = try results[1].map { try $0.cursor() }
            guard !late.isEmpty else { return }
            logger.info("publishing events that were left behind", metadata: ["count": "\(late.count)"])
            await publish(at: late)
        } catch {
            logger.warning("outbox not swept", metadata: ["error": "\(error)"])
        }
    }
}

extension RedisValue {
    /// Whether Redis refused the command.
    fileprivate var isRefusal: Bool {
        if case .error = self { true } else { false }
    }
}
