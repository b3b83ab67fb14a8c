import MediaSecurity

/// One RTP stream of a publication: its only one, or one of the sizes of a picture that are sent at once (RFC 8853). It has
/// what belongs to the stream: statistics, the cache, what is missing and the requests to the sender. Owned by its
/// publication.
final class Encoding {
    /// The name it has in SDP and in its packets (RFC 8851); `nil` for an only one.
    let streamID: String?
    /// 0 for the lowest.
    let index: Int
    unowned let publication: Publication
    /// The stream it arrives as; learned from SDP, from the packets' extensions, or from the payload type.
    private(set) var ssrc: UInt32?
    /// The stream in which its packets are sent again (RFC 4588).
    private(set) var repairSSRC: UInt32?
    let cache: PacketCache
    private(set) var meter = BitrateMeter()
    private(set) var layers = LayerMeters()
    /// What its packets say of their frames, of codecs that do not say it themselves.
    private var dependencies = DependencyReader()
    private var statistics: ReceptionStatistics
    private var losses = LossDetector()
    private var keyFrames = KeyFrameRequests()
    private var fullIntraNumber: UInt8 = 0
    /// The sender's clock and the stream's at one moment (RFC 3550 §6.4.1).
    private(set) var clock: (ntp: UInt64, timestamp: UInt32)?
    private var lastSenderReport: MediaTime?

    /// Whether it is one of several: then it comes and goes as its sender's bandwidth does.
    var isOneOfSeveral: Bool { publication.encodings.count > 1 }

    init(streamID: String?, index: Int, of count: Int, publication: Publication) {
        self.streamID = streamID
        self.index = index
        self.publication = publication
        // The lower ones have fewer packets a second.
        cache = PacketCache(packetCount: PacketCache.packetCount >> min(2, count - 1 - index))
        statistics = ReceptionStatistics(clockRate: publication.clockRate)
    }

    /// It arrives as this stream from now on: its numbers begin anew.
    func adopt(ssrc: UInt32, repairSSRC: UInt32? = nil) {
        guard self.ssrc != ssrc else {
            if let repairSSRC { self.repairSSRC = repairSSRC }
            return
        }
        self.ssrc = ssrc
        self.repairSSRC = repairSSRC
        statistics = ReceptionStatistics(clockRate: publication.clockRate)
        losses = LossDetector()
        layers = LayerMeters()
        dependencies = DependencyReader()
        clock = nil
        cache.removeAll()
        for subscription in publication.subscriptions { subscription.begin(anew: self) }
    }

    /// Its packets are sent again in this stream.
    func adopt(repairSSRC: UInt32) { self.repairSSRC = repairSSRC }

    // MARK: Packets

    /// Takes a packet of this stream into account. `nil` if it is not to be forwarded.
    /// - Parameter isRepaired: whether it came as a retransmission.
    func receive(
        _ header: RTPHeader, _ packet: UnsafeRawBufferPointer, isRepaired: Bool, now: MediaTime
    ) -> ForwardedPacket? {
        guard let codec = publication.use(payloadType: header.payloadType) else { return nil }
        var forwarded = ForwardedPacket()
        if isRepaired {
            forwarded.sequence = statistics.unwrap(header.sequenceNumber)
            // Senders repeat what nobody misses to probe the path.
            guard losses.isMissing(forwarded.sequence) else { return nil }
        } else {
            let last = statistics.receivedCount == 0 ? nil : statistics.highestSequence
            forwarded.sequence = statistics.receive(
                sequenceNumber: header.sequenceNumber, timestamp: header.timestamp, now: now)
            if let last, forwarded.sequence > last + 1 {
                publication.participant.noteLoss(of: Int(forwarded.sequence - last - 1), now: now)
            }
            // Sound is never repaired, and copies of a packet do not pass SRTP.
            guard publication.kind == .audio || losses.awaits(forwarded.sequence) else { return nil }
        }
        meter.receive(byteCount: packet.count, now: now)
        keyFrames.noteArrival()
        forwarded.timestamp = header.timestamp
        forwarded.hasMarker = header.hasMarker
        let descriptor = publication.readExtensions(header, packet, into: &forwarded)
        let payload = UnsafeRawBufferPointer(rebasing: packet[header.payloadRange])
        switch publication.kind {
        case .audio: publication.hear(forwarded, now: now)
        case .video:
            if codec.codec == .av1, let descriptor { readDependencies(of: &forwarded, packet[descriptor]) }
            receiveVideo(&forwarded, payload, codec.codec, now: now)
            if let layer = forwarded.layer { layers.receive(layer, byteCount: packet.count, now: now) }
        }
        return forwarded
    }

