internal import COpenSSL

/// The session keys of one direction and purpose, made from a master key (RFC 3711 §4.3, RFC 6188 for 256 bits).
struct SRTPSessionKeys {
    /// What a direction's packets are: media or reports. Each has keys of its own.
    enum Purpose {
        case rtp
        case rtcp

        /// Of the encryption key; those of the authentication key and the salt follow it (RFC 3711 §4.3.2).
        var firstLabel: UInt8 { self == .rtp ? 0 : 3 }
    }

    let encryptionKey: [UInt8]
    /// For HMAC-SHA1; empty for profiles that need none.
    let authenticationKey: [UInt8]
    let salt: [UInt8]

    private static let authenticationKeyByteCount = 20

    /// - Parameter master: key ‖ salt, with the length of the profile.
    init(master: [UInt8], profile: SRTPProfile, purpose: Purpose) throws(SRTPError) {
        guard master.count == profile.keyByteCount + profile.saltByteCount else { throw .keyLength }
        let key = Array(master[..<profile.keyByteCount])
        let salt = Array(master[profile.keyByteCount...])
        func derive(_ offset: UInt8, _ count: Int) throws(SRTPError) -> [UInt8] {
            try Self.derive(label: purpose.firstLabel + offset, count: count, key: key, salt: salt)
        }
        encryptionKey = try derive(0, profile.keyByteCount)
        authenticationKey = profile.isAEAD ? [] : try derive(1, Self.authenticationKeyByteCount)
        self.salt = try derive(2, profile.saltByteCount)
    }

    /// The key stream of AES in counter mode under the master key, from salt XOR label on. The key derivation rate is 0,
    /// so that the index has no part in it. A salt of 12 bytes counts as one of 14 that ends with zeros (RFC 7714 §11).
    private static func derive(
        label: UInt8, count: Int, key: [UInt8], salt: [UInt8]
    ) throws(SRTPError) -> [UInt8] {
        var counter = salt + [UInt8](repeating: 0, count: 16 - salt.count)
        counter[7] ^= label
        let cipher = key.count == 32 ? SRTPCiphers.aes256CTR : SRTPCiphers.aes128CTR
        guard let context = EVP_CIPHER_CTX_new() else { throw .cipher }
        defer { EVP_CIPHER_CTX_free(context) }
        let zeros = [UInt8](repeating: 0, count: count)
        var stream = zeros
        var written: Int32 = 0
        guard EVP_EncryptInit_ex2(context, cipher, key, counter, nil) == 1,
            EVP_EncryptUpdate(context, &stream, &written, zeros, Int32(count)) == 1, Int(written) == count
        else { throw .cipher }
        return stream
    }
}

/// OpenSSL's algorithms, looked up once: a name costs a search under a lock each time.
///
/// SAFETY: `nonisolated(unsafe)` because an `EVP_CIPHER` is not changed after it was fetched; these live as long as the
/// process. `nil`, which every use refuses, if OpenSSL has no such algorithm.
enum SRTPCiphers {
    nonisolated(unsafe) static let aes128CTR = EVP_CIPHER_fetch(nil, "AES-128-CTR", nil)
    nonisolated(unsafe) static let aes256CTR = EVP_CIPHER_fetch(nil, "AES-256-CTR", nil)
    nonisolated(unsafe) static let aes128GCM = EVP_CIPHER_fetch(nil, "AES-128-GCM", nil)
    nonisolated(unsafe) static let aes256GCM = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)
}
