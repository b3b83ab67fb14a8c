import Contracts
import Postgres

/// The statement that adds people to a channel. It goes behind ``Postgres/Statement/lock(_:)`` of the channel's
/// and the user's stream, checks again what it depends on, and returns the places of the events it appended: the
/// channel's first, so that the user's event can point to it.
enum ChannelMembership {
    /// Adds a member of the workspace: whoever comes by themselves to a public channel, or is brought by `actor` who is in
    /// it; the first to a channel is who made it; to a direct conversation comes only one of its two people, who had left
    /// the workspace. What was said before counts as read. Adding who is there already, or who is in
    /// ``Limits/channelsPerUser`` channels, changes nothing and returns nothing.
    static func add(_ user: UserID, to channel: ChannelID, by actor: UserID) -> Statement {
        Statement(
            """
            WITH added AS (
                INSERT INTO channel_members (channel_id, user_id, read_seq)
                SELECT c.id, $2, s.last_seq FROM channels c
                JOIN workspace_members m ON m.workspace_id = c.workspace_id AND m.user_id = $2
                JOIN streams s ON s.kind = 'channel' AND s.id = c.id
                WHERE c.id = $1 AND (c.kind <> 'direct' OR $2 = ANY (c.participants))
                  AND ((c.visibility = 'public' AND $2 = $4) OR $4 = ANY (c.participants)
                       OR EXISTS (SELECT FROM channel_members a WHERE a.channel_id = c.id AND a.user_id = $4)
                       OR (c.created_by = $4 AND NOT EXISTS (SELECT FROM channel_members a WHERE a.channel_id = c.id)))
                  AND (SELECT count(*) FROM channel_members WHERE user_id = $2) < $3
                ON CONFLICT DO NOTHING RETURNING user_id
            ), told AS (
                SELECT append_event('channel', $1, 'channel.member.joined', user_id) AS seq FROM added
            )
            SELECT 'channel' AS kind, $1::uuid AS stream_id, seq FROM told
            UNION ALL
            SELECT 'user', $2::uuid, append_event('user', $2, 'channel.joined', $1, seq) FROM told
            """, channel, user, Limits.channelsPerUser, actor)
    }
}
