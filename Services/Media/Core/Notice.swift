package import Contracts

/// Who holds a seat: the gateway and its connection.
package struct SeatRoute: Hashable, Sendable {
    package let gateway: InstanceID
    package let connectionID: ConnectionID

    package init(gateway: InstanceID, connectionID: ConnectionID) {
        self.gateway = gateway
        self.connectionID = connectionID
    }
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
}

/// What a worker has to tell others than the peers themselves.
package enum Notice: Sendable {
    /// A frame for the holder of a seat.
    case frame(ServerFrame, participantID: ParticipantID, route: SeatRoute)
    /// Who is in a room has changed.
    case report(CallReport)
    /// A seat has gone.
    case ended(Seat)
}
