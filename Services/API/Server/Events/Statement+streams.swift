import Contracts
import Postgres

extension Statement {
    /// Locks the rows of streams, in one order for everyone, so that actions on the same streams cannot deadlock. It is
    /// the first statement of every batch that appends to more than one stream or decides by what others may change:
    /// under READ COMMITTED the statements after it see all that was committed before the lock was had.
    static func lock(_ streams: [StreamID]) -> Statement {
        Statement(
            """
            SELECT s.last_seq FROM streams s
            JOIN unnest($1::text[], $2::uuid[]) AS wanted (kind, id) ON s.kind = wanted.kind AND s.id = wanted.id
            ORDER BY s.kind, s.id FOR UPDATE OF s
            """, streams.map(\.kind), streams.map(\.entity))
    }

    /// Begins a stream, before its first event.
    static func beginStream(_ stream: StreamID) -> Statement {
        Statement("INSERT INTO streams (kind, id) VALUES ($1, $2)", stream.kind, stream.entity)
    }

    /// Begins the stream of a channel, if the statements before it have created the channel.
    static func beginStream(ofCreated channel: ChannelID) -> Statement {
        Statement("INSERT INTO streams (kind, id) SELECT 'channel', id FROM channels WHERE id = $1", channel)
    }

    /// Appends an event whatever the state; the row it returns is read by ``PostgresRow/cursor()``.
    static func append(
        _ name: EventName, to stream: StreamID, about object: some PostgresEncodable, place: StreamSequence? = nil
    ) -> Statement {
        Statement(
            """
            SELECT $1::text AS kind, $2::uuid AS stream_id,
                   append_event($1::text, $2::uuid, $3::text, $4::uuid, $5::bigint) AS seq
            """, stream.kind, stream.entity, name, object, place)
    }
}
