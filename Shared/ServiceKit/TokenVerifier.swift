package import Contracts
import Crypto
package import JWTKit
import Synchronization

/// Verifies what the API signed with its public keys: access tokens and grants of seats. Each has its own audience, so that
/// neither passes for the other. An access token that was verified is remembered by its digest, because a signature check
/// costs more than all else of a small request; a grant is used once.
package final class TokenVerifier: Sendable {
    /// Tokens remembered. When more are live the memory starts over.
    private static let rememberedCount = 20_000

    private let keys: JWTKeyCollection
    private let tokens = Mutex<[SHA256Digest: AccessToken]>([:])

    package init(keys: JWTKeyCollection) {
        self.keys = keys
    }

    /// The claims of a token that is signed by one of the keys, meant for this product, and not expired at `now`.
    package func verify(_ token: String, now: Timestamp) async throws(TokenError) -> AccessToken {
        if let known = try remembered(token, now: now) { return known }
        let claims: AccessToken
        do {
            claims = try await keys.verify(token, as: AccessToken.self)
        } catch {
            throw .invalid
        }
        guard claims.issuer == AccessToken.issuer, claims.audience == AccessToken.audience else { throw .invalid }
        _ = try unexpired(claims, now)
        tokens.withLock { tokens in
            if tokens.count >= Self.rememberedCount { tokens.removeAll(keepingCapacity: true) }
            tokens[Self.digest(token)] = claims
        }
        return claims
    }

    /// The claims of a token that was verified before and is not expired at `now`; `nil` for any other.
    package func remembered(_ token: String, now: Timestamp) throws(TokenError) -> AccessToken? {
        guard let known = tokens.withLock({ $0[Self.digest(token)] }) else { return nil }
        return try unexpired(known, now)
    }

    private static func digest(_ token: String) -> SHA256Digest {
        var token = token
        return token.withUTF8 { SHA256.hash(data: UnsafeRawBufferPointer($0)) }
    }

    /// The claims of a grant that is signed by one of the keys, meant for media nodes, and not expired at `now`. Whether it
    /// is meant for this node is for the caller to check.
    package func verifyGrant(_ grant: String, now: Timestamp) async throws(TokenError) -> CallGrant {
        let claims: CallGrant
        do {
            claims = try await keys.verify(grant, as: CallGrant.self)
        } catch {
            throw .invalid
        }
        guard claims.issuer == AccessToken.issuer, claims.audience == CallGrant.audience else { throw .invalid }
        guard now < claims.expiresAt else { throw .expired }
        return claims
    }

    private func unexpired(_ claims: AccessToken, _ now: Timestamp) throws(TokenError) -> AccessToken {
        guard now < claims.expiresAt else { throw .expired }
        return claims
    }
}
