import MediaSecurity

/// The way to one participant: ICE-lite (RFC 8445 §2.5), then DTLS-SRTP (RFC 5764) over what ICE found. Owned by the
/// participant.
///
/// The node only answers checks. An address is valid once an authenticated check came from it; nothing but answers to
/// checks is ever sent to another, so that nobody can have the node flood a third.
final class Transport {
    /// What a check led to.
    enum CheckOutcome {
        case drop(DropReason)
        /// Answer, and nothing more.
        case refuse([UInt8], DropReason)
        /// Answer; the address is valid now, and those in `forgotten` no longer are.
        case accept([UInt8], forgotten: [TransportAddress])
    }

    /// Addresses of one participant that are valid at once; the oldest gives way.
    static let addressCount = 8

    private(set) var local: IceCredentials
    /// Those before an ICE restart: they count until a check with the new ones nominates an address.
    private(set) var former: IceCredentials?
    let remoteFragment: String
    let remotePassword: String
    private(set) var addresses: [TransportAddress] = []
    /// Where everything goes: the address nominated last.
    private(set) var selected: TransportAddress?
    private(set) var lastHeard: MediaTime
    let dtls: DTLSConnection
    /// Which side of DTLS the node is.
    let role: DTLSRole
    /// A client begins once there is an address to send to.
    private var isStartDue: Bool
    private(set) var srtp: SRTPSession?
    private let implementation: SRTPImplementation
    let fingerprint: CertificateFingerprint

    init(
        local: IceCredentials, session: NegotiatedSession, certificate: DTLSCertificate, profiles: [SRTPProfile],
        implementation: SRTPImplementation, now: MediaTime
    ) throws(DTLSError) {
        self.implementation = implementation
        self.local = local
        remoteFragment = session.remoteFragment
        remotePassword = session.remotePassword
        fingerprint = session.fingerprint
        lastHeard = now
        role = session.setup.preferredRole
        isStartDue = role == .client
        dtls = try DTLSConnection(
            certificate: certificate, role: role, expected: session.fingerprint, profiles: profiles)
    }

    var isConnected: Bool { srtp != nil && selected != nil }

    // MARK: ICE

    /// New credentials for an offer that restarts ICE (RFC 8445 §9); media goes on over the old path meanwhile.
    func restart(with credentials: IceCredentials) {
        former = local
        local = credentials
    }

    /// A binding request that names one of this seat's fragments.
    func check(
        _ message: STUNMessage, _ datagram: Span<UInt8>, fragment: Substring, from source: TransportAddress,
        now: MediaTime
    ) -> CheckOutcome {
        guard let credentials = [local, former].first(where: { $0?.fragment == String(fragment) }) ?? nil else {
            return .drop(.unknownFragment)
        }
        guard message.isAuthentic(datagram, password: credentials.password) else {
            return .refuse(STUNWriter.error(401, to: message.transactionID, password: nil), .badIntegrity)
        }
        guard message.unknownRequired.isEmpty else {
            return .refuse(
                STUNWriter.error(
                    420, to: message.transactionID, unknown: message.unknownRequired, password: credentials.password),
                .malformedSTUN)
        }
        // A lite agent is always controlled (RFC 8445 §6.1.1).
        guard message.iceControlled == nil else {
            return .refuse(
                STUNWriter.error(487, to: message.transactionID, password: credentials.password), .malformedSTUN)
        }
        lastHeard = now
        let forgotten = validate(source)
        if message.useCandidate {
            selected = source
            if credentials == local { former = nil }
        }
        return .accept(
            STUNWriter.success(to: message.transactionID, mapped: source, password: credentials.password),
            forgotten: forgotten)
    }

    private func validate(_ source: TransportAddress) -> [TransportAddress] {
        guard !addresses.contains(source) else { return [] }
        addresses.append(source)
        guard addresses.count > Self.addressCount, let oldest = addresses.firstIndex(where: { $0 != selected }) else {
            return []
        }
        return [addresses.remove(at: oldest)]
    }

    /// An authentic packet came.
    func noteMedia(now: MediaTime) { lastHeard = now }

    /// The connection from this address has ended: until the peer nominates another, nothing is sent.
    func forget(_ address: TransportAddress) {
        addresses.removeAll { $0 == address }
        if selected == address { selected = nil }
    }

    // MARK: DTLS

    enum SecurityOutcome {
        case none
        case established
        case closed
        case failed(DTLSError)
    }

    /// Begins the handshake if that is the node's part and there is an address for it.
    func startIfDue(now: MediaTime) -> SecurityOutcome {
        guard isStartDue, selected != nil else { return .none }
        isStartDue = false
        return outcome(of: dtls.start(now: now))
    }

    func receive(dtls datagram: UnsafeRawBufferPointer, now: MediaTime) -> SecurityOutcome {
        outcome(of: dtls.receive(datagram, now: now))
    }

    func handleTimeout(now: MediaTime) -> SecurityOutcome {
        guard let deadline = dtls.deadline, deadline <= now else { return .none }
        return outcome(of: dtls.handleTimeout(now: now))
    }

    private func outcome(of event: DTLSEvent) -> SecurityOutcome {
        switch event {
        case .none: return .none
        case .closed: return .closed
        case .failed(let error): return .failed(error)
        case .established(let keys):
            do {
                srtp = try SRTPSession(keys: keys, implementation: implementation)
                return .established
            } catch {
                return .failed(.library("\(error)"))
            }
        }
    }
}
