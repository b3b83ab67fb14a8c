import MediaCore
import MediaSecurity

/// The controlling side of ICE towards a lite agent with one address (RFC 8445 §6.1.1): it checks, nominates with each
/// check if nothing else is wanted, and goes on checking for consent (RFC 7675).
struct IceClient {
    static let pace = Duration.milliseconds(50)
    static let consentPace = Duration.milliseconds(2500)

    let localFragment: String
    /// Signs what the server's own checks are answered with.
    let localPassword: String
    let remoteFragment: String
    let remotePassword: String
    /// The key of the checks, the remote password but in negative tests.
    let checkPassword: String
    let tieBreaker: UInt64
    /// Whether it nominates no more once it has an answer.
    var nominatesOnce = false
    /// When the next check is to be sent.
    private(set) var nextCheck: MediaTime
    private(set) var isNominated = false
    /// The peer's own address, as the node sees it.
    private(set) var mappedAddress: TransportAddress?
    /// Of the last error response.
    private(set) var errorCode: Int?
    private(set) var lastAnswer: MediaTime?
    private var outstanding: [STUNTransactionID] = []

    init(
        localFragment: String, localPassword: String, remoteFragment: String, remotePassword: String,
        checkPassword: String, tieBreaker: UInt64, now: MediaTime
    ) {
        self.localFragment = localFragment
        self.localPassword = localPassword
        self.remoteFragment = remoteFragment
        self.remotePassword = remotePassword
        self.checkPassword = checkPassword
        self.tieBreaker = tieBreaker
        nextCheck = now
    }

    /// The next check, if it is time.
    mutating func check(now: MediaTime, random: inout SplitMix64) -> [UInt8]? {
        guard nextCheck <= now else { return nil }
        nextCheck = now + (isNominated ? Self.consentPace : Self.pace)
        let id = STUNTransactionID(high: UInt32(truncatingIfNeeded: random.next()), low: random.next())
        outstanding.append(id)
        if outstanding.count > 20 { outstanding.removeFirst() }
        return STUNWriter.bindingRequest(
            id, username: "\(remoteFragment):\(localFragment)", password: checkPassword,
            priority: 110 << 24 | 0xFFFF_FF,
            tieBreaker: tieBreaker, useCandidate: !(nominatesOnce && isNominated))
    }

    /// The answer to a check of the server's own, for what it sends if it is authentic (RFC 8445 §7.3): a server that is
    /// ICE-lite sends none, but libnice does even so.
    func answer(_ datagram: Span<UInt8>, from source: TransportAddress) -> [UInt8]? {
        guard let message = STUNMessage(datagram), message.kind == .bindingRequest,
            message.username == "\(localFragment):\(remoteFragment)",
            message.isAuthentic(datagram, password: localPassword)
        else { return nil }
        return STUNWriter.success(to: message.transactionID, mapped: source, password: localPassword)
    }

    /// Takes in a response. True when it nominated the address.
    mutating func receive(_ datagram: Span<UInt8>, now: MediaTime) -> Bool {
        guard let message = STUNMessage(datagram), let index = outstanding.firstIndex(of: message.transactionID) else {
            return false
        }
        switch message.kind {
        case .bindingSuccess:
            guard message.isAuthentic(datagram, password: remotePassword) else { return false }
            outstanding.remove(at: index)
            mappedAddress = message.mappedAddress
            lastAnswer = now
            guard !isNominated else { return false }
            isNominated = true
            nextCheck = now + Self.consentPace
            return true
        case .bindingError:
            errorCode = message.errorCode
            return false
        case .bindingRequest, .bindingIndication: return false
        }
    }
}
