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

    package init(grant: String, participantID: ParticipantID, node: InstanceID, iceServers: [IceServer]) {
        self.grant = grant
        self.participantID = participantID
        self.node = node
        self.iceServers = iceServers
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
    package static let summary = "The seats that must go, and what the people of the others may do now."
    /// The session ended, the user left the channel or was removed from the call.
    package let refused: [ParticipantID]
    /// Of the seats that may stay.
    package let rulings: [CallRuling]

    package init(refused: [ParticipantID], rulings: [CallRuling]) {
        self.refused = refused
        self.rulings = rulings
    }
}

/// Gateway → media node: take this seat, or take it again on another connection. Also API → media node, for a seat that is
/// held by HTTP (RFC 9725).
///
/// Failures: `unauthenticated` for a grant that is not signed, expired or meant for another node; `conflict` when the
/// room moved.
package struct SeatJoinRequest: WireObject {
    package static let summary = "Takes a seat."
    package let grant: String
    /// Who passes notices on to the holder; a seat that is held by HTTP has none.
    package let gateway: InstanceID?
    /// Of the holder: whoever names it holds the seat.
    package let connectionID: ConnectionID

    package init(grant: String, gateway: InstanceID?, connectionID: ConnectionID) {
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

/// What a seat that is held by HTTP is for.
package enum SeatUse: String, WireEnum {
    /// WHIP (RFC 9725): each section that the client sends on carries the first source of its kind that is left.
    case publish
    /// WHEP: nothing is taken from the client.
    case receive
}

/// Gateway or API → media node: an offer. Answered by ``CallAnswer``. The same number again gives the same answer.
///
/// Failures: `not_found` when the connection does not hold the seat, `validation_failed` for an offer that cannot be used.
package struct SeatOfferRequest: WireObject {
    package static let summary = "Offers SDP for a seat."
    package let participantID: ParticipantID
    package let connectionID: ConnectionID
    package let offer: CallOffer
    /// Of a seat that is held by HTTP, whose offer names no publications.
    package let use: SeatUse?

    package init(
        participantID: ParticipantID, connectionID: ConnectionID, offer: CallOffer, use: SeatUse? = nil
    ) {
        self.participantID = participantID
        self.connectionID = connectionID
        self.offer = offer
        self.use = use
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

/// Gateway → media node: what the participant shows. Answered by ``Empty``.
package struct SeatViewRequest: WireObject {
    package static let summary = "Tells what a participant shows."
    package let participantID: ParticipantID
    package let connectionID: ConnectionID
    package let view: CallView

    package init(participantID: ParticipantID, connectionID: ConnectionID, view: CallView) {
        self.participantID = participantID
        self.connectionID = connectionID
        self.view = view
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

/// API → media node: does this seat stand, and is ICE to begin anew (RFC 9725 §4.3)?
///
/// Failures: `not_found` when the connection does not hold the seat, `precondition_failed` for another tag.
package struct SeatIceRequest: WireObject {
    package static let summary = "Asks after a seat's ICE session."
    package let participantID: ParticipantID
    package let connectionID: ConnectionID
    /// The ICE session that the client knows; absent for whichever there is.
    package let tag: String?
    /// The client's ICE user name fragment: another than it had restarts ICE. Absent to ask after the seat only.
    package let fragment: String?

    package init(participantID: ParticipantID, connectionID: ConnectionID, tag: String?, fragment: String?) {
        self.participantID = participantID
        self.connectionID = connectionID
        self.tag = tag
        self.fragment = fragment
    }
}

package struct SeatIceReply: WireObject {
    package static let summary = "The seat's ICE session."
    /// Names the ICE session: the node's user name fragment.
    package let tag: String
    /// The node's side of the new session as a fragment of SDP (RFC 8840 §9); absent if ICE did not restart.
    package let sdp: String?

    package init(tag: String, sdp: String?) {
        self.tag = tag
        self.sdp = sdp
    }
}

/// API → media node: what a person may do in a call has changed by a moderator, whose right the API has checked. It holds for
/// all of the person's seats in the call. Answered by ``Empty``.
///
/// Failures: `not_found` when the person has no seat in that call on this node.
package struct SeatModerateRequest: WireObject {
    package static let summary = "Changes what a person may do in a call, or lowers their hand."
    package let channelID: ChannelID
    package let userID: UserID
    /// All that the person may do from now; older rights than the seat has change nothing.
    package let rights: CallRights
    package let lowersHand: Bool

    package init(channelID: ChannelID, userID: UserID, rights: CallRights, lowersHand: Bool) {
        self.channelID = channelID
        self.userID = userID
        self.rights = rights
        self.lowersHand = lowersHand
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
    /// Who tells: a seat may have been another node's a moment before.
    package let node: InstanceID
    package let participantID: ParticipantID
    package let connectionID: ConnectionID
    package let frame: ServerFrame

    package init(node: InstanceID, participantID: ParticipantID, connectionID: ConnectionID, frame: ServerFrame) {
        self.node = node
        self.participantID = participantID
        self.connectionID = connectionID
        self.frame = frame
    }
}
