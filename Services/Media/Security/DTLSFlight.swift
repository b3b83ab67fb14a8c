/// The flight that was sent last, and when to send it again (RFC 6347 §4.2.4).
///
/// OpenSSL has a retransmission timer of its own, but it reads the system clock. It is set to an hour, which no
/// handshake lasts, and the flight is sent again from here in the time of the caller, with the same bytes. That is
/// enough: a record that the peer has already is dropped by its replay window (§4.1.2.6), and one that was lost is new
/// to it.
///
/// The last flight of a handshake is the server's and is answered by nothing, so a server keeps it. A client that
/// misses it sends its own last flight again, and a handshake or ChangeCipherSpec record after the end of the handshake
/// means just that.
struct DTLSFlight {
    static let firstPatience = Duration.milliseconds(400)
    static let longestPatience = Duration.milliseconds(3200)
    static let resendCount = 8
    /// The least time between two answers to retransmissions, so that no one can use the answers to flood another.
    static let answerPause = Duration.milliseconds(100)

    enum Outcome {
        /// The deadline is not reached.
        case wait
        case resend
        /// It was sent as often as is allowed, and the time after the last one is over too.
        case giveUp
    }

    private(set) var datagrams: [[UInt8]] = []
    /// When to call ``handleTimeout(now:)``; `nil` when nothing is waited for.
    private(set) var deadline: MediaTime?
    private var patience = Self.firstPatience
    private var resent = 0
    private var lastAnswer: MediaTime?

    /// A new flight was sent; it answers what came, so the one before is not needed any more.
    mutating func begin(_ datagrams: [[UInt8]], now: MediaTime) {
        self.datagrams = datagrams
        patience = Self.firstPatience
        resent = 0
        deadline = now + patience
    }

    /// The handshake is over: nothing is waited for. The flight is kept if the peer may miss it.
    mutating func end(isKept: Bool) {
        deadline = nil
        if !isKept { datagrams = [] }
    }

    mutating func handleTimeout(now: MediaTime) -> Outcome {
        guard let deadline, deadline <= now else { return .wait }
        guard resent < Self.resendCount else {
            end(isKept: false)
            return .giveUp
        }
        resent += 1
        patience = min(patience * 2, Self.longestPatience)
        self.deadline = now + patience
        return .resend
    }

    /// The peer repeated its flight after the end of the handshake. True if the one kept here is to be sent again.
    mutating func receiveRepetition(now: MediaTime) -> Bool {
        guard !datagrams.isEmpty else { return false }
        if let lastAnswer, now - lastAnswer < Self.answerPause { return false }
        lastAnswer = now
        return true
    }
}
