import APIDomain
import Contracts
import Crypto
import Foundation
import Postgres
import RedisBus
import ServiceKit

/// Sessions and their refresh tokens: PostgreSQL holds them, Redis remembers which are live.
package struct SessionStore: Sendable {
    let database: PostgresPool
    let bus: RedisBus

    /// A secret that was handed out, of which only the digest is stored.
    struct RefreshToken {
        let text: String

        static func fresh() -> RefreshToken {
            RefreshToken(text: base64URL(Data(randomBytes(32)).base64EncodedString()))
        }

        var digest: [UInt8] { Array(SHA256.hash(data: Data(text.utf8))) }
    }

    /// Opens a session with its first refresh token. The oldest sessions beyond the limit end: `ended` are the events
    /// of that, to publish.
    func open(
        user: UserID, userAgent: String?
    ) async throws -> (session: SessionID, token: RefreshToken, ended: [Cursor]) {
        let session = SessionID.fresh()
        let token = RefreshToken.fresh()
        let expiresAt = Timestamp.now + Limits.refreshTokenLifetime
        let results = try await database.execute([
            .lock([.user(user)]),
            Statement(
                """
                WITH ended AS (
                    UPDATE sessions SET revoked_at = now() WHERE id IN (
                        SELECT id FROM sessions WHERE user_id = $1 AND revoked_at IS NULL
                        ORDER BY last_used_at DESC OFFSET $2)
                    RETURNING id
                )
                SELECT 'user' AS kind, $1::uuid AS stream_id, append_event('user', $1, 'session.revoked', id) AS seq
                FROM ended
                """, user, Limits.sessionsPerUser - 1),
            Statement(
                "INSERT INTO sessions (id, user_id, user_agent, expires_at) VALUES ($1, $2, $3, $4)",
                session, user, userAgent, expiresAt),
            Statement(
                "INSERT INTO refresh_tokens (digest, session_id, expires_at) VALUES ($1, $2, $3)",
                token.digest, session, expiresAt),
        ])
        return (session, token, try results[1].map { try $0.cursor() })
    }

    /// How a presented refresh token fared.
    enum Rotation {
        case rotated(user: UserID, session: SessionID, token: RefreshToken)
        /// It had been used before: its session must end.
        case reused(user: UserID, session: SessionID)
        case sessionEnded
        case unknown
    }

    /// Spends a refresh token for the next one of its session.
    func rotate(_ presented: RefreshToken) async throws -> Rotation {
        let next = RefreshToken.fresh()
        let results = try await database.execute([
            Statement(
                """
                SELECT r.used_at, r.expires_at, s.id AS session_id, s.user_id, s.revoked_at
                FROM refresh_tokens r JOIN sessions s ON s.id = r.session_id WHERE r.digest = $1 FOR UPDATE
                """, presented.digest),
            Statement(
                """
                WITH spent AS (
                    UPDATE refresh_tokens r SET used_at = now() FROM sessions s
                    WHERE r.digest = $1 AND r.used_at IS NULL AND r.expires_at > now()
                      AND s.id = r.session_id AND s.revoked_at IS NULL
                    RETURNING r.session_id
                ), touched AS (
                    UPDATE sessions SET last_used_at = now(), expires_at = $3
                    WHERE id = (SELECT session_id FROM spent)
                )
                INSERT INTO refresh_tokens (digest, session_id, expires_at) SELECT $2, session_id, $3 FROM spent
                RETURNING session_id
                """, presented.digest, next.digest, Timestamp.now + Limits.refreshTokenLifetime),
        ])
        guard let before = results[0].first else { return .unknown }
        let user: UserID = try before.decode("user_id")
        let session: SessionID = try before.decode("session_id")
        if !results[1].isEmpty { return .rotated(user: user, session: session, token: next) }
        let revokedAt: Timestamp? = try before.decode("revoked_at")
        let usedAt: Timestamp? = try before.decode("used_at")
        if revokedAt != nil { return .sessionEnded }
        return usedAt != nil ? .reused(user: user, session: session) : .unknown
    }

    /// Ends a session of a user; the events to publish, or none if it was no live session of that user.
    func revoke(_ session: SessionID, of user: UserID) async throws -> [Cursor] {
        let results = try await database.execute([
            .lock([.user(user)]),
            Statement(
                """
                WITH ended AS (
                    UPDATE sessions SET revoked_at = now() WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL
                    RETURNING id
                )
                SELECT 'user' AS kind, $2::uuid AS stream_id, append_event('user', $2, 'session.revoked', id) AS seq
                FROM ended
                """, session, user),
        ])
        return try results[1].map { try $0.cursor() }
    }

    func list(of user: UserID, current: SessionID) async throws -> [Session] {
        let rows = try await database.execute(
            Statement(
                """
                SELECT id, created_at, last_used_at, user_agent FROM sessions
                WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now() ORDER BY created_at DESC
                """, user))
        return try rows.map { row in
            let id: SessionID = try row.decode("id")
            return Session(
                id: id, createdAt: try row.decode("created_at"), lastUsedAt: try row.decode("last_used_at"),
                userAgent: try row.decode("user_agent"), isCurrent: id == current)
        }
    }

    /// Whether a session may still act. Redis knows most; what it does not know PostgreSQL answers.
    func isLive(_ session: SessionID) async throws -> Bool {
        if let known = Self.liveness(try? await bus.send(Self.livenessCommand(session))) { return known }
        return try await isLiveInDatabase(session)
    }

    /// The command whose answer ``liveness(_:)`` reads: for callers that ask Redis more in the same round trip.
    static func livenessCommand(_ session: SessionID) -> RedisCommand {
        RedisCommand("GET", .key(.session(session)))
    }

    /// What Redis knows of a session; `nil` if nothing.
    static func liveness(_ value: RedisValue?) -> Bool? {
        guard let text = value?.text else { return nil }
        return text == "1"
    }

    func isLiveInDatabase(_ session: SessionID) async throws -> Bool {
        let rows = try await database.execute(
            Statement("SELECT 1 FROM sessions WHERE id = $1 AND revoked_at IS NULL AND expires_at > now()", session))
        // Only life is remembered here, and only if nothing is known: a revocation that came between must win.
        if !rows.isEmpty { _ = try? await bus.send(Self.liveCommand(session)) }
        return !rows.isEmpty
    }

    /// Makes Redis remember that a session lives, unless it knows of its end.
    static func liveCommand(_ session: SessionID) -> RedisCommand {
        RedisCommand(
            "SET", .key(.session(session)), .text("1"), .text("NX"), .text("EX"),
            .integer(Limits.sessionCache.components.seconds))
    }

    /// Makes Redis remember that a session has ended, for as long as an access token of it may live. Part of publishing
    /// the end, so that it is tried again together with the event.
    static func endCommand(_ session: SessionID) -> RedisCommand {
        RedisCommand(
            "SET", .key(.session(session)), .text("0"), .text("EX"),
            .integer(Limits.accessTokenLifetime.components.seconds))
    }
}
