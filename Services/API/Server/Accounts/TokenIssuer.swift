package import Contracts
import Crypto
import Foundation
import JWTKit
package import ServiceKit

/// Signs access tokens and call grants (ES256), and publishes the key that verifies them.
package struct TokenIssuer: Sendable {
    /// Verifies what this issuer signs.
    package let verifier: TokenVerifier
    /// The public key as a JWK Set (RFC 7517 §5).
    package let jwks: [UInt8]
    /// Signs links to files, with a key that comes from the same one.
    let fileLinks: FileLinkSigner
    private let keys: JWTKeyCollection
    private let keyID: JWKIdentifier

    /// - Parameter pem: an EC P-256 private key, PKCS#8 or SEC1.
    package init(pem: String) async throws {
        let key = try ES256PrivateKey(pem: pem)
        guard let parameters = key.publicKey.parameters else { throw SigningKeyError() }
        let (x, y) = (base64URL(parameters.x), base64URL(parameters.y))
        // The JWK thumbprint (RFC 7638 §3): required members only, in lexical order.
        let canonical = #"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#
        let thumbprint = base64URL(Data(SHA256.hash(data: Data(canonical.utf8))).base64EncodedString())
        keyID = JWKIdentifier(string: thumbprint)
        jwks = Array(
            #"{"keys":[{"alg":"ES256","crv":"P-256","kid":"\#(thumbprint)","kty":"EC","use":"sig","x":"\#(x)","y":"\#(y)"}]}"#
                .utf8)
        fileLinks = try FileLinkSigner(pem: pem)
        keys = JWTKeyCollection()
        await keys.add(ecdsa: key, kid: keyID)
        verifier = TokenVerifier(keys: keys)
    }

    /// A signed token for a session, and when it ends.
    package func issue(
        user: UserID, session: SessionID, now: Timestamp
    ) async throws -> (token: String, expiresAt: Timestamp) {
        let claims = AccessToken(
            userID: user, sessionID: session, issuedAt: now, expiresAt: now + Limits.accessTokenLifetime)
        return (try await keys.sign(claims, kid: keyID), claims.expiresAt)
    }

    /// A signed grant, for the media node that it names.
    package func sign(_ grant: CallGrant) async throws -> String { try await keys.sign(grant, kid: keyID) }
}

private struct SigningKeyError: Error {}

/// Base64 with the alphabet of URLs and without padding (RFC 4648 §5).
func base64URL(_ base64: String) -> String {
    base64.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}
