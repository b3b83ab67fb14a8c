import Contracts
import JWTKit
import ServiceKit
import Testing

@Suite("Access tokens and grants")
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

    @Test("A grant of ours is accepted until it expires")
    func grantLifetime() async throws {
        let (keys, verifier) = await makeKeys()
        let grant = grant()
        let signed = try await keys.sign(grant)
        #expect(try await verifier.verifyGrant(signed, now: now) == grant)
        #expect(try await verifier.verifyGrant(signed, now: now + .seconds(59)) == grant)
        await #expect(throws: TokenError.expired) {
            try await verifier.verifyGrant(signed, now: now + Limits.callGrantLifetime)
        }
    }

    @Test("A grant from elsewhere or with another audience is refused")
    func refusedGrants() async throws {
        let (keys, verifier) = await makeKeys()
        let (otherKeys, _) = await makeKeys()
        let tokens = [
            try await keys.sign(grant(audience: AccessToken.audience)), try await keys.sign(grant(issuer: "elsewhere")),
            try await otherKeys.sign(grant()), "", "a.b.c", String(try await keys.sign(grant()).dropLast(4)),
        ]
        for token in tokens {
            await #expect(throws: TokenError.invalid) { try await verifier.verifyGrant(token, now: now) }
        }
    }

    @Test("An access token is no grant, and a grant is no access token, before and after either was seen")
    func purposes() async throws {
        let (keys, verifier) = await makeKeys()
        let token = try await keys.sign(claims())
        let granted = try await keys.sign(grant())
        for _ in 1...2 {
            await #expect(throws: TokenError.invalid) { try await verifier.verifyGrant(token, now: now) }
            await #expect(throws: TokenError.invalid) { try await verifier.verify(granted, now: now) }
            _ = try await verifier.verify(token, now: now)
            _ = try await verifier.verifyGrant(granted, now: now)
        }
        // All claims of a grant, but meant for the API and the gateways: what it grants does not count.
        let widened = try await keys.sign(grant(audience: AccessToken.audience))
        await #expect(throws: TokenError.invalid) { try await verifier.verifyGrant(widened, now: now) }
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

    private func grant(issuer: String = AccessToken.issuer, audience: String = CallGrant.audience) -> CallGrant {
        CallGrant(
            userID: .example, sessionID: .example, channelID: .example, participantID: .example,
            placement: RoomPlacement(epoch: 7, node: .example), issuer: issuer, audience: audience, issuedAt: now,
            expiresAt: now + Limits.callGrantLifetime)
    }
}
