import Contracts
import MediaSecurity

// The state of a room, told to those in it as fast as that is allowed.
extension Worker {
    /// Has everybody get in line when something has changed, and tells those who are to be told now.
    func tellStates(of room: Room, now: MediaTime) {
        if room.states.takeDue(now: now) {
            line(up: room, now: now)
            tellRelays(of: room)
        }
        guard room.states.isWaiting else { return }
        let video = room.rankedVideo()
        var draft: StateDraft?
        while let id = room.states.next(now: now) {
            guard let participant = participants[id], participant.room === room else { continue }
            room.assignVideo(video, to: participant)
            let made = draft ?? StateDraft(room)
            draft = made
            let state = participant.state(made)
            room.states.spend(state.estimatedByteCount)
            tell(participant, .callState(state))
        }
    }

    /// Who is told nothing, by HTTP, gets its sections at once.
    private func line(up room: Room, now: MediaTime) {
        room.assignAudio(now: now)
        let video = room.rankedVideo()
        for participant in room.seated {
            if participant.route.gateway != nil {
                room.states.add(participant.id)
            } else {
                room.assignVideo(video, to: participant)
            }
        }
    }
}
