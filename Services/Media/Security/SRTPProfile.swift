/// How media packets are protected (RFC 5764 §4.1.2, RFC 7714 §14.2). The raw value is the one of the `use_srtp`
/// extension; the cases stand in the order in which this side prefers them.
package enum SRTPProfile: UInt16, CaseIterable, Sendable {
    case aeadAES128GCM = 0x0007
    case aeadAES256GCM = 0x0008
    case aes128CMSHA1_80 = 0x0001

    /// OpenSSL's name for it.
    var name: String {
        switch self {
        case .aeadAES128GCM: "SRTP_AEAD_AES_128_GCM"
        case .aeadAES256GCM: "SRTP_AEAD_AES_256_GCM"
        case .aes128CMSHA1_80: "SRTP_AES128_CM_SHA1_80"
        }
    }

    /// Bytes of a master key, and of a session key for encryption.
    package var keyByteCount: Int { self == .aeadAES256GCM ? 32 : 16 }

    /// Bytes of a master salt, and of a session salt.
    package var saltByteCount: Int { isAEAD ? 12 : 14 }

    /// Bytes of the tag that a protected packet carries.
    package var tagByteCount: Int { isAEAD ? 16 : 10 }

    /// Whether one algorithm encrypts and authenticates (RFC 5116); if not, HMAC-SHA1 authenticates.
    var isAEAD: Bool { self != .aes128CMSHA1_80 }
}

/// The master keys of one DTLS association, each key ‖ salt.
package struct SRTPKeys: Sendable {
    package let profile: SRTPProfile
    /// For the packets this side sends: 28 bytes for GCM with 128 bits, 44 with 256, 30 for counter mode.
    package let local: [UInt8]
    /// For the packets the peer sends; as long as ``local``.
    package let remote: [UInt8]

    /// For tests: keys come from a handshake otherwise. Both must have the length of the profile.
    package init(profile: SRTPProfile, local: [UInt8], remote: [UInt8]) {
        self.profile = profile
        self.local = local
        self.remote = remote
    }

    /// Splits what the exporter answers: client key, server key, client salt, server salt (RFC 5764 §4.2).
    init(profile: SRTPProfile, material: [UInt8], role: DTLSRole) {
        let key = profile.keyByteCount
        let salt = profile.saltByteCount
        precondition(material.count == 2 * (key + salt), "The exporter answers two keys and two salts.")
        let client = Array(material[..<key] + material[(2 * key)..<(2 * key + salt)])
        let server = Array(material[key..<(2 * key)] + material[(2 * key + salt)...])
        switch role {
        case .client: self.init(profile: profile, local: client, remote: server)
        case .server: self.init(profile: profile, local: server, remote: client)
        }
    }
}
