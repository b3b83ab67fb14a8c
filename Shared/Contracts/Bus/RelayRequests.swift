// What the two ends of a relay tell each other: workers, of one media node or of two, with seats in the same call. Packets
// go from one to the other as SRTP; these say what the packets are.

/// Who sits at one end of a relay or behind it, and what they send. It says all, so the newer of two counts.
package struct RelayRoster: WireObject, Hashable {
    package static let summary = "Who sits at one end of a relay, and what they send."
    package let participants: [RelayedParticipant]
    /// The recording of the call, told by the room's home only.
    package let recording: CallRecording?

    package init(participants: [RelayedParticipant], recording: CallRecording?) {
        self.participants = participants
        self.recording = recording
    }
}

/// One who sits elsewhere.
package struct RelayedParticipant: WireObject, Hashable {
    package static let summary = "A participant who sits at the other end of a relay."
    package let participantID: ParticipantID
    package let userID: UserID
    package let sessionID: SessionID
    package let joinedAt: Timestamp
    package let rights: CallRights
    package let isHandRaised: Bool
    /// The codecs of video that the participant reads; empty before its first offer.
    package let readableVideo: [String]
    package let publications: [RelayedPublication]

    package init(
        participantID: ParticipantID, userID: UserID, sessionID: SessionID, joinedAt: Timestamp, rights: CallRights,
        isHandRaised: Bool, readableVideo: [String], publications: [RelayedPublication]
    ) {
        self.participantID = participantID
        self.userID = userID
        self.sessionID = sessionID
        self.joinedAt = joinedAt
        self.rights = rights
        self.isHandRaised = isHandRaised
        self.readableVideo = readableVideo
        self.publications = publications
    }
}

/// What one participant sends on one section.
package struct RelayedPublication: WireObject, Hashable {
    package static let summary = "A source of a participant, as a relay carries it."
    package let mid: String
    package let source: CallSource
    /// On, as its sender says.
    package let isWanted: Bool
    /// Whether its packets tell how loud they are (RFC 6464).
    package let tellsLevels: Bool
    package let codecs: [RelayedCodec]
    /// Its encodings, the lowest first.
    package let streams: [RelayedStream]

    package init(
        mid: String, source: CallSource, isWanted: Bool, tellsLevels: Bool, codecs: [RelayedCodec],
        streams: [RelayedStream]
    ) {
        self.mid = mid
        self.source = source
        self.isWanted = isWanted
        self.tellsLevels = tellsLevels
        self.codecs = codecs
        self.streams = streams
    }
}

/// A codec by its payload types on the relay: those of the publisher.
package struct RelayedCodec: WireObject, Hashable {
    package static let summary = "A codec of a relayed source."
    package let name: String
    package let payloadType: Int
    /// Of packets that are sent again (RFC 4588).
    package let repairPayloadType: Int?

    package init(name: String, payloadType: Int, repairPayloadType: Int?) {
        self.name = name
        self.payloadType = payloadType
        self.repairPayloadType = repairPayloadType
    }
}

/// One encoding, by the SSRCs that it has on the relay.
package struct RelayedStream: WireObject, Hashable {
    package static let summary = "An encoding of a relayed source."
    /// Its RID (RFC 8851); absent for an only one.
    package let streamID: String?
    package let ssrc: Int
    package let repairSSRC: Int

    package init(streamID: String?, ssrc: Int, repairSSRC: Int) {
        self.streamID = streamID
        self.ssrc = ssrc
        self.repairSSRC = repairSSRC
    }
}
