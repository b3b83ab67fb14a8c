package import Contracts
package import MediaSecurity

// Rooms that go on at another node.
extension Worker {
    /// Tells everyone in a room to join it where it is now. Until they have left, but no longer than
    /// ``Limits/callMoveGrace``, they still hear each other here, so that nobody falls silent who takes the new seat first
    /// and gives up this one afterwards. Seats that have no media path yet end at once, and so do those by HTTP: their
    /// holders cannot be told, but see the end of the association and begin anew (RFC 9725 §4.2).
    ///
    /// Nothing more is told of the seats here, and nothing reported but the end: the node that has the room now does that.
    package func move(room channelID: ChannelID, now: MediaTime) {
        if let room = rooms[channelID] { move(room, now: now) }
    }

    func move(_ room: Room, now: MediaTime) {
        guard room.endsAt == nil else { return }
        room.beginMove(until: now + Limits.callMoveGrace)
        if room.isHome { for relay in room.relays { notices.append(.relay(.move, of: relay.end.id, toHome: false)) } }
        for participant in room.seated {
            guard participant.route.gateway != nil, participant.transport?.isConnected == true else {
                end(participant, .moved, now: now)
                continue
            }
            tell(participant, .callEnded(CallEnded(participantID: participant.id, reason: .moved)))
            participant.route = SeatRoute(gateway: nil, connectionID: participant.route.connectionID)
        }
        hurry(now)
    }

    /// The call is here again: what is left of the room that moved away has its time beside the new one, so that nobody falls
    /// silent who has not come back yet. Its recording is over, and it reports no more: the new room does.
    func setAside(movedRoom channelID: ChannelID) {
        guard let room = rooms[channelID], room.endsAt != nil else { return }
        if room.tap != nil, let recording = room.recording { notices.append(.recordingOver(recording.id)) }
        room.tap = nil
        rooms[channelID] = nil
        formerRooms.append(room)
    }

    /// The room of a call, and what is left of those that moved away.
    func rooms(of channelID: ChannelID) -> [Room] {
        (rooms[channelID].map { [$0] } ?? []) + formerRooms.filter { $0.channelID == channelID }
    }
}