    private func receiveVideo(
        _ packet: inout ForwardedPacket, _ payload: UnsafeRawBufferPointer, _ codec: Codec, now: MediaTime
    ) {
        let bytes = payload.assumingMemoryBound(to: UInt8.self)
        switch codec {
        case .vp8:
            packet.isKeyFrame = KeyFrame.isVP8(bytes.span)
            if let descriptor = VP8Descriptor(bytes.span) {
                packet.picture = descriptor.numbers
                packet.countsPictures = true
                packet.layer = descriptor.layer(isKeyFrame: packet.isKeyFrame, hasMarker: packet.hasMarker)
            }
        case .vp9:
            if let descriptor = VP9Descriptor(bytes.span) {
                packet.isKeyFrame = descriptor.isKeyFrameStart
                packet.picture = descriptor.numbers
                packet.layer = descriptor.layer
            }
        case .av1: packet.isKeyFrame = KeyFrame.isAV1(bytes.span)
        case .h264, .h264Main, .h264High: packet.isKeyFrame = KeyFrame.isH264(bytes.span)
        case .opus, .red: break
        }
        if packet.isKeyFrame { keyFrames.received() }
        if !losses.receive(packet.sequence, now: now) { keyFrames.want() }
        // Padding to probe the path has no payload: it keeps its number, but is nothing to send again.
        if !payload.isEmpty { cache.store(packet, payload) }
    }

    /// Gives a packet from the cache to `body` that came before what it belongs behind; `false` if it is not there. One of AV1
    /// could not be read before the structure that it refers to.
    func withEarlyPacket(_ sequence: Int64, _ body: (ForwardedPacket) -> Void) -> Bool {
        cache.withPacket(sequence) { kept, _ in
            var packet = kept
            if packet.layer == nil, let bytes = packet.descriptor?.bytes { readDependencies(of: &packet, bytes[...]) }
            body(packet)
        }
    }

    private func readDependencies(of packet: inout ForwardedPacket, _ content: Slice<UnsafeRawBufferPointer>) {
        let bytes = UnsafeRawBufferPointer(rebasing: content).assumingMemoryBound(to: UInt8.self)
        guard bytes.count > 2 else { return }
        let descriptor = dependencies.read(bytes.span)
        packet.descriptor = ForwardedDescriptor(
            bytes: UnsafeRawBufferPointer(bytes), frameNumber: bytes.span.uint16(at: 1),
            activeTargets: descriptor?.activeTargets)
        guard let descriptor, let structure = dependencies.structure else { return }
        packet.layer = PacketLayer(descriptor, structure)
    }

    /// The decode targets of a packet that are sent, of those that its sender sends, up to these layers.
    func targets(upTo spatial: UInt8, _ temporal: UInt8, of active: ActiveTargets) -> UInt32 {
        // A packet that is sent again may be of an earlier structure.
        guard dependencies.structure?.targets.count == active.count else { return active.sent }
        return dependencies.targets(upTo: spatial, temporal) & active.sent
    }

    // MARK: Presence

    /// Whether it is being sent. An only one always is: what else is there to show?
    func isLive(now: MediaTime) -> Bool {
        guard isOneOfSeveral else { return true }
        return meter.lastArrival.map { now < $0 + BitrateMeter.silence } ?? false
    }

    /// Bits a second it has had of late, with headers.
    func bitrate(now: MediaTime) -> Int { meter.bitrate(now: now) }

