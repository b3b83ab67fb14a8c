package import Contracts
package import MediaSecurity

// What moderators do, whose right the API has checked, between two batches of packets.
extension Worker {
    /// Turns off a participant's source until its owner turns it on again, or lowers the hand.
    /// - Throws: `not_found` if the participant is not in that call.
    package func moderate(_ request: SeatModerateRequest, now: MediaTime) throws(SeatError) {
        guard let participant = participants[request.participantID],
            participant.room.channelID == request.channelID
        else { throw SeatError(.notFound, "The participant is not in this call.") }
        guard let source = request.source else {
            if participant.raise(hand: false, now: now) { noteChange(of: participant.room, now: now) }
            return
        }
        for publication in participant.publications where publication.source == source && publication.impose() {
            noteChange(of: participant.room, now: now)
        }
    }

    /// Ends all seats of a person in a call.
    package func remove(_ user: UserID, from channel: ChannelID, now: MediaTime) {
        for participant in rooms[channel]?.participants ?? [] where participant.seat.userID == user {
            end(participant, .removed, now: now)
        }
    }
}

extension Participant {
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
            participant.publications.filter(\.isMuted).map {
                CallMute(participantID: participant.id, source: $0.source)
            }
        }
    }
}
