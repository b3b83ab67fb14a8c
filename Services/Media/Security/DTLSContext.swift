internal import COpenSSL

/// What connections with one certificate and one list of SRTP profiles share: an `SSL_CTX`.
///
/// SAFETY: `@unchecked Sendable` because the context is complete when its initializer returns, and from then on is only
/// given to `SSL_new`, which OpenSSL documents as safe from any thread.
final class DTLSContext: @unchecked Sendable {
    let pointer: OpaquePointer

    /// SAFETY: `certificate` is an `X509 *` and `key` the `EVP_PKEY *` that belongs to it; OpenSSL retains both.
    init(certificate: OpaquePointer, key: OpaquePointer, profiles: [SRTPProfile]) throws(DTLSError) {
        precondition(!profiles.isEmpty, "A connection needs a profile to offer.")
        OpenSSLErrors.clear()
        guard let pointer = SSL_CTX_new(DTLS_method()) else { throw .library(OpenSSLErrors.take().reason) }
        self.pointer = pointer
        guard
            SSL_CTX_use_certificate(pointer, certificate) == 1, SSL_CTX_use_PrivateKey(pointer, key) == 1,
            SSL_CTX_set_cipher_list(pointer, Self.ciphers) == 1,
            SSL_CTX_set_tlsext_use_srtp(pointer, profiles.map(\.name).joined(separator: ":")) == 0,
            Self.control(pointer, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(DTLS1_2_VERSION)),
            Self.control(pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(DTLS1_2_VERSION))
        else { throw .library(OpenSSLErrors.take().reason) }
        SSL_CTX_set_options(pointer, Self.options)
        // These answer the value they replace, so they cannot fail.
        SSL_CTX_ctrl(pointer, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
        SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MAX_CERT_LIST, Self.certificateByteCount, nil)
        SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MAX_SEND_FRAGMENT, DTLSRecord.datagramByteCount, nil)
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        SSL_CTX_set_cert_verify_callback(pointer, verifyPeer, nil)
    }

    deinit { SSL_CTX_free(pointer) }

    /// Forward secret and authenticated only. The RSA ones are for peers whose certificate holds an RSA key.
    private static let ciphers = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES256-GCM-SHA384",
    ].joined(separator: ":")

    /// Bytes of a peer's certificate chain; one of RSA 4096 is 1,300.
    private static let certificateByteCount = 16 * 1024

    /// SSL_OP_NO_QUERY_MTU, NO_TICKET (a resumed session has no certificate to compare), CIPHER_SERVER_PREFERENCE and
    /// NO_RENEGOTIATION. They are macros with arguments, which Swift does not see.
    private static let options = [12, 14, 22, 30].reduce(UInt64(0)) { $0 | 1 << $1 }

    private static func control(_ pointer: OpaquePointer, _ command: Int32, _ value: Int) -> Bool {
        SSL_CTX_ctrl(pointer, command, value, nil) == 1
    }
}

/// Takes the place of OpenSSL's verification of chains: the fingerprint of the peer's certificate decides. It is asked
/// during the handshake, so that a wrong peer is told by an alert and never gets a Finished.
private func verifyPeer(_ store: OpaquePointer?, _: UnsafeMutableRawPointer?) -> Int32 {
    // SAFETY: OpenSSL calls this within SSL_do_handshake of a DTLSConnection, which is alive for the time of that call
    // and put itself into the data of its `SSL *`.
    guard let store, let certificate = X509_STORE_CTX_get0_cert(store),
        let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
        let owner = SSL_get_ex_data(OpaquePointer(ssl), DTLSConnection.ownerIndex),
        Unmanaged<DTLSConnection>.fromOpaque(owner).takeUnretainedValue().acceptPeer(certificate)
    else {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
        return 0
    }
    return 1
}
