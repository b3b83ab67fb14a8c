// Signalling of calls. The client always offers and the media node only answers (RFC 3264), over one peer connection a
// participant. One connection of the gateway is in one call at most.
//
// The client offers a send-only section for each of its sources, with or without a track, and receive-only sections:
// ``CallState/audioSections`` of audio at once, and as many of video as ``CallState/videoSections`` says. Sections are
// never removed. Which track arrives on which section is told by ``CallState``, never by SDP.

// MARK: From the client

package struct CallJoin: WireObject {
    package static let summary = "Asks for a seat in the call of a channel. Answered by callJoined or callFailed."
    package static var fields: [String: FieldRule] {
        [
            "participantID": FieldRule(
                "Chosen by the client, so that asking again makes no second seat, and takes the seat again after the socket "
                    + "or the media node was lost. A new peer connection needs a new one. Chosen by the API if absent.")
        ]
    }
    package let channelID: ChannelID
    package let participantID: ParticipantID?

    package init(channelID: ChannelID, participantID: ParticipantID? = nil) {
        self.channelID = channelID
        self.participantID = participantID
    }
}

package struct CallOffer: WireObject {
    package static let summary = "An SDP offer (RFC 8866, RFC 8829). Answered by callAnswer with the same number."
    package static var fields: [String: FieldRule] {
        [
            "number": FieldRule(
                "Grows with each offer of the seat. Send the next one only when this one is answered."),
            "sdp": FieldRule(count: 1...Limits.sdpByteCount),
            "publications": FieldRule(
                "What each send section carries, by its mid.", count: 0...CallSource.allCases.count),
        ]
    }
    package let number: Int
    package let sdp: String
    package let publications: [CallPublication]

    package init(number: Int, sdp: String, publications: [CallPublication]) {
        self.number = number
        self.sdp = sdp
        self.publications = publications
    }
}

package struct CallPublication: WireObject, Hashable {
    package static let summary = "What one send section carries."
    package static var fields: [String: FieldRule] {
        [
            "mid": FieldRule("The section's identification (RFC 5888).", count: 1...Limits.midCount),
            "isActive": FieldRule("Whether it is on: false for a muted microphone or a camera that is off."),
        ]
    }
    package let mid: String
    package let source: CallSource
    package let isActive: Bool

    package init(mid: String, source: CallSource, isActive: Bool) {
        self.mid = mid
        self.source = source
        self.isActive = isActive
    }
}

package enum CallSource: String, WireEnum {
    case microphone
    case camera
    case screen
    case screenAudio

    package var isVideo: Bool { self == .camera || self == .screen }
}

package struct CallUpdate: WireObject {
    package static let summary = "Turns sources of the client on or off; the others are told at once."
    package static var fields: [String: FieldRule] {
        [
            "active": FieldRule("All sources that are on from now.", count: 0...CallSource.allCases.count),
            "isHandRaised": FieldRule("Whether the participant asks for the word; absent to leave it as it is."),
        ]
    }
    package let active: [CallSource]
    package let isHandRaised: Bool?

    package init(active: [CallSource], isHandRaised: Bool? = nil) {
        self.active = active
        self.isHandRaised = isHandRaised
    }
}

package struct CallView: WireObject, Hashable {
    package static let summary =
        "Which tracks of the others the client shows, and how large. It gets these, as large as is of use and its link "
        + "carries, and no others; a client that never tells gets all as large as they are. Send it when tiles change, at "
        + "most a few times a second."
    package static var fields: [String: FieldRule] {
        ["tracks": FieldRule("All video that is shown from now.", count: 0...Limits.viewedTracks)]
    }
    package let tracks: [CallViewTrack]

    package init(tracks: [CallViewTrack]) { self.tracks = tracks }
}

package struct CallViewTrack: WireObject, Hashable {
    package static let summary = "A tile."
    package static var fields: [String: FieldRule] {
        [
            "height": FieldRule("Of the picture on the screen, in device pixels; 0 is the same as not shown."),
            "isPinned": FieldRule("Whether it comes before all others when not all fits the link."),
        ]
    }
    package let participantID: ParticipantID
    package let source: CallSource
    package let height: Int
    package let isPinned: Bool

    package init(participantID: ParticipantID, source: CallSource, height: Int, isPinned: Bool) {
        self.participantID = participantID
        self.source = source
        self.height = height
        self.isPinned = isPinned
    }
}

package struct CallLeave: WireObject {
    package static let summary = "Gives up the seat, or the attempt to get one. Answered by callEnded if there was one."
    package init() {}
}

// MARK: From the gateway

package struct CallJoined: WireObject {
    package static let summary = "The client has a seat."
    package static var fields: [String: FieldRule] {
        [
            "isResumed": FieldRule(
                "Whether the seat is the one asked for and its peer connection still holds; if not, make a new one."),
            "iceServers": FieldRule("For a network that lets no direct path through."),
        ]
    }
    package let channelID: ChannelID
    package let participantID: ParticipantID
    package let isResumed: Bool
    package let iceServers: [IceServer]
    package let state: CallState

    package init(
        channelID: ChannelID, participantID: ParticipantID, isResumed: Bool, iceServers: [IceServer], state: CallState
    ) {
        self.channelID = channelID
        self.participantID = participantID
        self.isResumed = isResumed
        self.iceServers = iceServers
        self.state = state
    }
}

