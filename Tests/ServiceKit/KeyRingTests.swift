import Contracts
import Foundation
import JWTKit
import ServiceKit
import Synchronization
import Testing

@Suite("Public keys of a service")
struct KeyRingTests {
    /// The API's side: a key that signs, and the JWK Set that the services are given.
    private final class Signer: Sendable {
        struct Unreachable: Error {}

        private let state = Mutex((jwks: String?.none, fetchCount: 0))

        var fetchCount: Int { state.withLock { $0.fetchCount } }

        func publish(_ jwks: String?) { state.withLock { $0.jwks = jwks } }

        func fetch() throws -> String {
            try state.withLock { state in
                state.fetchCount += 1
                guard let jwks = state.jwks else { throw Unreachable() }
                return jwks
            }
        }
    }

    private let signer = Signer()
    private let ring: KeyRing

    init() throws { ring = try Self.makeRing(signer, refetchInterval: .seconds(3600)) }

    private static func makeRing(_ signer: Signer, refetchInterval: Duration) throws -> KeyRing {
        let logger = try Settings(environment: ["ROOST_LOG_LEVEL": "critical"]).logger(label: "keys")
        return KeyRing(refetchInterval: refetchInterval, logger: logger) { try signer.fetch() }
    }

    @Test("Keys are asked for until there are some")
    func load() async throws {
        let key = try await Key("a")
        let loading = Task { try await ring.load() }
        while signer.fetchCount < 2 { await Task.yield() }
        #expect(!ring.isLoaded)
        signer.publish(key.jwks)
        try await loading.value
        #expect(ring.isLoaded)
    }

    @Test("Loading ends when its task is cancelled")
    func cancelled() async throws {
        let loading = Task { try await ring.load() }
        while signer.fetchCount < 1 { await Task.yield() }
        loading.cancel()
        await #expect(throws: CancellationError.self) { try await loading.value }
    }

    @Test("A token or a grant of an unknown key makes it fetch again, and is accepted if the key is ours by now")
    func unknownKey() async throws {
        let (old, new, foreign) = (try await Key("old"), try await Key("new"), try await Key("foreign"))
        for isGrant in [false, true] {
            let signer = Signer()
            let ring = try Self.makeRing(signer, refetchInterval: .zero)
            signer.publish(old.jwks)
            _ = try await ring.verify(old.token())
            signer.publish(new.jwks)
            if isGrant { _ = try await ring.verifyGrant(new.grant()) } else { _ = try await ring.verify(new.token()) }
            #expect(signer.fetchCount == 2)
            await #expect(throws: TokenError.invalid) { try await ring.verify(foreign.token()) }
            #expect(signer.fetchCount == 3)
        }
    }

    @Test("Tokens of unknown keys cannot make it ask more often than the interval")
    func interval() async throws {
        let (ours, foreign) = (try await Key("ours"), try await Key("foreign"))
        signer.publish(ours.jwks)
        _ = try await ring.verifyGrant(ours.grant())
        for _ in 1...10 {
            await #expect(throws: TokenError.invalid) { try await ring.verifyGrant(foreign.grant()) }
            await #expect(throws: TokenError.invalid) { try await ring.verify(foreign.token()) }
        }
        #expect(signer.fetchCount == 1)
    }

    @Test("Without keys what is verified fetches them; when that fails, so does the verification")
    func notLoaded() async throws {
        let key = try await Key("a")
        await #expect(throws: Signer.Unreachable.self) { try await ring.verifyGrant(key.grant()) }
        signer.publish(key.jwks)
        #expect(try await ring.verifyGrant(key.grant()).audience == CallGrant.audience)
        #expect(try await ring.verify(key.token()).audience == AccessToken.audience)
        #expect(signer.fetchCount == 2)
    }

    /// A signing key and its public half.
    private struct Key {
        let jwks: String
        private let keys = JWTKeyCollection()

        init(_ name: String) async throws {
            let key = ES256PrivateKey()
            await keys.add(ecdsa: key, kid: JWKIdentifier(string: name))
            let point = try #require(key.parameters)
            jwks = """
                {"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"\(name)",\
                "x":"\(base64URL(point.x))","y":"\(base64URL(point.y))"}]}
                """
        }

        func token() async throws -> String {
            try await keys.sign(
                AccessToken(userID: .example, sessionID: .example, issuedAt: .now, expiresAt: .now + .seconds(60)))
        }

        func grant() async throws -> String {
            try await keys.sign(
                CallGrant(
                    userID: .example, sessionID: .example, channelID: .example, participantID: .example,
                    placement: RoomPlacement(epoch: 1, node: .example), issuedAt: .now,
                    expiresAt: .now + .seconds(60)))
        }
    }
}

/// What JWK wants of a base64 text (RFC 7515 §2).
private func base64URL(_ text: String) -> String {
    text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}
