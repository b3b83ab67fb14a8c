package import Contracts
package import MediaSecurity

// What moderators do, whose right the API has checked, between two batches of packets.
extension Worker {
    /// Takes over what a person may do now, for all their seats in a call, and lowers their hand if that is asked.
    /// - Throws: `not_found` if the person has no seat in that call.
    package func moderate(_ request: SeatModerateRequest, now: MediaTime) throws(SeatError) {
        let seats = rooms(of: request.channelID).flatMap(\.seated).filter { $0.seat.userID == request.userID }
        guard !seats.isEmpty else { throw SeatError(.notFound, "The person is not in this call.") }
        for participant in seats {
            let isLowered = request.lowersHand && participant.raise(hand: false, now: now)
            let isRuled = participant.follow(request.rights)
            if isLowered || isRuled { noteChange(of: participant.room, now: now) }
        }
    }

    /// What the API says of seats when it renews their leases; that is how a change that could not be told is learned.
    package func follow(_ rulings: [CallRuling], now: MediaTime) {
        for ruling in rulings {
            guard let participant = participants[ruling.participantID], participant.follow(ruling.rights) else {
                continue
            }
            noteChange(of: participant.room, now: now)
        }
    }

    /// Ends all seats of a person in a call.
    package func remove(_ user: UserID, from channel: ChannelID, now: MediaTime) {
        for participant in rooms(of: channel).flatMap(\.seated) where participant.seat.userID == user {
            end(participant, .removed, now: now)
        }
    }
}

extension Participant {
    /// Takes over what the person may do, unless it is older than what is known. Answers whether anything has changed.
    func follow(_ rights: CallRights) -> Bool {
        guard rights.version >= self.rights.version, rights != self.rights else { return false }
        self.rights = rights
        for publication in publications { _ = publication.follow(right: rights.maySend(publication.source)) }
        return true
    }

    /// Raises or lowers the hand; `nil` leaves it. Answers whether it has moved: a hand keeps its place while it is up.
    func raise(hand isRaised: Bool?, now: MediaTime) -> Bool {
        guard let isRaised, isRaised != (handRaisedAt != nil) else { return false }
        handRaisedAt = isRaised ? now : nil
        return true
    }
}

extension Room {
    /// Who asks for the word, the first to ask first.
    var hands: [ParticipantID] {
        participants.compactMap { participant in participant.handRaisedAt.map { (id: participant.id, at: $0) } }
            .sorted { $0.at < $1.at }.map(\.id)
    }

    /// The sources that moderators have turned off.
    var mutes: [CallMute] {
        participants.flatMap { participant in
            participant.rights.muted.map { CallMute(participantID: participant.id, source: $0) }
        }
    }

    var moderators: [ParticipantID] { participants.filter(\.rights.isModerator).map(\.id) }

    /// Who only listens.
    var audience: [ParticipantID] { participants.filter(\.rights.isAudience).map(\.id) }
}
