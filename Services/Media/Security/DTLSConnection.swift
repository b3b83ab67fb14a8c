internal import COpenSSL

package enum DTLSRole: Sendable {
    case client
    case server
}

/// What the caller must know after an input.
package enum DTLSEvent: Sendable {
    case none
    /// The handshake is complete and the peer is the one that signalling announced. Comes once.
    case established(SRTPKeys)
    /// The peer ended the association, by close_notify or a fatal alert. Comes once, after `established`.
    case closed
    /// There will be no association. Comes once.
    case failed(DTLSError)
}

/// One DTLS 1.2 association (RFC 6347) as WebRTC needs it: a handshake that proves the peer's certificate and agrees on
/// SRTP keys (RFC 5764). Datagrams and the time go in, datagrams and events come out; no socket, no clock.
///
/// Not `Sendable`: one thread owns it. After each call take the datagrams and look at ``deadline`` again.
///
/// Three things are done here rather than by OpenSSL. Retransmission, see ``DTLSFlight``. A ChangeCipherSpec that
/// overtook the messages before it is held until its turn: OpenSSL would drop it, and its replay window then refuses
/// the same record when it is sent again. And after the handshake OpenSSL sees alerts only, so there is no
/// renegotiation, no retransmission of its own, and no application data.
package final class DTLSConnection {
    private enum State {
        case handshaking
        case established
        /// Closed or failed: nothing goes in or out any more, but for datagrams that wait.
        case over
    }

    /// Where an `SSL *` keeps its connection (`SSL_set_app_data` is a macro for this).
    static let ownerIndex: Int32 = 0

    private let ssl: OpaquePointer
    private let role: DTLSRole
    private let expected: CertificateFingerprint?
    /// Keeps the shared context, and with it the profiles, for as long as the connection.
    private let context: DTLSContext
    private var state = State.handshaking
    private var flight = DTLSFlight()
    private var outgoing: [[UInt8]] = []
    private var heldCipherChange: [UInt8]?
    private var alertByteCount = 0
    private var isPeerAccepted = false
    private var isPeerRefused = false

    /// A connection that waits for `start` (a client) or the first datagram (a server).
    ///
    /// `expected` is what signalling announced; with `nil` any certificate will do. Of the profiles, which must not be
    /// empty, the server takes its first that the client offers. Throws ``DTLSError/library(_:)`` only.
    package init(
        certificate: DTLSCertificate, role: DTLSRole, expected: CertificateFingerprint?,
        profiles: [SRTPProfile] = SRTPProfile.allCases
    ) throws(DTLSError) {
        context = try certificate.context(profiles: profiles)
        OpenSSLErrors.clear()
        guard let ssl = SSL_new(context.pointer) else { throw .library(OpenSSLErrors.take().reason) }
        self.ssl = ssl
        self.role = role
        self.expected = expected
        guard Self.attachBuffers(to: ssl) else { throw .library(OpenSSLErrors.take().reason) }
        // SAFETY: the connection frees the `SSL *` when it ends, so the pointer is never used after it.
        SSL_set_ex_data(ssl, Self.ownerIndex, Unmanaged.passUnretained(self).toOpaque())
        SSL_ctrl(ssl, SSL_CTRL_SET_MTU, DTLSRecord.datagramByteCount, nil)
        DTLS_set_timer_cb(ssl) { _, _ in 3_600_000_000 }
        switch role {
        case .client: SSL_set_connect_state(ssl)
        case .server: SSL_set_accept_state(ssl)
        }
    }

    deinit { SSL_free(ssl) }

    /// Begins the handshake: a client's first flight is then to be taken, a server has nothing to do.
    package func start(now: MediaTime) -> DTLSEvent {
        guard role == .client, state == .handshaking else { return .none }
        return advance(now: now)
    }

    /// Takes in one datagram from the peer, as it came. What is malformed or does not belong is dropped, as far as the
    /// protocol can tell; before the end of the handshake a forged message can make it fail.
    package func receive(_ datagram: UnsafeRawBufferPointer, now: MediaTime) -> DTLSEvent {
        var event = DTLSEvent.none
        var offset = 0
        while state != .over, let record = DTLSRecord(in: datagram, at: offset) {
            offset = record.range.upperBound
            let bytes = UnsafeRawBufferPointer(rebasing: datagram[record.range])
            // Only one record of a datagram can bring about an event, but for `established` with an end right behind
            // it.
            switch receive(record, bytes, now: now) {
            case .none: break
            case let new: event = new
            }
        }
        return event
    }

    /// Sends the last flight again, or gives up. Call it when ``deadline`` is reached; earlier it does nothing.
    package func handleTimeout(now: MediaTime) -> DTLSEvent {
        switch flight.handleTimeout(now: now) {
        case .wait: return .none
        case .resend:
            outgoing += flight.datagrams
            return .none
        case .giveUp: return fail(.timedOut)
        }
    }

    /// When to call ``handleTimeout(now:)``; `nil` when there is nothing to wait for.
    package var deadline: MediaTime? { flight.deadline }

    /// Hands over what is to be sent, each datagram of at most 1,200 bytes, in order.
    package func takeDatagrams(_ send: (UnsafeRawBufferPointer) -> Void) {
        guard !outgoing.isEmpty else { return }
        let datagrams = outgoing
        outgoing = []
        for datagram in datagrams { datagram.withUnsafeBytes(send) }
    }

    /// Ends the association: the peer is told by close_notify, if there is one to be told. No event follows.
    package func close() {
        guard state == .established else {
            flight.end(isKept: false)
            state = .over
            return
        }
        OpenSSLErrors.clear()
        if SSL_alloc_buffers(ssl) == 1 { SSL_shutdown(ssl) }
        outgoing += takeOutput()
        finish()
    }

    // MARK: Records

    private func receive(_ record: DTLSRecord, _ bytes: UnsafeRawBufferPointer, now: MediaTime) -> DTLSEvent {
        switch (state, record.type) {
        case (.over, _), (_, nil): return .none
        case (.handshaking, .changeCipherSpec):
            // The last one counts: it is the same one again, or one with a newer sequence number.
            if record.epoch == 0 { heldCipherChange = Array(bytes) }
            return releaseCipherChange(now: now)
        case (.handshaking, _):
            feed(bytes)
            let event = advance(now: now)
            guard case .none = event else { return event }
            return releaseCipherChange(now: now)
        case (.established, .alert):
            return record.epoch == 1 && bytes.count == alertByteCount ? receiveAlert(bytes) : .none
        case (.established, _):
            if flight.receiveRepetition(now: now) { outgoing += flight.datagrams }
            return .none
        }
    }

    /// Gives OpenSSL the ChangeCipherSpec if it has come and all before it has.
    private func releaseCipherChange(now: MediaTime) -> DTLSEvent {
        let position = SSL_get_state(ssl)
        guard position == TLS_ST_SR_CERT_VRFY || position == TLS_ST_CW_FINISHED, let record = heldCipherChange else {
            return .none
        }
        heldCipherChange = nil
        record.withUnsafeBytes(feed)
        return advance(now: now)
    }

    /// Bytes of the record of an alert: its two bytes, the header, a tag of 16 and, for GCM, an explicit nonce of 8
    /// (RFC 5288 §3, RFC 7905 §2). OpenSSL takes a record that is too short for its cipher for an error of its own and
    /// ends the association, so that anyone could end it with a forged datagram.
    private static func alertByteCount(_ cipher: OpaquePointer?) -> Int {
        let hasNonce = SSL_CIPHER_get_cipher_nid(cipher) != NID_chacha20_poly1305
        return DTLSRecord.headerByteCount + 2 + 16 + (hasNonce ? 8 : 0)
    }

    private func receiveAlert(_ bytes: UnsafeRawBufferPointer) -> DTLSEvent {
        OpenSSLErrors.clear()
        guard SSL_alloc_buffers(ssl) == 1 else { return .none }
        feed(bytes)
        var scratch: UInt8 = 0
        let result = SSL_read(ssl, &scratch, 1)
        let error = SSL_get_error(ssl, result)
        BIO_ctrl(SSL_get_rbio(ssl), BIO_CTRL_RESET, 0, nil)
        guard error != SSL_ERROR_WANT_READ else {
            SSL_free_buffers(ssl)
            return .none
        }
        outgoing += takeOutput()
        finish()
        return .closed
    }

    // MARK: The handshake

    /// Runs OpenSSL's handshake with what it was fed, as far as it goes.
    private func advance(now: MediaTime) -> DTLSEvent {
        OpenSSLErrors.clear()
        let result = SSL_do_handshake(ssl)
        let error = SSL_get_error(ssl, result)
        let datagrams = takeOutput()
        outgoing += datagrams
        if result == 1 {
            if !datagrams.isEmpty { flight.begin(datagrams, now: now) }
            return establish()
        }
        if error == SSL_ERROR_WANT_READ {
            if !datagrams.isEmpty { flight.begin(datagrams, now: now) }
            return .none
        }
        let (code, reason) = OpenSSLErrors.take()
        if isPeerRefused { return fail(.wrongFingerprint) }
        if OpenSSLErrors.reasonCode(code) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE { return fail(.noCertificate) }
        return fail(.handshake(reason))
    }

    private func establish() -> DTLSEvent {
        guard isPeerAccepted else { return fail(.wrongFingerprint) }
        guard let selected = SSL_get_selected_srtp_profile(ssl),
            let profile = SRTPProfile(rawValue: UInt16(truncatingIfNeeded: selected.pointee.id))
        else { return fail(.noProfile) }
        let label = "EXTRACTOR-dtls_srtp"
        var material = [UInt8](repeating: 0, count: 2 * (profile.keyByteCount + profile.saltByteCount))
        guard SSL_export_keying_material(ssl, &material, material.count, label, label.utf8.count, nil, 0, 0) == 1
        else { return fail(.library(OpenSSLErrors.take().reason)) }
        state = .established
        alertByteCount = Self.alertByteCount(SSL_get_current_cipher(ssl))
        flight.end(isKept: role == .server)
        heldCipherChange = nil
        releaseMemory()
        return .established(SRTPKeys(profile: profile, material: material, role: role))
    }

    /// Whether the peer's certificate is the announced one. Called by OpenSSL during the handshake.
    ///
    /// SAFETY: `certificate` is a valid `X509 *` for the time of the call.
    func acceptPeer(_ certificate: OpaquePointer) -> Bool {
        if let expected {
            isPeerAccepted = CertificateFingerprint(of: certificate, algorithm: expected.algorithm) == expected
        } else {
            isPeerAccepted = true
        }
        isPeerRefused = !isPeerAccepted
        return isPeerAccepted
    }

    private func fail(_ error: DTLSError) -> DTLSEvent {
        finish()
        return .failed(error)
    }

    private func finish() {
        flight.end(isKept: false)
        heldCipherChange = nil
        state = .over
        releaseMemory()
    }

    // MARK: OpenSSL's buffers

    /// Memory BIOs, not a BIO of our own: one whose control callback answers 1 to everything makes an OpenSSL with
    /// kernel TLS, as Debian's is, believe in kernel sockets.
    private static func attachBuffers(to ssl: OpaquePointer) -> Bool {
        let input = BIO_new(BIO_s_mem())
        let output = BIO_new(BIO_s_mem())
        guard let input, let output else {
            BIO_free(input)
            BIO_free(output)
            return false
        }
        SSL_set_bio(ssl, input, output)
        return true
    }

    /// An established connection has little to say: OpenSSL's record buffers, 17 kB, are freed until an alert comes or
    /// goes, and what the BIOs grew to is freed with them.
    private func releaseMemory() {
        SSL_free_buffers(ssl)
        if !Self.attachBuffers(to: ssl) { OpenSSLErrors.clear() }
    }

    private func feed(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        BIO_write(SSL_get_rbio(ssl), base, Int32(bytes.count))
    }

    private func takeOutput() -> [[UInt8]] {
        guard let output = SSL_get_wbio(ssl) else { return [] }
        var start: UnsafeMutableRawPointer?
        // SAFETY: BIO_get_mem_data: the bytes belong to the BIO and stay until it is written to or reset.
        let count = BIO_ctrl(output, BIO_CTRL_INFO, 0, &start)
        guard count > 0, let start else { return [] }
        let datagrams = DTLSRecord.datagrams(UnsafeRawBufferPointer(start: start, count: count))
        BIO_ctrl(output, BIO_CTRL_RESET, 0, nil)
        return datagrams
    }
}
