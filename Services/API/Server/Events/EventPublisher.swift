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

    init(database: PostgresPool, bus: RedisBus, logger: Logger) {
        self.database = database
        self.bus = bus
        self.logger = logger
    }

    /// Publishes events that have just been committed. It never fails: what Redis does not take now, a sweep publishes.
    func publish(_ frames: [EventFrame]) async {
        for frame in frames {
            do {
                if case .sessionRevoked(let ended) = frame.event {
                    _ = try await bus.send(SessionStore.endCommand(ended.sessionID))
                }
                _ = try await bus.publish(try Self.payload(of: frame), to: .stream(frame.stream))
                published.withLock { $0.append(Cursor(stream: frame.stream, seq: frame.seq)) }
            } catch {
                logger.debug("publish left to the sweep", metadata: ["error": "\(error)"])
                return
            }
        }
    }

    /// Publishes committed events of which only the places are known.
    func publish(at places: [Cursor]) async {
        guard !places.isEmpty else { return }
        do {
            await publish(try await EventReader(database: database).events(at: places))
        } catch {
            logger.debug("publish left to the sweep", metadata: ["error": "\(error)"])
        }
    }

    /// The bytes on the bus: the envelope's header, a line feed, and the frame as clients get it.
    static func payload(of frame: EventFrame) throws -> ByteBuffer {
        let json = try WireJSON.encode(frame)
        let header = frame.envelope.header
        var buffer = ByteBufferAllocator().buffer(capacity: header.utf8.count + 1 + json.count)
        buffer.writeString(header)
        buffer.writeInteger(UInt8(ascii: "\n"))
        buffer.writeBytes(json)
        return buffer
    }

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
