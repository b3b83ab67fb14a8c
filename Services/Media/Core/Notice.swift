package import Contracts

/// Who holds a seat: the gateway and its connection. One that is held by HTTP (RFC 9725) has no gateway and is told
/// nothing.
package struct SeatRoute: Hashable, Sendable {
    package let gateway: InstanceID?
    package let connectionID: ConnectionID

    package init(gateway: InstanceID?, connectionID: ConnectionID) {
        self.gateway = gateway
        self.connectionID = connectionID
    }
}

extension SeatRoute {
    /// Of those who sit on another worker: they are told nothing by this one.
    static let elsewhere = SeatRoute(gateway: nil, connectionID: ConnectionID(high: 0, low: 0))
}

/// What a verified grant says: whose seat, in which room.
package struct Seat: Hashable, Sendable {
    package let participantID: ParticipantID
    package let userID: UserID
    package let sessionID: SessionID
    package let channelID: ChannelID
    package let epoch: Int64

    package init(
        participantID: ParticipantID, userID: UserID, sessionID: SessionID, channelID: ChannelID, epoch: Int64
    ) {
        self.participantID = participantID
        self.userID = userID
        self.sessionID = sessionID
        self.channelID = channelID
        self.epoch = epoch
    }

    /// Whether it is the same person's same seat in the same call, wherever and whenever that was placed.
    package func isSame(as other: Seat) -> Bool {
        participantID == other.participantID && userID == other.userID && sessionID == other.sessionID
            && channelID == other.channelID
    }
}

/// Who is on a worker: what others keep about it is compared with this.
package struct Census: Sendable {
    package let seats: [(seat: Seat, number: Int)]
    /// The epoch of each room that is here to stay.
    package let rooms: [ChannelID: Int64]
    /// Those that one end of is here.
    package let relays: Set<RelayID>
}

/// A seat that was taken.
package struct TakenSeat: Sendable {
    package let reply: SeatJoinReply
    /// Tells this taking from earlier ones.
    package let number: Int
    /// Whether the room was opened for it.
    package let isFirst: Bool
}

/// What a worker has to tell others than the peers themselves.
package enum Notice: Sendable {
    /// A frame for the holder of a seat.
    case frame(ServerFrame, participantID: ParticipantID, route: SeatRoute)
    /// Who is in a room has changed.
    case report(CallReport)
    /// What one end of a relay tells the other: the room's home, or the one away from it.
    case relay(RelayMessage, of: RelayID, toHome: Bool)
    /// A room that is recorded has gone.
    case recordingOver(RecordingID)
    /// A seat has gone.
    case ended(Seat, number: Int)
}
