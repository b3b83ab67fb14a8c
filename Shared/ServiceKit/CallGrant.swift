package import Contracts
package import JWTKit

/// The claims of a grant: who may take which seat of which call, on which node. Signed by the API, trusted by media
/// nodes, never handed to clients.
package struct CallGrant: JWTPayload, Equatable {
    /// The audience that only media nodes accept.
    package static let audience = "roost-media"

    package let userID: UserID
    package let sessionID: SessionID
    package let channelID: ChannelID
    package let participantID: ParticipantID
    /// Where the room's home is.
    package let placement: RoomPlacement
    /// The node that is to give the seat: the home, or one that helps it.
    package let seatNode: InstanceID
    /// What the person may do in the call, as of the grant.
    package let rights: CallRights
    package let issuer: String
    package let audience: String
    package let issuedAt: Timestamp
    package let expiresAt: Timestamp

    /// - Parameter seatNode: the home if `nil`.
    package init(
        userID: UserID, sessionID: SessionID, channelID: ChannelID, participantID: ParticipantID,
        placement: RoomPlacement, seatNode: InstanceID? = nil, rights: CallRights = .ordinary,
        issuer: String = AccessToken.issuer, audience: String = CallGrant.audience, issuedAt: Timestamp,
        expiresAt: Timestamp
    ) {
        self.userID = userID
        self.sessionID = sessionID
        self.channelID = channelID
        self.participantID = participantID
        self.placement = placement
        self.seatNode = seatNode ?? placement.node
        self.rights = rights
        self.issuer = issuer
        self.audience = audience
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
    }

    private enum CodingKeys: String, CodingKey {
        case sub, sid, channel, participant, node, epoch, seat, rights, iss, aud, iat, exp
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        userID = try container.decode(UserID.self, forKey: .sub)
        sessionID = try container.decode(SessionID.self, forKey: .sid)
        channelID = try container.decode(ChannelID.self, forKey: .channel)
        participantID = try container.decode(ParticipantID.self, forKey: .participant)
        placement = RoomPlacement(
            epoch: try container.decode(Int64.self, forKey: .epoch),
            node: try container.decode(InstanceID.self, forKey: .node))
        seatNode = try container.decode(InstanceID.self, forKey: .seat)
        rights = try container.decode(CallRights.self, forKey: .rights)
        issuer = try container.decode(String.self, forKey: .iss)
        audience = try container.decode(String.self, forKey: .aud)
        issuedAt = Timestamp(milliseconds: try container.decode(Int64.self, forKey: .iat) * 1000)
        expiresAt = Timestamp(milliseconds: try container.decode(Int64.self, forKey: .exp) * 1000)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(userID, forKey: .sub)
        try container.encode(sessionID, forKey: .sid)
        try container.encode(channelID, forKey: .channel)
        try container.encode(participantID, forKey: .participant)
        try container.encode(placement.node, forKey: .node)
        try container.encode(placement.epoch, forKey: .epoch)
        try container.encode(seatNode, forKey: .seat)
        try container.encode(rights, forKey: .rights)
        try container.encode(issuer, forKey: .iss)
        try container.encode(audience, forKey: .aud)
        try container.encode(issuedAt.milliseconds / 1000, forKey: .iat)
        try container.encode(expiresAt.milliseconds / 1000, forKey: .exp)
    }

    /// The claims are checked by whoever takes the grant, against a time it is given.
    package func verify(using algorithm: some JWTAlgorithm) throws {}
}
