package import Contracts
import Crypto
import Foundation
package import JWTKit
import Synchronization

/// Verifies access tokens with public keys. A token that was verified is remembered by its digest, because a signature
/// check costs more than all else of a small request.
package final class TokenVerifier: Sendable {
    /// Tokens remembered. When more are live the memory starts over.
    private static let rememberedCount = 20_000

    private let keys: JWTKeyCollection
    private let remembered = Mutex<[SHA256Digest: AccessToken]>([:])

    package init(keys: JWTKeyCollection) {
        self.keys = keys
    }

    /// The claims of a token that is signed by one of the keys, meant for this product, and not expired at `now`.
    package func verify(_ token: String, now: Timestamp) async throws(TokenError) -> AccessToken {
        let digest = SHA256.hash(data: Data(token.utf8))
        if let known = remembered.withLock({ $0[digest] }) { return try unexpired(known, now) }
        let claims: AccessToken
        do {
            claims = try await keys.verify(token, as: AccessToken.self)
        } catch {
            throw .invalid
        }
        guard claims.issuer == AccessToken.issuer, claims.audience == AccessToken.audience else { throw .invalid }
        _ = try unexpired(claims, now)
        remembered.withLock { tokens in
            if tokens.count >= Self.rememberedCount { tokens.removeAll(keepingCapacity: true) }
            tokens[digest] = claims
        }
        return claims
    }

    private func unexpired(_ claims: AccessToken, _ now: Timestamp) throws(TokenError) -> AccessToken {
        guard now < claims.expiresAt else { throw .expired }
        return claims
    }
}
