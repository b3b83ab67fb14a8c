// What the API, the gateways and the media nodes ask of each other for calls.

/// Gateway → API: may this session take a seat in the call of this channel, and on which node?
package struct CallGrantRequest: WireObject {
    package static let summary = "Asks for a grant and for the room's place."
    package let userID: UserID
    package let sessionID: SessionID
    package let channelID: ChannelID
    /// The seat to take again; the API makes a new one if absent.
    package let participantID: ParticipantID?
    /// A node that was found dead: the room is placed elsewhere if it is still placed there.
    package let deadNode: InstanceID?

    package init(
        userID: UserID, sessionID: SessionID, channelID: ChannelID, participantID: ParticipantID?, deadNode: InstanceID?
    ) {
        self.userID = userID
        self.sessionID = sessionID
        self.channelID = channelID
        self.participantID = participantID
        self.deadNode = deadNode
    }
}

/// Failures: `not_found` for a channel the user is not in, `session_revoked`, `unavailable` when no media node runs.
package struct CallGrantReply: WireObject {
    package static let summary = "A grant and the room's place."
    /// A signed ``CallGrant``: what the node trusts.
    package let grant: String
    package let participantID: ParticipantID
    package let node: InstanceID
    package let iceServers: [IceServer]
    /// Whether the person may moderate the call, as of the grant; the API asks itself again at each deed.
    package let isModerator: Bool

    package init(
        grant: String, participantID: ParticipantID, node: InstanceID, iceServers: [IceServer], isModerator: Bool
    ) {
        self.grant = grant
        self.participantID = participantID
        self.node = node
        self.iceServers = iceServers
        self.isModerator = isModerator
    }
}

/// Media → API: who is in the call now. Answered by ``Empty``. Reports older than the last one are ignored.
package struct CallReport: WireObject {
    package static let summary = "Who is in the call of a channel."
    package let channelID: ChannelID
    /// Of the placement. A room that was placed anew has a higher one.
    package let epoch: Int64
    /// Grows with each report of the same epoch.
    package let revision: Int64
    package let participants: [CallParticipant]

    package init(channelID: ChannelID, epoch: Int64, revision: Int64, participants: [CallParticipant]) {
        self.channelID = channelID
        self.epoch = epoch
        self.revision = revision
        self.participants = participants
    }
}

/// One seat whose lease is to be renewed.
package struct CallLease: WireObject, Hashable {
    package static let summary = "A seat and whose it is."
    package let participantID: ParticipantID
    package let userID: UserID
    package let sessionID: SessionID
    package let channelID: ChannelID

    package init(participantID: ParticipantID, userID: UserID, sessionID: SessionID, channelID: ChannelID) {
        self.participantID = participantID
        self.userID = userID
        self.sessionID = sessionID
        self.channelID = channelID
    }
}

/// Media → API: which of these seats may stay? At most ``Limits/callLeasesPerRequest``.
package struct CallRenewRequest: WireObject {
    package static let summary = "Asks which seats may stay."
    package let leases: [CallLease]

    package init(leases: [CallLease]) { self.leases = leases }
}

package struct CallRenewReply: WireObject {
    package static let summary = "The seats that must go: the session ended or the user left the channel."
    package let refused: [ParticipantID]

    package init(refused: [ParticipantID]) { self.refused = refused }
}

/// Gateway → media node: take this seat, or take it again on another connection.
///
/// Failures: `unauthenticated` for a grant that is not signed, expired or meant for another node; `conflict` when the
/// room moved.
package struct SeatJoinRequest: WireObject {
    package static let summary = "Takes a seat."
    package let grant: String
    package let gateway: InstanceID
    package let connectionID: ConnectionID

    package init(grant: String, gateway: InstanceID, connectionID: ConnectionID) {
        self.grant = grant
        self.gateway = gateway
        self.connectionID = connectionID
    }
}

package struct SeatJoinReply: WireObject {
    package static let summary = "The seat is taken."
    package let isResumed: Bool
    package let state: CallState

    package init(isResumed: Bool, state: CallState) {
        self.isResumed = isResumed
        self.state = state
    }
}

/// Gateway → media node: an offer. Answered by ``CallAnswer``. The same number again gives the same answer.
///
/// Failures: `not_found` when the connection does not hold the seat, `validation_failed` for an offer that cannot be used.
package struct SeatOfferRequest: WireObject {
    package static let summary = "Offers SDP for a seat."
    package let participantID: ParticipantID
    package let connectionID: ConnectionID
    package let offer: CallOffer

    package init(participantID: ParticipantID, connectionID: ConnectionID, offer: CallOffer) {
        self.participantID = participantID
        self.connectionID = connectionID
        self.offer = offer
    }
}

/// Gateway → media node: sources on or off. Answered by ``Empty``.
package struct SeatUpdateRequest: WireObject {
    package static let summary = "Turns sources on or off."
    package let participantID: ParticipantID
    package let connectionID: ConnectionID
    package let update: CallUpdate

    package init(participantID: ParticipantID, connectionID: ConnectionID, update: CallUpdate) {
        self.participantID = participantID
        self.connectionID = connectionID
        self.update = update
    }
}

/// Gateway → media node: the seat is given up. Answered by ``Empty``, also when it is gone already.
package struct SeatLeaveRequest: WireObject {
    package static let summary = "Gives up a seat."
    package let participantID: ParticipantID
    package let connectionID: ConnectionID

    package init(participantID: ParticipantID, connectionID: ConnectionID) {
        self.participantID = participantID
        self.connectionID = connectionID
    }
}

/// API → media node: a moderator, whose right the API has checked, turns off a source or lowers a hand. Answered by
/// ``Empty``.
///
/// Failures: `not_found` when the participant is not in that call on this node.
package struct SeatModerateRequest: WireObject {
    package static let summary = "Turns off a participant's source, or lowers their hand."
    package let channelID: ChannelID
    package let participantID: ParticipantID
    /// The source to turn off; the hand is lowered if absent.
    package let source: CallSource?

    package init(channelID: ChannelID, participantID: ParticipantID, source: CallSource?) {
        self.channelID = channelID
        self.participantID = participantID
        self.source = source
    }
}

/// API → media node: all seats of a person in a call end. Answered by ``Empty``, also when there is none.
package struct SeatRemoveRequest: WireObject {
    package static let summary = "Ends a person's seats in a call."
    package let channelID: ChannelID
    package let userID: UserID

    package init(channelID: ChannelID, userID: UserID) {
        self.channelID = channelID
        self.userID = userID
    }
}

/// Media node → gateway: a frame for the connection that holds a seat. Answered by ``Empty``, also when it has gone.
package struct SeatNotice: WireObject {
    package static let summary = "Tells the holder of a seat."
    package let participantID: ParticipantID
    package let connectionID: ConnectionID
    package let frame: ServerFrame

    package init(participantID: ParticipantID, connectionID: ConnectionID, frame: ServerFrame) {
        self.participantID = participantID
        self.connectionID = connectionID
        self.frame = frame
    }
}
