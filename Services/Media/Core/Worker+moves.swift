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
        guard let room = rooms[channelID], room.endsAt == nil else { return }
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

    /// What is left of a room that moved away ends at once: the room is back.
    func endMoved(room channelID: ChannelID, now: MediaTime) {
        if rooms[channelID]?.endsAt != nil { end(room: channelID, .moved, now: now) }
    }
}
