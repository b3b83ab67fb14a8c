import Contracts
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
        /// It comes from the peer, by these credentials.
        case authentic(IceCredentials)
    }

    /// Addresses of one participant that are valid at once; the oldest gives way.
    static let addressCount = 8

    private(set) var local: IceCredentials
    /// Those before an ICE restart: they count until a check with the new ones nominates an address.
    private(set) var former: IceCredentials?
    let remoteFragment: String
    let remotePassword: String
    private(set) var addresses: [TransportAddress] = []
    /// Where everything goes: the address nominated last, or the valid one that the peer sends from instead: some nominate
    /// several at once, and of one of them the answers may be lost. If nothing was heard from it for ``selectedPatience``, one
    /// that an authentic check came from since: after a new binding of a NAT not every client nominates again. `nil` before
    /// the first, and when nothing was heard from it for ``Limits/icePatience``: who does not answer gets nothing
    /// (RFC 7675 §5.1).
    private(set) var selected: TransportAddress?
    /// When an authentic check or packet came from there; `nil` before the first was selected.
    private var selectedHeard: MediaTime?
    /// Without a word from the selected address another is taken: two checks of consent at their slowest, and some more.
    static let selectedPatience = Duration.seconds(7)
    /// Authentic packets in a row that came from another valid address; and so many mean that the peer has chosen that.
    private var astrayCount = 0
    private static let astrayLimit = 3
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

    /// What to make of a binding request that names one of this seat's fragments. Changes nothing.
    func authenticate(_ message: STUNMessage, _ datagram: Span<UInt8>, fragment: Substring) -> CheckOutcome {
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
        return .authentic(credentials)
    }

    /// Takes an authentic check from an address that is nobody else's: it is valid now.
    /// - Returns: the answer, and the address that gave way to this one and no longer is valid.
    func accept(
        _ message: STUNMessage, _ credentials: IceCredentials, from source: TransportAddress, now: MediaTime
    ) -> (answer: [UInt8], forgotten: TransportAddress?) {
        lastHeard = now
        let forgotten = validate(source)
        let isSilent = selectedHeard.map { now >= $0 + Self.selectedPatience } ?? false
        if message.useCandidate || isSilent { selected = source }
        if message.useCandidate, credentials == local { former = nil }
        if selected == source { selectedHeard = now }
        let answer = STUNWriter.success(to: message.transactionID, mapped: source, password: credentials.password)
        return (answer, forgotten)
    }

    private func validate(_ source: TransportAddress) -> TransportAddress? {
        guard !addresses.contains(source) else { return nil }
        addresses.append(source)
        guard addresses.count > Self.addressCount, let oldest = addresses.firstIndex(where: { $0 != selected }) else {
            return nil
        }
        return addresses.remove(at: oldest)
    }

    /// An authentic packet came: a publisher by HTTP need not go on checking its path.
    func noteMedia(from source: TransportAddress, now: MediaTime) {
        lastHeard = now
        guard selected != source else {
            (selectedHeard, astrayCount) = (now, 0)
            return
        }
        astrayCount += 1
        if astrayCount >= Self.astrayLimit { follow(to: source, now: now) }
    }

    private func follow(to source: TransportAddress, now: MediaTime) {
        guard addresses.contains(source) else { return }
        (selected, selectedHeard, astrayCount) = (source, now, 0)
    }

    /// Whether everything goes to this address, and something was heard from there within ``Limits/icePatience``.
    func isAlive(at address: TransportAddress, now: MediaTime) -> Bool {
        selected == address && selectedHeard.map { now < $0 + Limits.icePatience } ?? false
    }

    /// Sends nothing more to an address of which nothing was heard for ``Limits/icePatience``.
    func dropSilentPath(now: MediaTime) {
        if let selected, !isAlive(at: selected, now: now) { self.selected = nil }
    }

    /// The connection from this address has ended: until the peer nominates another, or sends from it, nothing is sent.
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

    func receive(
        dtls datagram: UnsafeRawBufferPointer, from source: TransportAddress, now: MediaTime
    ) -> SecurityOutcome {
        // The handshake is answered where it comes from.
        if srtp == nil { follow(to: source, now: now) }
        return outcome(of: dtls.receive(datagram, now: now))
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
