import Contracts
import JWTKit
import Logging
import NIOCore
import ServiceKit
import Synchronization

/// The public keys of the API, fetched over the bus: at the start, and again when a token is signed by an unknown key.
final class KeyRing: Sendable {
    /// Unknown keys make a gateway ask no more often than this.
    private static let refetchInterval = Duration.seconds(5)

    private struct State {
        var jwks = ""
        var verifier: TokenVerifier?
        var fetchedAt = Timestamp(milliseconds: 0)
    }

    private let api: APIClient
    private let logger: Logger
    private let state = Mutex(State())

    init(api: APIClient, logger: Logger) {
        self.api = api
        self.logger = logger
    }

    var isLoaded: Bool { state.withLock { $0.verifier != nil } }

    /// Asks until there are keys.
    func load() async throws {
        while !isLoaded {
            do { try await fetch() } catch { try await Task.sleep(for: .milliseconds(200)) }
        }
        logger.info("public keys loaded")
    }

    /// The claims of a token. Throws ``TokenError``, or a bus error when there are no keys yet.
    func verify(_ token: String) async throws -> AccessToken {
        if !isLoaded { try await fetch() }
        do {
            return try await verifier().verify(token, now: .now)
        } catch TokenError.invalid where claimFetch() {
            try await fetch()
            return try await verifier().verify(token, now: .now)
        }
    }

    private func verifier() throws(TokenError) -> TokenVerifier {
        guard let verifier = state.withLock({ $0.verifier }) else { throw .invalid }
        return verifier
    }

    /// Whether it is time to fetch again.
    private func claimFetch() -> Bool {
        state.withLock { state in
            guard Timestamp.now >= state.fetchedAt + Self.refetchInterval else { return false }
            state.fetchedAt = .now
            return true
        }
    }

    private func fetch() async throws {
        let jwks = try await api.keys()
        guard jwks != state.withLock({ $0.jwks }) else { return }
        let keys = JWTKeyCollection()
        try await keys.add(jwksJSON: jwks)
        let verifier = TokenVerifier(keys: keys)
        state.withLock { $0 = State(jwks: jwks, verifier: verifier, fetchedAt: .now) }
    }
}
