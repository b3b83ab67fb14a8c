/// Why a datagram went no further. Malformed and foreign datagrams are normal input: counted, never logged one by one.
package enum DropReason: Int, CaseIterable, Sendable {
    /// Not STUN, DTLS, RTP or RTCP.
    case unknownKind
    /// Not STUN, and from an address that no participant has authenticated.
    case unknownAddress
    /// STUN that cannot be read, or a kind that a node has no use for.
    case malformedSTUN
    /// STUN for a fragment that no seat has.
    case unknownFragment
    /// STUN whose message integrity does not fit.
    case badIntegrity
    /// RTP or RTCP before the keys are there.
    case notSecured
    /// SRTP that does not authenticate, or was received before.
    case notAuthentic
    /// RTP or RTCP that cannot be read.
    case malformed
    /// RTP of a stream or a payload type that was not negotiated.
    case unknownStream
    /// RTP of a source that its sender may not send: a moderator turned it off, or the sender is in the audience.
    case notAllowed
    /// RTP beyond what one publication may send.
    case tooMuch
}

/// What a worker counts.
package struct WorkerCounters: Sendable {
    package internal(set) var receivedPackets = 0
    package internal(set) var receivedBytes = 0
    package internal(set) var forwardedPackets = 0
    package internal(set) var retransmittedPackets = 0
    /// Packets that publishers sent again in a stream of their own (RFC 4588).
    package internal(set) var repairedPackets = 0
    /// Packets that subscribers asked for again, and key frames that they asked for.
    package internal(set) var packetsAskedFor = 0
    package internal(set) var keyFramesAskedFor = 0
    /// The same that publishers were asked for.
    package internal(set) var packetsRequested = 0
    package internal(set) var keyFramesRequested = 0
    /// Seats by how long it took from taking them to the first packet that can flow.
    package internal(set) var joins = JoinTimes()
    package internal(set) var drops = [Int](repeating: 0, count: DropReason.allCases.count)

    package func dropped(_ reason: DropReason) -> Int { drops[reason.rawValue] }
}

/// How long it took from a seat's taking until its keys were there.
package struct JoinTimes: Sendable {
    /// The bounds of ``counts``, in milliseconds.
    package static let bounds = [50, 100, 250, 500, 1000, 2500, 5000]

    /// Joins up to each bound and above the one before, and above the last.
    package private(set) var counts = [Int](repeating: 0, count: Self.bounds.count + 1)
    /// Of all.
    package private(set) var sum = Duration.zero

    mutating func note(_ duration: Duration) {
        let milliseconds = duration / .milliseconds(1)
        counts[Self.bounds.firstIndex { milliseconds <= Double($0) } ?? Self.bounds.count] += 1
        sum += duration
    }
}
