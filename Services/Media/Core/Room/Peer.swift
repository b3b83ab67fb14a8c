import MediaSecurity

/// Whoever packets come from and go to: a participant, or for those who sit elsewhere the worker at the other end of a
/// ``Relay``. Owned by its room.
class Peer {
    /// A stream of the peer: an encoding's own, or that in which its packets are sent again.
    struct Stream {
        let encoding: Encoding
        let isRepair: Bool
    }

    unowned let room: Room
    /// Whose reports and requests those of the node to this peer are.
    let reporter: UInt32
    /// What the streams to this peer are named by in RTCP (RFC 3550 §6.5.1).
    let cname: String
    /// What comes from it.
    var publications: [Publication] = []
    /// What goes to it.
    var sendSections: [SendSection] = []
    /// What its link carries, measured by its feedback on each packet.
    var congestion = CongestionController()
    /// What its link has no room for yet.
    var waiting = PacedQueue()
    var nextReport: MediaTime

    init(room: Room, reporter: UInt32, cname: String, now: MediaTime) {
        self.room = room
        self.reporter = reporter
        self.cname = cname
        nextReport = now + Self.reportInterval
    }

    static let reportInterval = Duration.seconds(1)

    /// The keys of its packets; `nil` until they are agreed on.
    var srtp: SRTPSession? { nil }

    /// Where everything goes; `nil` while there is no such place.
    var destination: TransportAddress? { nil }

    /// An authentic packet came from it.
    func noteMedia(from source: TransportAddress, now: MediaTime) {}

    /// Notes when a packet arrived, for what its sender is told of its link.
    func noteArrival(of header: RTPHeader, in packet: UnsafeRawBufferPointer, now: MediaTime) {}

    /// The stream of a packet; `nil` if it is of none.
    func stream(of header: RTPHeader, in packet: UnsafeRawBufferPointer) -> Stream? { nil }

    /// The encoding that an SSRC of the peer is the own stream of.
    func encoding(of ssrc: UInt32) -> Encoding? {
        for publication in publications {
            for encoding in publication.encodings where encoding.ssrc == ssrc { return encoding }
        }
        return nil
    }

    /// How many of a publication's encodings, from the lowest on, it has use for.
    func useCount(of publication: Publication) -> Int { 0 }

    // MARK: Retransmission

    /// Retransmissions to one peer in ``retransmissionInterval``: 19 Mbit/s. One RTCP packet can ask for thousands.
    private static let retransmissionLimit = 200
    private static let retransmissionInterval = Duration.milliseconds(100)
    private var retransmissionCount = 0
    private var retransmissionsSince: MediaTime?

    /// Whether one more packet may be sent again now.
    func takeRetransmission(now: MediaTime) -> Bool {
        if retransmissionsSince.map({ now >= $0 + Self.retransmissionInterval }) ?? true {
            retransmissionsSince = now
            retransmissionCount = 0
        }
        retransmissionCount += 1
        return retransmissionCount <= Self.retransmissionLimit
    }
}
