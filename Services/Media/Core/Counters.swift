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
}

/// What a worker counts.
package struct WorkerCounters: Sendable {
    package internal(set) var receivedPackets = 0
    package internal(set) var receivedBytes = 0
    package internal(set) var forwardedPackets = 0
    package internal(set) var retransmittedPackets = 0
    /// Packets that publishers sent again in a stream of their own (RFC 4588).
    package internal(set) var repairedPackets = 0
    package internal(set) var drops = [Int](repeating: 0, count: DropReason.allCases.count)

    package func dropped(_ reason: DropReason) -> Int { drops[reason.rawValue] }
}
