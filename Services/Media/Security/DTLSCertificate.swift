internal import COpenSSL
internal import Synchronization

/// A certificate with its private key. One serves any number of connections and lives as long as the process; peers
/// trust it because signalling told them its fingerprint, not because of who signed it (RFC 5763 §5).
package final class DTLSCertificate: Sendable {
    /// SHA-256 of the certificate.
    package let fingerprint: CertificateFingerprint
    private let pair: KeyPair
    /// An `SSL_CTX` is some 100 kB and slow to make; all connections with the same profiles share one.
    private let contexts = Mutex<[[SRTPProfile]: DTLSContext]>([:])

    private init(pair: KeyPair, fingerprint: CertificateFingerprint) {
        self.pair = pair
        self.fingerprint = fingerprint
    }

    /// Makes an ECDSA key on P-256 and a certificate for the name "roost", valid from a day ago, for clocks that are
    /// behind, for a year from now. Throws ``DTLSError/library(_:)`` only.
    package static func selfSigned() throws(DTLSError) -> DTLSCertificate {
        OpenSSLErrors.clear()
        guard let pair = KeyPair() else { throw .library(OpenSSLErrors.take().reason) }
        guard pair.sign(), let fingerprint = CertificateFingerprint(of: pair.certificate, algorithm: .sha256) else {
            throw .library(OpenSSLErrors.take().reason)
        }
        return DTLSCertificate(pair: pair, fingerprint: fingerprint)
    }

    /// The context for connections that offer or accept these profiles, the preferred one first.
    func context(profiles: [SRTPProfile]) throws(DTLSError) -> DTLSContext {
        try contexts.withLock { contexts throws(DTLSError) in
            if let context = contexts[profiles] { return context }
            let context = try DTLSContext(certificate: pair.certificate, key: pair.key, profiles: profiles)
            contexts[profiles] = context
            return context
        }
    }
}

/// Owns an `X509 *` and an `EVP_PKEY *`.
///
/// SAFETY: `@unchecked Sendable` because both are complete before the pair is shared and only read afterwards; OpenSSL
/// counts references to them atomically.
private final class KeyPair: @unchecked Sendable {
    let certificate: OpaquePointer
    let key: OpaquePointer

    /// A new key and an empty certificate; `nil` when OpenSSL fails.
    init?() {
        guard let key = Self.makeKey() else { return nil }
        guard let certificate = X509_new() else {
            EVP_PKEY_free(key)
            return nil
        }
        self.key = key
        self.certificate = certificate
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    private static func makeKey() -> OpaquePointer? {
        guard let context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil) else { return nil }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_group_name(context, "P-256") == 1,
            EVP_PKEY_generate(context, &key) == 1
        else { return nil }
        return key
    }

    /// Fills the certificate in and signs it with its own key (RFC 5280 §4.1). False when OpenSSL fails.
    func sign() -> Bool {
        let day = 24 * 3600
        // SAFETY: what the getters answer belongs to the certificate, which outlives these calls.
        guard X509_set_version(certificate, 2) == 1,  // version 3
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), .random(in: 1...UInt64(Int64.max))) == 1,
            X509_gmtime_adj(X509_getm_notBefore(certificate), -day) != nil,
            X509_gmtime_adj(X509_getm_notAfter(certificate), 365 * day) != nil,
            X509_set_pubkey(certificate, key) == 1,
            let name = X509_get_subject_name(certificate),
            X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_UTF8STRING, "roost", -1, -1, 0) == 1,
            X509_set_issuer_name(certificate, name) == 1
        else { return false }
        return X509_sign(certificate, key, EVP_sha256()) > 0
    }
}
