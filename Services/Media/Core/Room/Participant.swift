import Contracts
import MediaSecurity

/// One seat: the way to its peer, what it sends and what it is sent. Owned by its room.
final class Participant {
    let seat: Seat
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
    private var revision = 0
    /// The peer's present fragment: another in a later offer restarts ICE.
    var remoteFragment = ""
    /// The session id of the node's descriptions (RFC 8866 §5.2).
    var descriptionID: UInt64 = 0
    /// The id of the MID extension in what the peer sends; one a connection (RFC 9143 §15). 0 for none.
    var midID: UInt8 = 0
    /// Video sections that the participant is to offer.
    var wantedVideoSections = Limits.firstVideoSections
    var nextReport: MediaTime
    /// When the seat ends if no offer came and no check was authenticated.
    let joinedNow: MediaTime

    init(seat: Seat, route: SeatRoute, joinedAt: Timestamp, reporter: UInt32, room: Room, now: MediaTime) {
        self.seat = seat
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

    /// Takes over what an offer negotiated. Sections stay for good: one that an offer leaves out is an error of the peer
    /// which the reader of the offer cannot see.
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
                            sequence: UInt16(truncatingIfNeeded: random.next()),
                            timestamp: UInt32(truncatingIfNeeded: random.next()), participant: self))
                }
            case .inactive, .rejected: break
            }
        }
    }

    private func applyReceived(_ section: NegotiatedSection, _ kind: MediaKind, _ declared: CallPublication?) {
        if let known = publications.first(where: { $0.mid == section.mid }) {
            known.update(section)
            if let declared { known.isActive = declared.isActive }
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
                tracks.append(
                    CallTrack(
                        participantID: other.id, source: publication.source, isActive: publication.isActive,
                        mid: mids[ObjectIdentifier(publication)]))
            }
        }
        return CallState(
            revision: revision, participants: room.callParticipants, tracks: tracks,
            audioSections: Limits.audioSections, videoSections: wantedVideoSections)
    }
}
