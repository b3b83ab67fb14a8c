import Contracts
import MediaSecurity

/// What one participant sends on one section: a microphone, a camera, a screen. It arrives as one stream or, a picture, in
/// several sizes at once; its subscriptions are the send sections that carry it to the others. Owned by its participant.
final class Publication {
    let mid: String
    let source: CallSource
    let kind: MediaKind
    unowned let participant: Participant
    /// On, as its sender says: a muted microphone sends nothing worth hearing.
    var isWanted: Bool
    /// Whether its sender may send it; if not, nothing of it is forwarded.
    var isAllowed: Bool
    private(set) var codecs: [NegotiatedCodec]
    private var extensionIDs: [HeaderExtension: UInt8]
    /// The lowest first; never empty.
    private(set) var encodings: [Encoding] = []
    /// What it is encoded with now.
    private(set) var codec: NegotiatedCodec?
    var subscriptions: [SendSection] = []
    var speaker = SpeakerDetector()
    /// Whether it is one of those that have a section with everybody. Audio only.
    var isHeard = false
    /// How many of the encodings are wanted, from the lowest on, and since when fewer would do.
    var wantedCount = SDPLimits.encodingCount
    var unwantedSince: MediaTime?
    /// What it may send.
    var limit: IncomingLimit
    /// Where it stands in the recording of its room; `nil` while it has no track there.
    var recordingPlace: RecordingTap.Place?

    init(section: NegotiatedSection, kind: MediaKind, source: CallSource, isActive: Bool, participant: Participant) {
        mid = section.mid
        self.source = source
        self.kind = kind
        isWanted = isActive
        limit = IncomingLimit(bitrate: kind == .audio ? IncomingLimit.audio : IncomingLimit.video)
        isAllowed = participant.rights.maySend(source)
        self.participant = participant
        codecs = section.codecs
        extensionIDs = section.extensions
        makeEncodings(section)
    }

    /// A later offer negotiated the section again.
    func update(_ section: NegotiatedSection) {
        codecs = section.codecs
        extensionIDs = section.extensions
        let names = section.streamIDs.isEmpty ? [nil] : section.streamIDs.map(Optional.some)
        guard names == encodings.map(\.streamID) else {
            makeEncodings(section)
            for subscription in subscriptions {
                subscription.select(encodings[0])
                subscription.restart()
            }
            return
        }
        takeSources(section)
    }

    private func makeEncodings(_ section: NegotiatedSection) {
        let names = section.streamIDs.isEmpty ? [nil] : section.streamIDs.map(Optional.some)
        encodings = names.enumerated().map { index, name in
            Encoding(streamID: name, index: index, of: names.count, publication: self)
        }
        takeSources(section)
    }

    /// Streams that SDP names; those of several encodings name themselves in their packets.
    private func takeSources(_ section: NegotiatedSection) {
        guard encodings.count == 1, encodings[0].streamID == nil, let ssrc = section.remoteSSRCs.first else { return }
        encodings[0].adopt(ssrc: ssrc, repairSSRC: section.remoteRepairs[ssrc])
    }

    /// Ticks of timestamps a second.
    var clockRate: UInt32 { codecs.first?.clockRate ?? 90_000 }

    func carries(payloadType: UInt8) -> Bool {
        codecs.contains { $0.payloadType == payloadType || $0.repairPayloadType == payloadType }
    }

    /// The payload type of packets that those with this one repeat; `nil` if they repeat none.
    func repeated(by payloadType: UInt8) -> UInt8? {
        codecs.first { $0.repairPayloadType == payloadType }?.payloadType
    }

    // MARK: Packets

    /// The codec of a packet; `nil` if it was not agreed on.
    func use(payloadType: UInt8) -> NegotiatedCodec? {
        guard let codec = codecs.first(where: { $0.payloadType == payloadType }) else { return nil }
        if self.codec != codec {
            self.codec = codec
            for subscription in subscriptions { subscription.restart() }
        }
        return codec
    }

    /// Whether its packets tell how loud they are.
    var tellsLevels: Bool { extensionIDs[.audioLevel] != nil }

    func hear(_ packet: ForwardedPacket, now: MediaTime) {
        if let byte = packet.audioLevel, isActive { speaker.receive(AudioLevel(byte: byte), now: now) }
    }

    /// Answers where its dependency descriptor is in the packet, if it has one.
    func readExtensions(
        _ header: RTPHeader, _ packet: UnsafeRawBufferPointer, into forwarded: inout ForwardedPacket
    ) -> Range<Int>? {
        guard !header.extensionRange.isEmpty else { return nil }
        let audioLevelID = extensionIDs[.audioLevel] ?? 0
        let orientationID = extensionIDs[.videoOrientation] ?? 0
        let descriptorID = extensionIDs[.dependencyDescriptor] ?? 0
        var audioLevel: UInt8?
        var orientation: UInt8?
        var descriptor: Range<Int>?
        _ = header.forEachExtension(in: packet.assumingMemoryBound(to: UInt8.self).span) { id, content in
            if id == descriptorID { descriptor = content }
            guard content.count == 1 else { return }
            if id == audioLevelID { audioLevel = packet[content.lowerBound] }
            if id == orientationID { orientation = packet[content.lowerBound] }
        }
        forwarded.audioLevel = audioLevel
        forwarded.videoOrientation = orientation
        return descriptor
    }

    // MARK: Encodings

    /// In how many sizes it is sent: encodings, or spatial layers of an only one.
    var sizeCount: Int { encodings.count > 1 ? encodings.count : encodings[0].layers.spatialCount }

    /// The ways to have it, with its size in place of the encoding.
    func choices(now: MediaTime) -> [LayerChoice] {
        guard encodings.count > 1 else { return encodings[0].choices(now: now) }
        return encodings.flatMap { encoding in
            encoding.choices(now: now).filter { $0.spatial == 0 }.map {
                LayerChoice(spatial: UInt8(encoding.index), temporal: $0.temporal, bitrate: $0.bitrate)
            }
        }
    }

    /// The one to show: the highest that is being sent and is not above `limit`; if none is, the lowest that is sent, or
    /// else the lowest there is.
    func encoding(atMost limit: Int, now: MediaTime) -> Encoding {
        let live = encodings.filter { $0.isLive(now: now) }
        return live.last { $0.index <= limit } ?? live.first ?? encodings[0]
    }

    /// Whether it has something to ask for before the next round of reports.
    var isImpatient: Bool { encodings.contains { $0.isImpatient } }
}
