import Contracts
import JWTKit
import ServiceKit
import Testing

@Suite("Access tokens")
struct TokenVerifierTests {
    private let now = Timestamp(milliseconds: 1_800_000_000_000)

    @Test("A token of ours is accepted until it expires, remembered or not (S8)")
    func lifetime() async throws {
        let (keys, verifier) = await makeKeys()
        let token = try await keys.sign(claims())
        for _ in 1...2 {
            let accepted = try await verifier.verify(token, now: now)
            #expect(accepted.userID == .example)
        }
        await #expect(throws: TokenError.expired) { try await verifier.verify(token, now: now + .seconds(60)) }
    }

    @Test("Another audience, another issuer and another key are refused (O3)")
    func refused() async throws {
        let (keys, verifier) = await makeKeys()
        let (otherKeys, _) = await makeKeys()
        let tokens = [
            try await keys.sign(claims(audience: "roost-media")), try await keys.sign(claims(issuer: "elsewhere")),
            try await otherKeys.sign(claims()), "", "a.b.c", String(try await keys.sign(claims()).dropLast(4)),
        ]
        for token in tokens {
            await #expect(throws: TokenError.invalid) { try await verifier.verify(token, now: now) }
        }
    }

    private func makeKeys() async -> (JWTKeyCollection, TokenVerifier) {
        let keys = JWTKeyCollection()
        await keys.add(ecdsa: ES256PrivateKey())
        return (keys, TokenVerifier(keys: keys))
    }

    private func claims(issuer: String = AccessToken.issuer, audience: String = AccessToken.audience) -> AccessToken {
        AccessToken(
            userID: .example, sessionID: .example, issuer: issuer, audience: audience, issuedAt: now,
            expiresAt: now + .seconds(60))
    }
}
