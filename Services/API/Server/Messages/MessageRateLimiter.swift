import APIDomain
import Contracts
import RedisBus
import ServiceKit
import Synchronization

/// Bounds the messages of one user in one channel, over all instances, by one script in Redis. Its members are
/// idempotency keys: a retry is known and costs nothing. While Redis is away each instance counts for itself.
package final class MessageRateLimiter: Sendable {
    /// KEYS: window, mute. ARGV: idempotency key, messages, window ms.
    /// Answers -1 for a key that was counted before, -2 for one too many, 0 for one that was counted now, else the
    /// milliseconds of mute left. It mutes nobody: what comes too much may be a retry, which only PostgreSQL knows.
    static let script = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
        if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return -1 end
        local mute = redis.call('PTTL', KEYS[2])
        if mute > 0 then return mute end
        if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return -2 end
        redis.call('ZADD', KEYS[1], now, ARGV[1])
        redis.call('PEXPIRE', KEYS[1], ARGV[3])
        return 0
        """)

    /// Channels counted in this process while Redis is away; past it the memory starts over.
    private static let localWindowCount = 10_000

    private struct Place: Hashable {
        let user: UserID
        let channel: ChannelID
    }

    private let bus: RedisBus
    private let rule: MessageRateRule
    private let local = Mutex<[Place: SlidingWindow]>([:])

    init(bus: RedisBus, rule: MessageRateRule) {
        self.bus = bus
        self.rule = rule
    }

    /// The script's call, for a pipeline; ``outcome(of:key:user:channel:)`` reads its answer.
    func command(key: String, user: UserID, channel: ChannelID) -> RedisCommand {
        .evaluate(
            Self.script, keys: [.messageRate(user, channel), .messageMute(user, channel)],
            arguments: [
                .text(key), .integer(Int64(rule.count)), .integer(rule.window.milliseconds),
            ])
    }

    /// What the script answered; without an answer, what this process counts.
    func outcome(
        of answer: RedisValue?, key: String, user: UserID, channel: ChannelID
    ) -> SlidingWindow.Outcome {
        switch answer?.integer {
        case -1: return .known
        case -2: return .exceeded
        case 0: return .counted
        case .some(let mute): return .muted(.milliseconds(mute))
        case nil:
            return local.withLock { windows in
                if windows.count >= Self.localWindowCount { windows.removeAll() }
                return windows[Place(user: user, channel: channel), default: SlidingWindow()].admit(
                    key, now: .now, count: rule.count, window: rule.window)
            }
        }
    }

    /// Mutes whoever sent one too many; answers for how long.
    func mute(user: UserID, channel: ChannelID) async -> Duration {
        local.withLock { $0[Place(user: user, channel: channel)]?.mute(now: .now, for: rule.mute) }
        _ = try? await bus.send(
            RedisCommand(
                "SET", .key(.messageMute(user, channel)), .text("1"), .text("NX"), .text("PX"),
                .milliseconds(rule.mute)))
        return rule.mute
    }

    /// Takes back what a retry cost that came after its window had passed.
    func refund(key: String, user: UserID, channel: ChannelID) async {
        local.withLock { $0[Place(user: user, channel: channel)]?.forget(key) }
        _ = try? await bus.send(RedisCommand("ZREM", .key(.messageRate(user, channel)), .text(key)))
    }
}
