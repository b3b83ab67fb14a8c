import APIDomain
import Contracts
import Logging
import RedisBus

/// What was counted lately, in Redis: it saves counting, and is never asked for anything else. An entry is taken for true
/// only by the statement that sees the same position and head in PostgreSQL.
struct UnreadCache {
    let bus: RedisBus
    let logger: Logger

    /// What is known of these channels; nothing while Redis does not answer. One command: the keys of a user share a slot.
    func known(of user: UserID, in channels: [ChannelID]) async -> [ChannelUnread] {
        guard !channels.isEmpty else { return [] }
        let keys = channels.map { RedisArgument.key(.unread(user, $0)) }
        let answer: RedisValue
        do {
            answer = try await bus.send(RedisCommand("MGET", arguments: keys))
        } catch {
            logger.debug("unread counts not read from Redis", metadata: ["error": "\(error)"])
            return []
        }
        return zip(channels, answer.array ?? []).compactMap { channel, value in
            guard let text = value.text, let count = UnreadCount(text: text) else { return nil }
            return ChannelUnread(
                channelID: channel, readSeq: count.readSeq, unreadCount: count.unreadCount,
                mentionCount: count.mentionCount, headSeq: count.headSeq, version: 0)
        }
    }

    /// Makes Redis remember what was counted. What it does not take is counted again.
    func remember(_ counted: [ChannelUnread], of user: UserID) async {
        guard !counted.isEmpty else { return }
        let commands = counted.map { unread in
            let count = UnreadCount(
                readSeq: unread.readSeq, headSeq: unread.headSeq, unreadCount: unread.unreadCount,
                mentionCount: unread.mentionCount)
            return RedisCommand(
                "SET", .key(.unread(user, unread.channelID)), .text(count.text), "PX",
                .milliseconds(Limits.unreadCache))
        }
        do {
            _ = try await bus.send(pipeline: commands)
        } catch {
            logger.debug("unread counts not remembered", metadata: ["error": "\(error)"])
        }
    }
}
