import Contracts
import JWTKit
package import Logging
import Synchronization

/// The public keys of the API as another service has them: fetched at the start, and again when a token is signed by an
/// unknown key.
package final class KeyRing: Sendable {
    private static let retryInterval = Duration.milliseconds(200)

    private struct State {
        var jwks = ""
        var verifier: TokenVerifier?
        var fetchedAt = Timestamp(milliseconds: 0)
    }

    private let fetchKeys: @Sendable () async throws -> String
    private let refetchInterval: Duration
    private let logger: Logger
    private let state = Mutex(State())

    /// A ring without keys.
    /// - Parameters:
    ///   - refetchInterval: unknown keys make it ask no more often than this.
    ///   - fetch: gives the keys of now as a JWK Set (RFC 7517 §5).
    package init(
        refetchInterval: Duration = .seconds(5), logger: Logger, fetch: @escaping @Sendable () async throws -> String
    ) {
        self.refetchInterval = refetchInterval
        self.logger = logger
        fetchKeys = fetch
    }

    /// Whether there are keys.
    package var isLoaded: Bool { state.withLock { $0.verifier != nil } }

    /// Asks until there are keys.
    /// - Throws: when the task is cancelled.
    package func load() async throws {
        while !isLoaded {
            do { try await fetch() } catch { try await Task.sleep(for: Self.retryInterval) }
        }
        logger.info("public keys loaded")
    }

    /// The claims of an access token that was verified here before; `nil` if it must be verified.
    /// - Throws: ``TokenError/expired``.
    package func remembered(_ token: String) throws(TokenError) -> AccessToken? {
        try state.withLock(\.verifier)?.remembered(token, now: .now)
    }

    /// The claims of an access token.
    /// - Throws: ``TokenError``, or what the fetch threw when there are no keys yet.
    package func verify(_ token: String) async throws -> AccessToken {
        do {
            return try await verifier().verify(token, now: .now)
        } catch TokenError.invalid where claimFetch() {
            try await fetch()
            return try await verifier().verify(token, now: .now)
        }
    }

    /// The claims of a grant of a seat.
    /// - Throws: ``TokenError``, or what the fetch threw when there are no keys yet.
    package func verifyGrant(_ grant: String) async throws -> CallGrant {
        do {
            return try await verifier().verifyGrant(grant, now: .now)
        } catch TokenError.invalid where claimFetch() {
            try await fetch()
            return try await verifier().verifyGrant(grant, now: .now)
        }
    }

    private func verifier() async throws -> TokenVerifier {
        if let verifier = state.withLock({ $0.verifier }) { return verifier }
        try await fetch()
        guard let verifier = state.withLock({ $0.verifier }) else { throw TokenError.invalid }
        return verifier
    }

    /// Whether it is time to fetch again.
    private func claimFetch() -> Bool {
        state.withLock { state in
            guard Timestamp.now >= state.fetchedAt + refetchInterval else { return false }
            state.fetchedAt = .now
            return true
        }
    }

    private func fetch() async throws {
        let jwks = try await fetchKeys()
        guard jwks != state.withLock({ $0.jwks }) else { return }
        let keys = JWTKeyCollection()
        try await keys.add(jwksJSON: jwks)
        let verifier = TokenVerifier(keys: keys)
        state.withLock { $0 = State(jwks: jwks, verifier: verifier, fetchedAt: .now) }
    }
}
