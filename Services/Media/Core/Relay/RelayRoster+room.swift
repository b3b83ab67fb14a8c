import Contracts
import MediaSecurity

// What is told at one end of a relay, and what the other makes of it.

extension Room {
    /// Everybody but those whom the relay itself brings.
    func roster(for relay: Relay) -> RelayRoster {
        let tracks = relay.tracksByPublication
        return RelayRoster(
            participants: participants.filter { $0.relay !== relay }.map { participant in
                RelayedParticipant(
                    participantID: participant.id, userID: participant.seat.userID,
                    sessionID: participant.seat.sessionID, joinedAt: participant.joinedAt,
                    takeovers: participant.takeovers, rights: participant.rights,
                    isHandRaised: participant.handRaisedAt != nil,
                    readableVideo: participant.readableVideo.map(\.rawValue).sorted(),
                    publications: participant.publications.map { publication in
                        RelayedPublication(publication, tracks[ObjectIdentifier(publication)] ?? [])
                    })
            },
            recording: relay.end.isHome ? recording : nil)
    }
}

extension RelayedPublication {
    fileprivate init(_ publication: Publication, _ tracks: [Relay.Track]) {
        self.init(
            mid: publication.mid, source: publication.source, isWanted: publication.isWanted,
            tellsLevels: publication.tellsLevels,
            codecs: publication.codecs.map { codec in
                RelayedCodec(
                    name: codec.codec.rawValue, payloadType: Int(codec.payloadType),
                    repairPayloadType: codec.repairPayloadType.map { Int($0) })
            },
            streams: tracks.map { track in
                RelayedStream(
                    streamID: track.encoding.streamID, ssrc: Int(track.section.ssrc),
                    repairSSRC: Int(track.section.repairSSRC))
            })
    }
}

extension Relay {
    /// The section of a publication as both ends of a relay see it: with the payload types of its sender, and ids of
    /// extensions that are the relay's own. `nil` for what a roster of another version says.
    static func section(_ publication: RelayedPublication) -> NegotiatedSection? {
        let kind: MediaKind = publication.source.isVideo ? .video : .audio
        let codecs = publication.codecs.compactMap { NegotiatedCodec($0, kind: kind) }
        guard !codecs.isEmpty, !publication.streams.isEmpty else { return nil }
        let streamIDs = publication.streams.compactMap(\.streamID)
        return NegotiatedSection(
            relayed: publication.mid, kind: kind, codecs: codecs,
            extensions: extensions(tellsLevels: publication.tellsLevels), streamIDs: streamIDs)
    }

    /// The same of one that is sent to the other end.
    static func section(_ publication: Publication) -> NegotiatedSection {
        NegotiatedSection(
            relayed: publication.mid, kind: publication.kind, codecs: publication.codecs,
            extensions: extensions(tellsLevels: publication.tellsLevels), streamIDs: [])
    }

    private static func extensions(tellsLevels: Bool) -> [HeaderExtension: UInt8] {
        var extensions: [HeaderExtension: UInt8] = [.videoOrientation: 2, .dependencyDescriptor: 3]
        if tellsLevels { extensions[.audioLevel] = 1 }
        return extensions
    }
}

extension Participant {
    /// Takes over what the other end of a relay says of the participant.
    func follow(_ told: RelayedParticipant, now: MediaTime) {
        takeovers = told.takeovers
        _ = follow(told.rights)
        _ = raise(hand: told.isHandRaised, now: now)
        relayedVideo = Set(told.readableVideo.compactMap { Codec(rawValue: $0) })
        for relayed in told.publications {
            guard let section = Relay.section(relayed) else { continue }
            let known = publications.first { $0.mid == relayed.mid }
            if let known {
                known.update(section)
                _ = known.follow(wish: relayed.isWanted)
            } else {
                publications.append(
                    Publication(
                        section: section, kind: relayed.source.isVideo ? .video : .audio, source: relayed.source,
                        isActive: relayed.isWanted, participant: self))
            }
            guard let publication = known ?? publications.last else { continue }
            for (encoding, stream) in zip(publication.encodings, relayed.streams) {
                encoding.adopt(
                    ssrc: UInt32(truncatingIfNeeded: stream.ssrc),
                    repairSSRC: UInt32(truncatingIfNeeded: stream.repairSSRC))
            }
        }
    }

    /// The codecs of video that the participant reads; empty until it has offered.
    var readableVideo: Set<Codec> {
        if relay != nil { return relayedVideo }
        return sendSections.first { $0.kind == .video && $0.isUsable }?.codecs ?? []
    }
}

extension NegotiatedCodec {
    /// A codec of which a roster tells; feedback is what the ends of a relay give each other.
    fileprivate init?(_ relayed: RelayedCodec, kind: MediaKind) {
        guard let codec = Codec(rawValue: relayed.name), let payloadType = UInt8(exactly: relayed.payloadType) else {
            return nil
        }
        self.init(
            payloadType: payloadType, codec: codec, clockRate: kind == .audio ? 48_000 : 90_000,
            supportsNACK: kind == .video, supportsPLI: kind == .video, supportsFIR: false,
            repairPayloadType: relayed.repairPayloadType.flatMap { UInt8(exactly: $0) }, fmtp: nil)
    }
}
