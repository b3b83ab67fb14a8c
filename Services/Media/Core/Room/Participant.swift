import Contracts
import MediaSecurity

/// One seat: the way to its peer, what it sends and what it is sent. One that sits elsewhere is known here by what a relay
/// tells of it: it has no way of its own, and is sent nothing.
final class Participant: Peer {
    let seat: Seat
    /// What brings the participant, who sits elsewhere; `nil` for one who sits here.
    unowned let relay: Relay?
    /// How often the seat was taken on another worker than it stood on.
    var takeovers = 0
    /// The codecs of video that one who sits elsewhere reads.
    var relayedVideo: Set<Codec> = []
    /// Tells this taking of the seat from an earlier one by the same id.
    let number: Int
    let joinedAt: Timestamp
    var route: SeatRoute
    /// What the person may do in the call, as the API said last.
    var rights: CallRights
    var transport: Transport?
    /// The last offer and its answer, which the same offer gets again.
    var answered: (offer: CallOffer, answer: CallAnswer)?
    /// Begins with the time, so that states of an earlier taking of the seat are older.
    private var revision: Int
    /// The peer's present fragment: another in a later offer restarts ICE.
    var remoteFragment = ""
    /// The session id of the node's descriptions (RFC 8866 §5.2).
    var descriptionID: UInt64 = 0
    /// The id of the MID extension in what the peer sends; one a connection (RFC 9143 §15). 0 for none.
    var midID: UInt8 = 0
    /// Those of the extensions that name an encoding (RFC 8852). 0 for none.
    var streamIDID: UInt8 = 0
    var repairedStreamIDID: UInt8 = 0
    /// That of the number of a packet among all it sends; 0 for none.
    var transportSequenceID: UInt8 = 0
    /// When its numbered packets arrived.
    var arrivals = ArrivalRecorder()
    /// What it may send, if it is not told of each packet.
    var publisherBandwidth = PublisherBandwidth()
    /// What its link carries, by its reports where there is no feedback on each packet. Until those tell of loss it is taken
    /// for good.
    var reported = ReportedBandwidth(start: BandwidthEstimator.maximum)
    var reportedLoss: ReportedLoss
    /// What each picture it sees gets of that.
    var allocator = LayerAllocator()
    var starvation = VideoStarvation()
    var nextAllocation: MediaTime
    /// What it shows, and how large; `nil` until it tells.
    var view: CallView?
    /// Which of its encodings it was told to send last.
    var toldLayers = CallLayers(layers: [])
    /// Whether it was told of the last change of who speaks. Not when its seat went over to another connection since.
    var knowsSpeakers = true
    /// Video sections that the participant is to offer.
    var wantedVideoSections = Limits.firstVideoSections
    /// When the participant asked for the word; `nil` while they do not.
    var handRaisedAt: MediaTime?
    /// When the seat ends if no offer came and no check was authenticated.
    let joinedNow: MediaTime

    init(
        seat: Seat, rights: CallRights, number: Int, route: SeatRoute, joinedAt: Timestamp, reporter: UInt32,
        relay: Relay?, room: Room, now: MediaTime
    ) {
        self.relay = relay
        self.seat = seat
        self.rights = rights
        self.number = number
        revision = Int(joinedAt.milliseconds)
        self.route = route
        self.joinedAt = joinedAt
        joinedNow = now
        nextAllocation = now
        reportedLoss = ReportedLoss(since: now)
        super.init(room: room, reporter: reporter, cname: "\(seat.participantID)", now: now)
    }

    // MARK: The way to it

    override var srtp: SRTPSession? { transport?.srtp }

    override var destination: TransportAddress? { transport?.selected }

    override func noteMedia(from source: TransportAddress, now: MediaTime) {
        transport?.noteMedia(from: source, now: now)
    }

    override func noteArrival(of header: RTPHeader, in packet: UnsafeRawBufferPointer, now: MediaTime) {
        noteLink(header, packet, now: now)
    }

    override func stream(of header: RTPHeader, in packet: UnsafeRawBufferPointer) -> Stream? {
        knownStream(of: header.ssrc) ?? adopt(header, packet)
    }

    override func useCount(of publication: Publication) -> Int {
        shows(publication) ? limit(of: publication) + 1 : 0
    }

    var id: ParticipantID { seat.participantID }

    var lastHeard: MediaTime { transport?.lastHeard ?? joinedNow }

    // MARK: Sections

    /// Why an offer cannot be applied, if so: sections stay for good (RFC 8829 §5.2.2), and a participant has so many.
    func objection(to session: NegotiatedSession, _ declared: [CallPublication]) -> String? {
        let mids = Set(session.sections.map(\.mid))
        for known in publications.map(\.mid) + sendSections.map(\.mid) where !mids.contains(known) {
            return "Section \(known) is missing; sections are never removed."
        }
        var sources: Set<CallSource> = []
        for publication in declared where !sources.insert(publication.source).inserted {
            return "There are two publications of the source \(publication.source.rawValue)."
        }
        for known in publications {
            guard let again = declared.first(where: { $0.source == known.source }) else { continue }
            guard again.mid == known.mid else {
                return "The source \(known.source.rawValue) keeps section \(known.mid)."
            }
        }
        for (kind, limit) in [(MediaKind.audio, Limits.audioSections), (.video, Limits.maximumVideoSections)] {
            let receiving = session.sections.count { section in
                section.kind == kind && (section.role == .send || sendSections.contains { $0.mid == section.mid })
            }
            guard receiving <= limit else {
                return "There are \(receiving) sections to receive on; \(limit) are allowed."
            }
        }
        return nil
    }

    /// Takes over what an offer negotiated.
    func apply(
        _ session: NegotiatedSession, _ declared: [CallPublication], random: inout any RandomNumberGenerator
    ) {
        for section in session.sections {
            guard let kind = section.kind else { continue }
            switch section.role {
            case .receive: applyReceived(section, kind, declared.first { $0.mid == section.mid })
            case .send:
                if let known = sendSections.first(where: { $0.mid == section.mid }) {
                    known.update(section)
                } else {
                    sendSections.append(
                        SendSection(
                            section: section, kind: kind,
                            ssrcs: (room.freshSSRC(&random), room.freshSSRC(&random)),
                            // In the lower half, so that a loss of all before the wrap cannot hide it (RFC 3711 §3.3.1).
                            sequence: UInt16(truncatingIfNeeded: random.next()) & 0x7FFF,
                            timestamp: UInt32(truncatingIfNeeded: random.next()), peer: self))
                }
            case .inactive, .rejected:
                sendSections.first { $0.mid == section.mid }?.update(section)
                if let known = publications.first(where: { $0.mid == section.mid }) { _ = known.follow(wish: false) }
            }
        }
    }

    private func applyReceived(_ section: NegotiatedSection, _ kind: MediaKind, _ declared: CallPublication?) {
        if let known = publications.first(where: { $0.mid == section.mid }) {
            known.update(section)
            if let declared { _ = known.follow(wish: declared.isActive) }
        } else if let declared, declared.source.isVideo == (kind == .video) {
            publications.append(
                Publication(
                    section: section, kind: kind, source: declared.source, isActive: declared.isActive,
                    participant: self))
        }
    }

    // MARK: State

    /// The call as this participant sees it.
    /// - Parameter draft: what it has in common with the others' states, of this moment.
    func state(_ draft: StateDraft? = nil) -> CallState {
        revision += 1
        return (draft ?? StateDraft(room)).state(of: self, revision: revision)
    }
}
