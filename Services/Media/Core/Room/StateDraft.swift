package import Contracts

/// What the states of all participants of a room have in common at one moment, made once for all of them: five hundred
/// states of five hundred people are a quarter of a million seats, of which the worker copies a reference each.
struct StateDraft {
    private struct Entry {
        let publication: ObjectIdentifier
        let track: CallTrack
        /// A screen that nobody shows is not worth a word in every state, nor what the audience may not send, nor in a large
        /// room what is off; but to those who get it.
        let isAlwaysTold: Bool
    }

    /// In a larger room what is off is not told.
    static let usualRoom = 100

    private let participants: [CallParticipant]
    private let entries: [Entry]
    private let hands: [ParticipantID]
    private let mutes: [CallMute]
    private let moderators: [ParticipantID]
    private let audience: [ParticipantID]
    private let recording: CallRecording?

    init(_ room: Room) {
        participants = room.callParticipants
        hands = room.hands
        mutes = room.mutes
        moderators = room.moderators
        audience = room.audience
        recording = room.recording
        var entries: [Entry] = []
        entries.reserveCapacity(room.participants.count)
        let isUsualRoom = room.participants.count <= Self.usualRoom
        for participant in room.participants {
            let isTold = isUsualRoom && !participant.rights.isAudience
            for publication in participant.publications {
                let isUsual = publication.source == .microphone || publication.source == .camera
                entries.append(
                    Entry(
                        publication: ObjectIdentifier(publication),
                        track: CallTrack(
                            participantID: participant.id, source: publication.source,
                            isActive: publication.isActive, mid: nil),
                        isAlwaysTold: publication.isActive || (isUsual && isTold)))
            }
        }
        self.entries = entries
    }

    /// The call as one participant sees it.
    func state(of viewer: Participant, revision: Int) -> CallState {
        var mids: [ObjectIdentifier: String] = [:]
        for section in viewer.sendSections {
            if let publication = section.publication { mids[ObjectIdentifier(publication)] = section.mid }
        }
        var tracks: [CallTrack] = []
        tracks.reserveCapacity(entries.count)
        for entry in entries where entry.track.participantID != viewer.id {
            let track = entry.track
            if let mid = mids[entry.publication] {
                tracks.append(
                    CallTrack(
                        participantID: track.participantID, source: track.source, isActive: track.isActive, mid: mid))
            } else if entry.isAlwaysTold {
                tracks.append(track)
            }
        }
        return CallState(
            revision: revision, participants: participants, tracks: tracks, hands: hands, mutes: mutes,
            moderators: moderators, audience: audience, audioSections: Limits.audioSections,
            videoSections: viewer.wantedVideoSections, recording: recording)
    }
}

extension CallState {
    /// Bytes of a state's JSON on the bus, within a tenth: ids are 36 characters, times 24.
    package var estimatedByteCount: Int {
        400 + participants.count * 143 + tracks.count * 95 + mutes.count * 76
            + (hands.count + moderators.count + audience.count) * 39
    }
}
