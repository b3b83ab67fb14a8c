import Contracts
import Postgres
import ServiceKit

extension ChannelCall {
    /// Reads the columns of the view `call_states`.
    init(row: PostgresRow, channel: ChannelID) throws {
        let participants: String = try row.decode("call_participants")
        self.init(
            channelID: channel, startedAt: try row.decode("call_started_at"),
            participants: try WireJSON.decode([CallParticipant].self, from: participants.utf8),
            version: try row.decode("call_version"))
    }

    /// The calls in a user's channels that someone is in.
    static func selectOpen(of user: UserID) -> Statement {
        Statement(
            """
            SELECT s.* FROM channel_members m JOIN call_states s ON s.channel_id = m.channel_id
            WHERE m.user_id = $1 AND s.call_started_at IS NOT NULL ORDER BY s.channel_id
            """, user)
    }
}
