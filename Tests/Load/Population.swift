import Contracts
import Crypto
import Foundation
import JWTKit
import ServiceKit
import Synchronization

/// The many people of a measurement, whom bench-gateway.sh writes straight into the database: all in one workspace and in
/// all of its channels, each with a session. Their ids are numbers in the last group of a UUID, the same there and here.
final class Population: Sendable {
    /// Channels whose events the load publishes itself.
    static let fanoutChannelCount = 20
    /// The channel that messages are posted to, and its author, a person of the same kind.
    static let postChannel = 20
    static let author = 0
    /// The channels whose messages are missed by those who come back.
    static let resumeChannel = 21

    /// What every frame that counts carries, before twelve hexadecimal digits of its number.
    static let marker = "00000000-0000-7000-8000-"

    static func user(_ number: Int) throws -> UserID { try id("00000000-0000-7000-9000-", number) }
    static func session(_ number: Int) throws -> SessionID {
        try id("00000000-0000-7000-a000-", number)
    }
    static func channel(_ number: Int) throws -> ChannelID {
        try id("00000000-0000-7000-b000-", number)
    }

    /// The digits of a number as frames carry it.
    static func digits(_ number: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, 12 - text.count)) + text
    }

    private static func id<Of>(_ prefix: String, _ number: Int) throws -> EntityID<Of> {
        guard let id = EntityID<Of>(prefix + digits(number)) else {
            throw LoadFailure("\(number) makes no id.")
        }
        return id
    }

    private let keys: JWTKeyCollection
    private let keyID: JWKIdentifier
    private let issued = Mutex<[Int: String]>([:])

    /// - Parameter keyFile: the PEM of the key with which the APIs sign.
    init(signingKeyFile keyFile: String) async throws {
        let key = try ES256PrivateKey(pem: try String(contentsOfFile: keyFile, encoding: .utf8))
        guard let parameters = key.publicKey.parameters else {
            throw LoadFailure("The signing key has no parameters.")
        }
        let (x, y) = (Self.base64URL(parameters.x), Self.base64URL(parameters.y))
        // The key's name is its thumbprint (RFC 7638 §3).
        let canonical = #"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#
        keyID = JWKIdentifier(
            string: Self.base64URL(Data(SHA256.hash(data: Data(canonical.utf8))).base64EncodedString()))
        keys = JWTKeyCollection()
        await keys.add(ecdsa: key, kid: keyID)
    }

    /// The access token of a person, as an API issues it: the same each time, as a client keeps it.
    func token(of number: Int) async throws -> String {
        if let known = issued.withLock({ $0[number] }) { return known }
        let token = try await freshToken(of: number)
        issued.withLock { $0[number] = token }
        return token
    }

    /// A new access token of a person.
    func freshToken(of number: Int) async throws -> String {
        let claims = AccessToken(
            userID: try Self.user(number), sessionID: try Self.session(number), issuedAt: .now,
            expiresAt: .now + Limits.accessTokenLifetime)
        return try await keys.sign(claims, kid: keyID)
    }

    /// The access tokens of the first people.
    func tokens(_ count: Int) async throws -> [String] {
        var tokens: [String] = []
        for number in 0..<count { tokens.append(try await token(of: number)) }
        return tokens
    }

    private static func base64URL(_ base64: String) -> String {
        base64.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