package struct CallFailed: WireObject {
    package static let summary = "There is no seat, or the last offer was refused."
    package static var fields: [String: FieldRule] {
        [
            "code": FieldRule(
                "unavailable and timed_out: try again. rate_limited: try again after a pause. Others: it will not help."
            ),
            "number": FieldRule("The offer that was refused; absent when joining failed."),
        ]
    }
    package let code: ErrorCode
    package let detail: String
    package let number: Int?

    package init(code: ErrorCode, detail: String, number: Int? = nil) {
        self.code = code
        self.detail = detail
        self.number = number
    }
}

package struct CallAnswer: WireObject {
    package static let summary = "The SDP answer to the offer of the same number; it carries the node's candidates."
    package let number: Int
    package let sdp: String

    package init(number: Int, sdp: String) {
        self.number = number
        self.sdp = sdp
    }
}

package struct CallState: WireObject {
    package static let summary = "The whole state of the call as this participant sees it."
    package static var fields: [String: FieldRule] {
        [
            "revision": FieldRule("Grows with each state; drop one that is older than what you have."),
            "tracks": FieldRule(
                "What the others send. In a call of more than a hundred what is off is left out: a microphone that is not "
                    + "named is muted."),
            "hands": FieldRule("Who asks for the word, the first to ask first."),
            "mutes": FieldRule(
                "Sources that a moderator turned off. They stay off, whatever their owner does, until a moderator ends it."
            ),
            "moderators": FieldRule("Who may mute, invite and remove others, by moderateCall and removeFromCall."),
            "audience": FieldRule(
                "Who only listens: in the call of a stage, until a moderator invites them. Nothing they send is forwarded."
            ),
            "audioSections": FieldRule("Receive-only audio sections to offer."),
            "videoSections": FieldRule("Receive-only video sections to offer: if there are fewer, add them and offer."),
            "recording": FieldRule("The last recording of the call, running or ended; absent if there was none."),
        ]
    }
    package let revision: Int
    package let participants: [CallParticipant]
    package let tracks: [CallTrack]
    package let hands: [ParticipantID]
    package let mutes: [CallMute]
    package let moderators: [ParticipantID]
    package let audience: [ParticipantID]
    package let audioSections: Int
    package let videoSections: Int
    package let recording: CallRecording?

    package init(
        revision: Int, participants: [CallParticipant], tracks: [CallTrack], hands: [ParticipantID] = [],
        mutes: [CallMute] = [], moderators: [ParticipantID] = [], audience: [ParticipantID] = [], audioSections: Int,
        videoSections: Int, recording: CallRecording? = nil
    ) {
        self.recording = recording
        self.revision = revision
        self.participants = participants
        self.tracks = tracks
        self.hands = hands
        self.mutes = mutes
        self.moderators = moderators
        self.audience = audience
        self.audioSections = audioSections
        self.videoSections = videoSections
    }
}

package struct CallMute: WireObject, Hashable {
    package static let summary = "A source that a moderator turned off: the node forwards nothing of it."
    package let participantID: ParticipantID
    package let source: CallSource

    package init(participantID: ParticipantID, source: CallSource) {
        self.participantID = participantID
        self.source = source
    }
}

package struct CallTrack: WireObject, Hashable {
    package static let summary = "What another participant sends."
    package static var fields: [String: FieldRule] {
        ["mid": FieldRule("The receive section on which it arrives now; absent while it has none.")]
    }
    package let participantID: ParticipantID
    package let source: CallSource
    package let isActive: Bool
    package let mid: String?

    package init(participantID: ParticipantID, source: CallSource, isActive: Bool, mid: String?) {
        self.participantID = participantID
        self.source = source
        self.isActive = isActive
        self.mid = mid
    }
}

package struct CallSpeakers: WireObject {
    package static let summary = "Who speaks now, loudest first. Never stored; a lost one is mended by the next."
    package let participants: [ParticipantID]

    package init(participants: [ParticipantID]) { self.participants = participants }
}

package struct CallLayers: WireObject, Hashable {
    package static let summary =
        "Which encodings of its simulcast (RFC 8853) the client should send: nobody sees the others. Set them by "
        + "RTCRtpSender.setParameters; no offer follows. Each tells everything."
    package let layers: [CallLayer]

    package init(layers: [CallLayer]) { self.layers = layers }
}

package struct CallLayer: WireObject, Hashable {
    package static let summary = "The encodings of one source."
    package static var fields: [String: FieldRule] {
        ["active": FieldRule("Their RIDs (RFC 8851), the lowest first. Those of the source not named here rest.")]
    }
    package let source: CallSource
    package let active: [String]

    package init(source: CallSource, active: [String]) {
        self.source = source
        self.active = active
    }
}

package struct CallEnded: WireObject {
    package static let summary = "The seat is gone."
    package let participantID: ParticipantID
    package let reason: CallEndReason

    package init(participantID: ParticipantID, reason: CallEndReason) {
        self.participantID = participantID
        self.reason = reason
    }
}

package enum CallEndReason: String, WireEnum {
    /// The participant left.
    case left
    /// The membership or the session ended, or a moderator removed the participant.
    case removed
    /// The seat was taken over by another connection.
    case replaced
    /// The room goes on at another media node, or its node died: join again. While the peer connection of the old seat
    /// still plays, keep it until the new one does.
    case moved
    /// No media path came about or it was lost: join again.
    case timedOut
}
