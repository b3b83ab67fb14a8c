internal import COpenSSL

/// Why there is no secure association with a peer.
package enum DTLSError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The peer's certificate is not the one that signalling announced: someone may be in between.
    case wrongFingerprint
    /// The peer, as a client, showed no certificate.
    case noCertificate
    /// The peer does not know any of the SRTP profiles offered to it.
    case noProfile
    /// Nothing came in spite of all retransmissions.
    case timedOut
    /// The handshake went wrong otherwise, with OpenSSL's reason; a fatal alert of the peer is one too.
    case handshake(String)
    /// OpenSSL refused to make something. The process's fault, not the peer's.
    case library(String)

    package var description: String {
        switch self {
        case .wrongFingerprint: "The peer's certificate does not have the announced fingerprint."
        case .noCertificate: "The peer showed no certificate."
        case .noProfile: "There is no common SRTP profile."
        case .timedOut: "The peer did not answer the DTLS handshake."
        case .handshake(let reason): "The DTLS handshake failed: \(reason)."
        case .library(let reason): "OpenSSL failed: \(reason)."
        }
    }
}

/// OpenSSL's queue of errors, which is one for each thread and has to be empty before a call whose error is to be read.
enum OpenSSLErrors {
    static func clear() { ERR_clear_error() }

    /// The code of the oldest error and its reason in words, and empties the queue.
    static func take() -> (code: UInt, reason: String) {
        let code = ERR_get_error()
        ERR_clear_error()
        guard let reason = ERR_reason_error_string(code) else { return (code, "error \(code)") }
        return (code, String(cString: reason))
    }

    /// The part of a code that says why (`ERR_GET_REASON`, a macro).
    static func reasonCode(_ code: UInt) -> Int32 { Int32(truncatingIfNeeded: code & 0x7F_FFFF) }
}
