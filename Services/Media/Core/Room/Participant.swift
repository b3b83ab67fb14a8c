import Contracts
import MediaSecurity

/// One seat: the way to its peer, what it sends and what it is sent. Owned by its room.
final class Participant {
    let seat: Seat
    /// Tells this taking of the seat from an earlier one by the same id.
    let number: Int
    let joinedAt: Timestamp
    /// What the participant's streams are named by in SDP and RTCP (RFC 3550 §6.5.1).
    let cname: String
    /// Whose reports and requests those of the node to this participant are.
    let reporter: UInt32
    unowned let room: Room
    var route: SeatRoute
    var transport: Transport?
    private(set) var publications: [Publication] = []
    private(set) var sendSections: [SendSection] = []
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
    /// Video sections that the participant is to offer.
    var wantedVideoSections = Limits.firstVideoSections
    /// When the participant asked for the word; `nil` while they do not.
    var handRaisedAt: MediaTime?
    var nextReport: MediaTime
    /// When the seat ends if no offer came and no check was authenticated.
    let joinedNow: MediaTime

    init(
        seat: Seat, number: Int, route: SeatRoute, joinedAt: Timestamp, reporter: UInt32, room: Room, now: MediaTime
    ) {
        self.seat = seat
        self.number = number
        revision = Int(joinedAt.milliseconds)
        self.route = route
        self.joinedAt = joinedAt
        self.reporter = reporter
        self.room = room
        cname = "\(seat.participantID)"
        joinedNow = now
        nextReport = now + Participant.reportInterval
    }

    static let reportInterval = Duration.seconds(1)

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
                            section: section, kind: kind, ssrc: room.freshSSRC(&random),
                            // In the lower half, so that a loss of all before the wrap cannot hide it (RFC 3711 §3.3.1).
                            sequence: UInt16(truncatingIfNeeded: random.next()) & 0x7FFF,
                            timestamp: UInt32(truncatingIfNeeded: random.next()), participant: self))
                }
            case .inactive, .rejected:
                sendSections.first { $0.mid == section.mid }?.update(section)
                publications.first { $0.mid == section.mid }?.isActive = false
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

    /// The publication that a packet belongs to: by its stream, else by its MID, else by a payload type that only one of
    /// them has (RFC 9143 §9.2).
    func publication(of header: RTPHeader, in packet: UnsafeRawBufferPointer) -> Publication? {
        for publication in publications where publication.ssrc == header.ssrc { return publication }
        return adopt(header, packet)
    }

    private func adopt(_ header: RTPHeader, _ packet: UnsafeRawBufferPointer) -> Publication? {
        var mid: String?
        if midID != 0, !header.extensionRange.isEmpty {
            _ = header.forEachExtension(in: packet.assumingMemoryBound(to: UInt8.self).span) { id, content in
                if id == midID { mid = String(decoding: packet[content], as: UTF8.self) }
            }
        }
        let found: Publication?
        if let mid {
            found = publications.first { $0.mid == mid && $0.carries(payloadType: header.payloadType) }
        } else {
            let candidates = publications.filter { $0.carries(payloadType: header.payloadType) }
            found = candidates.count == 1 && candidates[0].ssrc == nil ? candidates[0] : nil
        }
        found?.adopt(ssrc: header.ssrc)
        return found
    }

    // MARK: Retransmission

    /// Retransmissions to one participant in ``retransmissionInterval``: 19 Mbit/s. One RTCP packet can ask for thousands.
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

    // MARK: State

    /// The call as this participant sees it.
    func state() -> CallState {
        revision += 1
        var mids: [ObjectIdentifier: String] = [:]
        for section in sendSections {
            if let publication = section.publication { mids[ObjectIdentifier(publication)] = section.mid }
        }
        var tracks: [CallTrack] = []
        for other in room.participants where other !== self {
            for publication in other.publications {
                let mid = mids[ObjectIdentifier(publication)]
                // A screen that nobody shows is not worth a word in every state.
                let isWorthTelling =
                    publication.isActive || mid != nil || publication.source == .microphone
                    || publication.source == .camera
                guard isWorthTelling else { continue }
                tracks.append(
                    CallTrack(
                        participantID: other.id, source: publication.source, isActive: publication.isActive, mid: mid))
            }
        }
        return CallState(
            revision: revision, participants: room.callParticipants, tracks: tracks, hands: room.hands,
            mutes: room.mutes,
            audioSections: Limits.audioSections, videoSections: wantedVideoSections)
    }
}
