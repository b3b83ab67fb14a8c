package import Contracts
import Crypto
import FoundationEssentials
package import MediaSecurity

/// How two nodes agree on the keys of a relay: X25519 (RFC 7748), and HKDF with SHA-256 (RFC 5869) for the keys and salts of
/// both directions. Each end makes one for each relay.
package struct RelayKeyAgreement: Sendable {
    private let key = Curve25519.KeyAgreement.PrivateKey()

    package init() {}

    /// For the other end, in base64.
    package var publicKey: String { key.publicKey.rawRepresentation.base64EncodedString() }

    /// The keys of one end.
    /// - Parameters:
    ///   - publicKey: the other end's.
    ///   - id: of the relay, so that the same two keys would give another relay others.
    /// - Returns: `nil` if that is no public key.
    package func keys(with publicKey: String, of id: RelayID, isHome: Bool) -> SRTPKeys? {
        guard let raw = Data(base64Encoded: publicKey),
            let other = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: raw),
            let secret = try? key.sharedSecretFromKeyAgreement(with: other)
        else { return nil }
        let profile = RelayEnd.profile
        let byteCount = profile.keyByteCount + profile.saltByteCount
        let material = secret.hkdfDerivedSymmetricKey(
            using: SHA256.self, salt: Data("roost relay".utf8), sharedInfo: Data("\(id)".utf8),
            outputByteCount: 2 * byteCount
        ).withUnsafeBytes { Array($0) }
        let (fromHome, fromAway) = (Array(material[..<byteCount]), Array(material[byteCount...]))
        return isHome
            ? SRTPKeys(profile: profile, local: fromHome, remote: fromAway)
            : SRTPKeys(profile: profile, local: fromAway, remote: fromHome)
    }
}
