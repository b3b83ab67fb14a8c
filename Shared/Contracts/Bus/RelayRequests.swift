// What the two ends of a relay tell each other: workers, of one media node or of two, with seats in the same call. Packets
// go from one to the other as SRTP; these say what the packets are.

/// Media node → media node: a worker is to have seats of a room whose home is on the other. The keys of the packets are agreed
/// on by X25519 (RFC 7748), so that who only reads the bus cannot read what the relay carries.
///
/// Failures: `conflict` when the room's home is elsewhere or going away.
package struct RelayOpenRequest: WireObject {
    package static let summary = "Opens a relay to the home of a call."
    package let relayID: RelayID
    package let channelID: ChannelID
    /// Of the placement, as far as the asking node knows.
    package let epoch: Int64
    /// Who asks.
    package let node: InstanceID
    package let end: RelayedEnd

    package init(relayID: RelayID, channelID: ChannelID, epoch: Int64, node: InstanceID, end: RelayedEnd) {
        self.relayID = relayID
        self.channelID = channelID
        self.epoch = epoch
        self.node = node
        self.end = end
    }
}

/// The home's end, and who is in the call.
package struct RelayOpenReply: WireObject {
    package static let summary = "The home's end of a relay."
    package let end: RelayedEnd
    package let roster: RelayRoster

    package init(end: RelayedEnd, roster: RelayRoster) {
        self.end = end
        self.roster = roster
    }
}

/// What the other end has to know of one end of a relay.
package struct RelayedEnd: WireObject, Hashable {
    package static let summary = "One end of a relay."
    /// An IP address and the UDP port of the worker.
    package let host: String
    package let port: Int
    /// Of X25519, 32 bytes in base64.
    package let publicKey: String
    /// The SSRC of its reports.
    package let reporter: Int

    package init(host: String, port: Int, publicKey: String, reporter: Int) {
        self.host = host
        self.port = port
        self.publicKey = publicKey
        self.reporter = reporter
    }
}

/// Media node → media node: what one end of a relay tells the other. What is absent has not changed since it was told.
///
/// Failures: `not_found` when the other end knows no such relay.
package struct RelayTellRequest: WireObject {
    package static let summary = "What one end of a relay tells the other."
    package let relayID: RelayID
    /// Whether the home is told.
    package let toHome: Bool
    package let roster: RelayRoster?
    /// The SSRCs of the pictures that are wanted from now on.
    package let demand: [Int]?
    /// Whether the room goes on elsewhere.
    package let isMoving: Bool
    /// Whether nobody is there any more.
    package let isClosed: Bool

    package init(
        relayID: RelayID, toHome: Bool, roster: RelayRoster?, demand: [Int]?, isMoving: Bool, isClosed: Bool
    ) {
        self.relayID = relayID
        self.toHome = toHome
        self.roster = roster
        self.demand = demand
        self.isMoving = isMoving
        self.isClosed = isClosed
    }
}

/// API → media node, the home of a call: which node has this seat?
package struct SeatFindRequest: WireObject {
    package static let summary = "Asks which node has a seat."
    package let channelID: ChannelID
    package let participantID: ParticipantID

    package init(channelID: ChannelID, participantID: ParticipantID) {
        self.channelID = channelID
        self.participantID = participantID
    }
}

package struct SeatFindReply: WireObject {
    package static let summary = "Which node has a seat."
    /// Absent if nobody has it.
    package let node: InstanceID?

    package init(node: InstanceID?) { self.node = node }
}

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
    /// How often the seat was taken on another worker than it stood on: of two who have it, the one with more took it last.
    package let takeovers: Int
    package let rights: CallRights
    package let isHandRaised: Bool
    /// The codecs of video that the participant reads; empty before its first offer.
    package let readableVideo: [String]
    package let publications: [RelayedPublication]

    package init(
        participantID: ParticipantID, userID: UserID, sessionID: SessionID, joinedAt: Timestamp, takeovers: Int,
        rights: CallRights, isHandRaised: Bool, readableVideo: [String], publications: [RelayedPublication]
    ) {
        self.participantID = participantID
        self.userID = userID
        self.sessionID = sessionID
        self.joinedAt = joinedAt
        self.takeovers = takeovers
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
