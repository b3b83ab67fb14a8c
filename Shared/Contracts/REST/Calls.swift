package struct ChannelCall: WireObject, Hashable {
    package static let summary = "Who is in the call of a channel now. A channel's call has the channel's id."
    package static var fields: [String: FieldRule] {
        [
            "participants": FieldRule("By the time they joined; empty when there is no call."),
            "startedAt": FieldRule("When the first participant joined; absent when there is no call."),
            "version": FieldRule("Grows with each change; of two states the one with the higher version is newer."),
        ]
    }
    package let channelID: ChannelID
    package let startedAt: Timestamp?
    package let participants: [CallParticipant]
    package let version: Int64

    package init(channelID: ChannelID, startedAt: Timestamp?, participants: [CallParticipant], version: Int64) {
        self.channelID = channelID
        self.startedAt = startedAt
        self.participants = participants
        self.version = version
    }
}

package struct CallParticipant: WireObject, Hashable {
    package static let summary = "One seat in a call. A person has one on each device that joined."
    package let participantID: ParticipantID
    package let userID: UserID
    package let joinedAt: Timestamp

    package init(participantID: ParticipantID, userID: UserID, joinedAt: Timestamp) {
        self.participantID = participantID
        self.userID = userID
        self.joinedAt = joinedAt
    }
}

package struct ModerateCallRequest: WireObject {
    package static let summary = "What a moderator does to a person in a call. It holds until the call ends."
    package static var fields: [String: FieldRule] {
        [
            "action": FieldRule(
                "mute and unmute turn a source off and give it back; invite and dismiss say who speaks on a stage."),
            "source": FieldRule("To mute or unmute; absent for the other actions."),
        ]
    }
    package let userID: UserID
    package let action: CallModeration
    package let source: CallSource?

    package init(userID: UserID, action: CallModeration, source: CallSource? = nil) {
        self.userID = userID
        self.action = action
        self.source = source
    }
}

package enum CallModeration: String, WireEnum {
    /// Nothing of the source is forwarded, whatever its owner does.
    case mute
    /// The owner may turn the source on again.
    case unmute
    /// The person may speak on the stage. Nothing of theirs is turned on by that.
    case invite
    /// The person only listens again.
    case dismiss
    /// The person no longer asks for the word.
    case lowerHand
}

package struct CallRemovalRequest: WireObject {
    package static let summary = "A person who is to leave a call, on all devices."
    package let userID: UserID

    package init(userID: UserID) { self.userID = userID }
}

package struct CallRemoval: WireObject, Hashable {
    package static let summary = "A person whom a moderator removed from the call of a channel."
    package static var fields: [String: FieldRule] {
        ["until": FieldRule("Before this the person gets no seat, unless a moderator takes the removal back.")]
    }
    package let userID: UserID
    package let until: Timestamp

    package init(userID: UserID, until: Timestamp) {
        self.userID = userID
        self.until = until
    }
}

package struct CallRemovalList: WireObject {
    package static let summary = "Who may not join the call of a channel at present."
    package let removals: [CallRemoval]

    package init(removals: [CallRemoval]) { self.removals = removals }
}

package struct CallRing: WireObject, Hashable {
    package static let summary = "The call of a direct conversation rings the other person, or did."
    package static var fields: [String: FieldRule] {
        [
            "callerID": FieldRule("Who began the call."),
            "calleeID": FieldRule("Whose devices ring: all of them, until one joins the call or declines."),
            "endsAt": FieldRule("When nobody has answered and it ends by itself."),
            "outcome": FieldRule("How it ended; absent while it rings. Never changes afterwards."),
        ]
    }
    package let id: RingID
    package let channelID: ChannelID
    package let callerID: UserID
    package let calleeID: UserID
    package let startedAt: Timestamp
    package let endsAt: Timestamp
    package let outcome: RingOutcome?

    package init(
        id: RingID, channelID: ChannelID, callerID: UserID, calleeID: UserID, startedAt: Timestamp, endsAt: Timestamp,
        outcome: RingOutcome?
    ) {
        self.id = id
        self.channelID = channelID
        self.callerID = callerID
        self.calleeID = calleeID
        self.startedAt = startedAt
        self.endsAt = endsAt
        self.outcome = outcome
    }
}

package enum RingOutcome: String, WireEnum {
    /// The callee joined the call, on whatever device.
    case answered
    case declined
    /// The call was over before: missed.
    case cancelled
    /// It rang for as long as it may: missed.
    case unanswered
}

package struct IceServer: WireObject, Hashable {
    package static let summary = "A STUN or TURN server, as RTCPeerConnection takes it."
    package static var fields: [String: FieldRule] {
        [
            "urls": FieldRule("stun: and turn: addresses (RFC 7064, RFC 7065)."),
            "username": FieldRule("Ends with the credential; absent for STUN."),
        ]
    }
    package let urls: [String]
    package let username: String?
    package let credential: String?

    package init(urls: [String], username: String? = nil, credential: String? = nil) {
        self.urls = urls
        self.username = username
        self.credential = credential
    }
}
