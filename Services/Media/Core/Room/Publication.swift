import Contracts
import MediaSecurity

/// What one participant sends on one section: a microphone, a camera, a screen. It has the statistics, the cache and the
/// requests to the sender; its subscriptions are the send sections that carry it to the others. Owned by its participant.
final class Publication {
    let mid: String
    let source: CallSource
    let kind: MediaKind
    unowned let participant: Participant
    /// On, as its sender says: a muted microphone sends nothing worth hearing.
    var isActive: Bool {
        didSet { if !isActive { keyFrames.received() } }
    }
    /// Whether a moderator turned it off; then nothing of it is forwarded.
    var mute = ModeratorMute.none
    private(set) var codecs: [NegotiatedCodec]
    private var extensionIDs: [HeaderExtension: UInt8]
    /// The stream it arrives as; learned from SDP, from the packets' MID, or from the payload type.
    private(set) var ssrc: UInt32?
    /// What it is encoded with now.
    private(set) var codec: NegotiatedCodec?
    var subscriptions: [SendSection] = []
    let cache = PacketCache()
    private(set) var speaker = SpeakerDetector()
    private var statistics: ReceptionStatistics
    private var losses = LossDetector()
    private var keyFrames = KeyFrameRequests()

    init(section: NegotiatedSection, kind: MediaKind, source: CallSource, isActive: Bool, participant: Participant) {
        mid = section.mid
        self.source = source
        self.kind = kind
        self.isActive = isActive
        self.participant = participant
        codecs = section.codecs
        extensionIDs = section.extensions
        ssrc = section.remoteSSRCs.first
        statistics = ReceptionStatistics(clockRate: section.codecs.first?.clockRate ?? 90_000)
    }

    /// A later offer negotiated the section again.
    func update(_ section: NegotiatedSection) {
        codecs = section.codecs
        extensionIDs = section.extensions
        if let announced = section.remoteSSRCs.first, announced != ssrc { adopt(ssrc: announced) }
    }

    /// It arrives as this stream from now on: its numbers begin anew.
    func adopt(ssrc: UInt32) {
        guard self.ssrc != ssrc else { return }
        self.ssrc = ssrc
        statistics = ReceptionStatistics(clockRate: codecs.first?.clockRate ?? 90_000)
        losses = LossDetector()
        cache.removeAll()
        for subscription in subscriptions { subscription.restart() }
    }

    func carries(payloadType: UInt8) -> Bool { codecs.contains { $0.payloadType == payloadType } }

    // MARK: Packets

    /// Takes a packet of this publication into account. `nil` if it is not to be forwarded.
    func receive(_ header: RTPHeader, _ packet: UnsafeRawBufferPointer, now: MediaTime) -> ForwardedPacket? {
        guard let codec = codecs.first(where: { $0.payloadType == header.payloadType }) else { return nil }
        if self.codec != codec {
            self.codec = codec
            for subscription in subscriptions { subscription.restart() }
        }
        var forwarded = ForwardedPacket()
        forwarded.sequence = statistics.receive(
            sequenceNumber: header.sequenceNumber, timestamp: header.timestamp, now: now)
        forwarded.timestamp = header.timestamp
        forwarded.hasMarker = header.hasMarker
        readExtensions(header, packet, into: &forwarded)
        let payload = UnsafeRawBufferPointer(rebasing: packet[header.payloadRange])
        switch kind {
        case .audio:
            if let byte = forwarded.audioLevel, isActive { speaker.receive(AudioLevel(byte: byte), now: now) }
        case .video:
            forwarded.isKeyFrame = isKeyFrame(payload, codec.codec)
            if forwarded.isKeyFrame { keyFrames.received() }
            if !losses.receive(forwarded.sequence, now: now) { keyFrames.want() }
            // Padding to probe the path has no payload: it keeps its number, but is nothing to send again.
            if !payload.isEmpty { cache.store(forwarded, payload) }
        }
        return forwarded
    }

    private func isKeyFrame(_ payload: UnsafeRawBufferPointer, _ codec: Codec) -> Bool {
        let bytes = payload.assumingMemoryBound(to: UInt8.self)
        switch codec {
        case .vp8: return KeyFrame.isVP8(bytes.span)
        case .h264: return KeyFrame.isH264(bytes.span)
        case .opus: return false
        }
    }

    private func readExtensions(
        _ header: RTPHeader, _ packet: UnsafeRawBufferPointer, into forwarded: inout ForwardedPacket
    ) {
        guard !header.extensionRange.isEmpty else { return }
        let audioLevelID = extensionIDs[.audioLevel] ?? 0
        let orientationID = extensionIDs[.videoOrientation] ?? 0
        var audioLevel: UInt8?
        var orientation: UInt8?
        _ = header.forEachExtension(in: packet.assumingMemoryBound(to: UInt8.self).span) { id, content in
            guard content.count == 1 else { return }
            if id == audioLevelID { audioLevel = packet[content.lowerBound] }
            if id == orientationID { orientation = packet[content.lowerBound] }
        }
        forwarded.audioLevel = audioLevel
        forwarded.videoOrientation = orientation
    }

    // MARK: Feedback to the sender

    /// Whether it has something to ask for before the next round of reports.
    var isImpatient: Bool { losses.isWaiting || keyFrames.isWanted }

    /// A picture that is off has no key frame to give; its first one when it is on again is one.
    func wantKeyFrame() {
        if kind == .video, isActive { keyFrames.want() }
    }

    /// Sender reports that come closer together are one: each is told to every subscriber.
    private static let senderReportInterval = Duration.milliseconds(200)
    private var lastSenderReport: MediaTime?

    /// The sender's clock, for its receiver report and for the reports of those that carry the publication. Answers
    /// whether the subscribers are to be told.
    func receiveSenderReport(ntp: UInt64, now: MediaTime) -> Bool {
        if let lastSenderReport, now < lastSenderReport + Self.senderReportInterval { return false }
        lastSenderReport = now
        statistics.receiveSenderReport(ntp: ntp, now: now)
        return true
    }

    /// What is due to be asked of the sender: packets that are missing, a key frame.
    func writeRequests(from sender: UInt32, now: MediaTime, into writer: inout RTCPWriter, numbers: inout [UInt16]) {
        guard let ssrc, let codec = codec ?? codecs.first else { return }
        numbers.removeAll(keepingCapacity: true)
        losses.due(now: now, into: &numbers)
        if !numbers.isEmpty, codec.supportsNACK { writer.nack(sender: sender, media: ssrc, sequenceNumbers: numbers) }
        guard keyFrames.takeDue(now: now) else { return }
        if codec.supportsPLI {
            writer.pictureLoss(sender: sender, media: ssrc)
        } else if codec.supportsFIR {
            fullIntraNumber &+= 1
            writer.fullIntra(sender: sender, media: ssrc, number: fullIntraNumber)
        }
    }
    private var fullIntraNumber: UInt8 = 0

    func report(now: MediaTime) -> ReportBlock? { ssrc.flatMap { statistics.report(ssrc: $0, now: now) } }
}
