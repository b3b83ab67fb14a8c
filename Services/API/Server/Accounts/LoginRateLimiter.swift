import APIDomain
import Contracts
import Crypto
import Foundation
import RedisBus

/// Bounds the attempts to sign in to one account name, over all instances. The key holds a digest: Redis learns no names.
struct LoginRateLimiter: Sendable {
    let bus: RedisBus

    /// A fixed window that starts with the first attempt. KEYS: counter. ARGV: window in milliseconds.
    /// Answers the attempts so far and the milliseconds left.
    static let script = RedisScript(
        """
        local attempts = redis.call('INCR', KEYS[1])
        if attempts == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return {attempts, redis.call('PTTL', KEYS[1])}
        """)

    /// - Throws: `rate_limited`. While Redis is away nobody is refused: the hasher's bounded queue still protects us.
    func admit(_ login: String) async throws {
        let digest = SHA256.hash(data: Data(login.lowercased().utf8)).prefix(16).map { String($0, radix: 16) }.joined()
        let answer = try? await bus.evaluate(
            Self.script, keys: [.loginRate(digest: digest)],
            arguments: [.integer(Limits.loginWindow.milliseconds)])
        guard case .array(let values)? = answer, values.count == 2, let attempts = values[0].integer,
            let left = values[1].integer, attempts > Int64(Limits.loginAttempts)
        else { return }
        throw APIError(
            .rateLimited, "Too many attempts for this account. Wait a minute.", retryAfter: .milliseconds(left))
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
