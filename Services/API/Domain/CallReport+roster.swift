package import Contracts

extension CallReport {
    /// The seats that are taken over from the report: each once, in the order of joining, and no more than
    /// ``Limits/participantsPerCall`` of them, whatever the node says.
    package var roster: [CallParticipant] {
        var known: Set<ParticipantID> = []
        return Array(
            participants
                .sorted { ($0.joinedAt, $0.participantID) < ($1.joinedAt, $1.participantID) }
                .filter { known.insert($0.participantID).inserted }
                .prefix(Limits.participantsPerCall))
    }
}
