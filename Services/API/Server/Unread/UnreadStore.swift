import Contracts
import Postgres
import ServiceKit

/// Read positions, and what is unread after them, in PostgreSQL. What is unread is always counted from the position and
/// the messages; nothing adds to or takes from a stored count.
struct UnreadStore {
    let database: PostgresPool

    /// A read position after a change, and the event of it, if there was one.
    struct Marked {
        let unread: ChannelUnread
        let event: EventFrame?
    }

    /// What is unread in a channel; `nil` if the user is not in it.
    func read(of user: UserID, in channel: ChannelID) async throws -> ChannelUnread? {
        try await database.execute(.unread(of: user, in: channel)).first.map(ChannelUnread.init(row:))
    }

    /// Moves the position forward to `seq`, no further than the channel's last event. One that is as far stays.
    /// - Returns: `nil` if the user is not in the channel.
    func markRead(_ seq: StreamSequence, by user: UserID, in channel: ChannelID) async throws -> Marked? {
        try await move(
            Statement(
                """
                WITH moved AS (
                    UPDATE channel_members m SET read_seq = least($3::bigint, s.last_seq), read_version = own.last_seq + 1
                    FROM streams s, streams own
                    WHERE m.channel_id = $1 AND m.user_id = $2 AND m.read_seq < least($3::bigint, s.last_seq)
                      AND s.kind = 'channel' AND s.id = $1 AND own.kind = 'user' AND own.id = $2
                    RETURNING m.user_id
                )
                SELECT append_event('user', user_id, 'channel.read', $1) AS seq FROM moved
                """, channel, user, seq), by: user, in: channel)
    }

    /// Moves the position to right before `seq`, wherever it was.
    /// - Returns: `nil` if the user is not in the channel.
    func markUnread(from seq: StreamSequence, by user: UserID, in channel: ChannelID) async throws -> Marked? {
        try await move(
            Statement(
                """
                WITH moved AS (
                    UPDATE channel_members m SET read_seq = least($3::bigint - 1, s.last_seq), read_version = own.last_seq + 1
                    FROM streams s, streams own
                    WHERE m.channel_id = $1 AND m.user_id = $2 AND m.read_seq <> least($3::bigint - 1, s.last_seq)
                      AND s.kind = 'channel' AND s.id = $1 AND own.kind = 'user' AND own.id = $2
                    RETURNING m.user_id
                )
                SELECT append_event('user', user_id, 'channel.read', $1) AS seq FROM moved
                """, channel, user, seq), by: user, in: channel)
    }

    /// One round trip. Under the lock of the user's stream its next number is known, and nobody joins or leaves for the
    /// user. The position is returned as it is now, which is what the event says.
    private func move(_ statement: Statement, by user: UserID, in channel: ChannelID) async throws -> Marked? {
        let results = try await database.execute([
            .lock([.user(user)]), statement, .unread(of: user, in: channel),
        ])
        guard let row = results[2].first else { return nil }
        let unread = try ChannelUnread(row: row)
        let event = try results[1].first.map { row in
            let read = ChannelRead(channelID: channel, seq: unread.readSeq, version: unread.version)
            return EventFrame(stream: .user(user), seq: try row.decode("seq"), event: .channelRead(read))
        }
        return Marked(unread: unread, event: event)
    }
}

extension Statement {
    /// What is unread for a user in a channel; no row if the user is not in it.
    fileprivate static func unread(of user: UserID, in channel: ChannelID) -> Statement {
        Statement(
            """
            SELECT m.channel_id, m.read_seq, m.read_version, s.last_seq AS head_seq,
                   unread_messages(m.channel_id, m.user_id, m.read_seq, $3) AS unread_count,
                   unread_mentions(m.channel_id, m.user_id, m.read_seq, $3) AS mention_count, true AS is_counted
            FROM channel_members m JOIN streams s ON s.kind = 'channel' AND s.id = m.channel_id
            WHERE m.channel_id = $1 AND m.user_id = $2
            """, channel, user, Limits.unreadCount)
    }

    /// What is unread for a user in every channel. Counts that are known of exactly this position and this head are
    /// taken over; `is_counted` says that a row's were not known.
    static func unread(of user: UserID, known: [ChannelUnread]) -> Statement {
        Statement(
            """
            SELECT m.channel_id, m.read_seq, m.read_version, s.last_seq AS head_seq, k.id IS NULL AS is_counted,
                   CASE WHEN k.id IS NULL THEN unread_messages(m.channel_id, m.user_id, m.read_seq, $7)
                        ELSE k.unread_count END AS unread_count,
                   CASE WHEN k.id IS NULL THEN unread_mentions(m.channel_id, m.user_id, m.read_seq, $7)
                        ELSE k.mention_count END AS mention_count
            FROM channel_members m JOIN streams s ON s.kind = 'channel' AND s.id = m.channel_id
            LEFT JOIN unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
                AS k (id, read_seq, head_seq, unread_count, mention_count)
                ON k.id = m.channel_id AND k.read_seq = m.read_seq AND k.head_seq = s.last_seq
            WHERE m.user_id = $1 ORDER BY m.channel_id
            """, user, known.map(\.channelID), known.map(\.readSeq), known.map(\.headSeq),
            known.map(\.unreadCount), known.map(\.mentionCount), Limits.unreadCount)
    }
}

extension ChannelUnread {
    init(row: PostgresRow) throws {
        self.init(
            channelID: try row.decode("channel_id"), readSeq: try row.decode("read_seq"),
            unreadCount: try row.decode("unread_count"), mentionCount: try row.decode("mention_count"),
            headSeq: try row.decode("head_seq"), version: try row.decode("read_version"))
    }
}