    /// The ways to have it, by its layers: all of it, where it has but one. None while nobody knows what it takes.
    func choices(now: MediaTime) -> [LayerChoice] {
        let bitrate = bitrate(now: now)
        guard bitrate > 0, isLive(now: now), meter.isKnown(now: now) else { return [] }
        return layers.choices(now: now) ?? [LayerChoice(spatial: 0, temporal: 0, bitrate: bitrate)]
    }

    /// Up to which temporal layer a choice is: the highest that was seen stands for those that are yet to come.
    func temporal(of choice: LayerChoice) -> UInt8 {
        choice.temporal >= layers.highestTemporal ? .max : choice.temporal
    }

    /// What to add to a timestamp of this stream for that of the same moment in another: their clocks are one, but begin
    /// anywhere. `nil` until both were reported.
    func shift(to other: Encoding) -> UInt32? {
        guard let clock, let otherClock = other.clock else { return nil }
        let elapsed = Int64(bitPattern: clock.ntp &- otherClock.ntp)
        // In 2^-32 s, so that some seconds apart times the clock's rate would not fit.
        let ticks = Int64((Double(elapsed) / 4_294_967_296 * Double(publication.clockRate)).rounded())
        return otherClock.timestamp &+ UInt32(truncatingIfNeeded: ticks) &- clock.timestamp
    }

    // MARK: Feedback to the sender

    /// Whether it has something to ask for before the next round of reports.
    var isImpatient: Bool { ssrc != nil && (losses.isWaiting || keyFrames.isPending) }

    /// A picture that is off has no key frame to give; its first one when it is on again is one.
    func wantKeyFrame() {
        if publication.kind == .video, publication.isActive { keyFrames.want() }
    }

    func forgetRequests() { keyFrames.received() }

    /// Sender reports that come closer together are one: each is told to every subscriber.
    private static let senderReportInterval = Duration.milliseconds(200)

    /// The sender's clock, for its receiver report and for the reports of those that carry the stream. Answers whether the
    /// subscribers are to be told.
    func receiveSenderReport(ntp: UInt64, timestamp: UInt32, now: MediaTime) -> Bool {
        clock = (ntp, timestamp)
        if let lastSenderReport, now < lastSenderReport + Self.senderReportInterval { return false }
        lastSenderReport = now
        statistics.receiveSenderReport(ntp: ntp, now: now)
        return true
    }

    /// What is due to be asked of the sender: packets that are missing, a key frame. Answers how many it asked for.
    func writeRequests(
        from sender: UInt32, now: MediaTime, into writer: inout RTCPWriter, numbers: inout [UInt16]
    ) -> (packets: Int, keyFrames: Int) {
        guard let ssrc, let codec = publication.codec ?? publication.codecs.first else { return (0, 0) }
        numbers.removeAll(keepingCapacity: true)
        losses.due(now: now, into: &numbers)
        if !numbers.isEmpty, codec.supportsNACK { writer.nack(sender: sender, media: ssrc, sequenceNumbers: numbers) }
        let packets = codec.supportsNACK ? numbers.count : 0
        guard keyFrames.takeDue(now: now) else { return (packets, 0) }
        if codec.supportsPLI {
            writer.pictureLoss(sender: sender, media: ssrc)
        } else if codec.supportsFIR {
            fullIntraNumber &+= 1
            writer.fullIntra(sender: sender, media: ssrc, number: fullIntraNumber)
        } else {
            return (packets, 0)
        }
        return (packets, 1)
    }

    /// What has arrived of it.
    func reception(now: MediaTime) -> EncodingStatistics {
        EncodingStatistics(
            streamID: streamID, ssrc: ssrc, packets: Int(statistics.receivedCount), lost: Int(statistics.lostCount),
            jitterMilliseconds: statistics.jitterMilliseconds, bitsPerSecond: meter.bitrate(now: now))
    }

    func report(now: MediaTime) -> ReportBlock? { ssrc.flatMap { statistics.report(ssrc: $0, now: now) } }
}
