import Contracts
import MediaSecurity

/// One section on which the node sends to a participant: its subscription to at most one publication at a time, in one of
/// the encodings that this has. The stream keeps its SSRC for good and is re-pointed by rewriting, so that who is seen, and
/// how large, changes without SDP. Owned by its peer.
final class SendSection {
    let mid: String
    let kind: MediaKind
    let ssrc: UInt32
    /// Under which packets are sent again, where the participant takes that (RFC 4588).
    let repairSSRC: UInt32
    unowned let peer: Peer
    /// What it carries now.
    private(set) var publication: Publication?
    /// The encoding that is forwarded; `nil` before its first packet and while there is nothing to forward.
    private(set) var encoding: Encoding?
    /// The encoding that is forwarded from its next key frame on; until then the former one is. `nil` for none.
    private(set) var target: Encoding?
    /// Up to which of its layers that is.
    private(set) var layerTarget = SendSection.lowest
    private var layersAskedAt: MediaTime?
    let midBytes: [UInt8]
    /// Whether the last offer lets the node send here.
    private(set) var isUsable = true
    private var payloadTypes: [Codec: UInt8] = [:]
    private var repairPayloadTypes: [Codec: UInt8] = [:]
    private var clockRate: UInt32
    private(set) var extensionIDs = ExtensionIDs()
    /// What was sent since the last change of the encoding, and before it.
    private(set) var stretch: Stretch
    private var former: (encoding: Encoding, stretch: Stretch)?
    /// Of the publication's present codec; `nil` if the participant cannot decode it.
    private(set) var payloadType: UInt8?
    /// With which packets of that codec are sent again; `nil` if as they were.
    private(set) var repairPayloadType: UInt8?
    private var redundancy = Redundancy.none
    private var repairSequence: UInt16
    private(set) var packetCount: UInt32 = 0
    /// ``packetCount`` when the participant last reported on this stream.
    private var reportedCount: UInt32 = 0
    /// Of payloads, retransmissions not counted.
    private(set) var sentByteCount = 0

    /// The numbers of one encoding as they are sent: unchanging from its first packet on, so that what is asked for again is
    /// found, and the same.
    struct Stretch {
        var rewriter: Rewriter
        var pictures = PictureRewriter()
        var frames = FrameNumberRewriter()
        var filter = LayerFilter()
        /// Whether decode targets were left out and told so: what is told holds until something else is.
        var tellsTargets = false
        /// Before the rewriter, which knows of nothing that was left out.
        var thinned = ThinnedSequence()

        func original(of sequence: UInt16) -> ThinnedSequence.Origin? {
            rewriter.original(of: sequence).flatMap { thinned.original(of: $0) }
        }

        /// The incoming number whose place is kept open under an outgoing one.
        func awaited(under sequence: UInt16) -> Int64? {
            rewriter.original(of: sequence).flatMap { thinned.awaited(under: $0) }
        }

        /// The decode targets that are sent with a packet; `nil` where they are those of its sender, and were always. With
        /// a picture that refers to no earlier one the layers above begin that are yet to come; a packet that is sent again
        /// may be of one that is no longer sent.
        func targets(of packet: ForwardedPacket, of source: Encoding, upTo target: LayerFilter.Target) -> UInt32? {
            guard let layer = packet.layer, let active = packet.descriptor?.activeTargets else { return nil }
            let spatial = layer.isIndependent ? max(filter.spatial, target.spatial) : filter.spatial
            let sent = source.targets(
                upTo: max(spatial, layer.spatial), max(filter.temporal, layer.temporal), of: active)
            return tellsTargets || sent != active.sent ? sent : nil
        }
    }

    /// What becomes of sound that comes with copies (RFC 2198).
    private enum Redundancy {
        /// It has none.
        case none
        /// The participant takes them, under its own payload type of Opus.
        case named(UInt8)
        /// The participant gets the sound alone.
        case unpacked
    }

    /// The ids of header extensions as this participant negotiated them; 0 for none.
    struct ExtensionIDs: Equatable {
        var mid: UInt8 = 0
        var audioLevel: UInt8 = 0
        var orientation: UInt8 = 0
        var transportSequence: UInt8 = 0
        var descriptor: UInt8 = 0
    }

    init(
        section: NegotiatedSection, kind: MediaKind, ssrcs: (media: UInt32, repair: UInt32), sequence: UInt16,
        timestamp: UInt32, peer: Peer
    ) {
        mid = section.mid
        midBytes = Array(section.mid.utf8)
        self.kind = kind
        ssrc = ssrcs.media
        repairSSRC = ssrcs.repair
        self.peer = peer
        clockRate = kind == .audio ? 48_000 : 90_000
        stretch = Stretch(rewriter: Rewriter(sequence: sequence, timestamp: timestamp))
        // Anywhere in the lower half, as that of the media.
        repairSequence = sequence ^ 0x2A55
        update(section)
    }

    /// A later offer negotiated the section again. What changed makes the stream begin anew, because a packet that is sent
    /// again must be the same, byte for byte (RFC 3711 §3.3.1).
    func update(_ section: NegotiatedSection) {
        let before = (payloadTypes, repairPayloadTypes, extensionIDs)
        defer { if (payloadTypes, repairPayloadTypes, extensionIDs) != before { restart() } }
        isUsable = section.role == .send
        payloadTypes = [:]
        repairPayloadTypes = [:]
        for codec in section.codecs where payloadTypes[codec.codec] == nil {
            payloadTypes[codec.codec] = codec.payloadType
            if kind == .video { repairPayloadTypes[codec.codec] = codec.repairPayloadType }
        }
        extensionIDs = ExtensionIDs(
            mid: section.extensions[.mid] ?? 0, audioLevel: section.extensions[.audioLevel] ?? 0,
            orientation: section.extensions[.videoOrientation] ?? 0,
            transportSequence: section.transportSequenceID,
            descriptor: section.extensions[.dependencyDescriptor] ?? 0)
        choosePayloadType()
    }

    /// Whether packets carry their number among all of the transport. Only where no packet is ever sent twice: the number of
    /// a second time would be another, and a packet that changes under one number of SRTP gives its key away
    /// (RFC 7714 §8.4).
    var numbersPackets: Bool {
        extensionIDs.transportSequence != 0 && (kind == .audio || repairPayloadType != nil)
    }

    /// Whether packets tell which decode targets are sent. For the same reason: they may be others the second time.
    private var tellsTargets: Bool { extensionIDs.descriptor != 0 && repairPayloadType != nil }

    /// What the participant decodes here.
    var codecs: Set<Codec> { Set(payloadTypes.keys) }
    /// Whether it can carry each of these.
    func hasAll(of codecs: Set<Codec>) -> Bool { codecs.allSatisfy { payloadTypes[$0] != nil } }

    /// Whether the participant takes retransmissions in a stream of their own, of any codec.
    var hasRepair: Bool { !repairPayloadTypes.isEmpty }

    // MARK: Pointing

    /// Whether the participant can decode what the publication is, or may be, encoded with.
    func canCarry(_ publication: Publication) -> Bool {
        guard isUsable, publication.kind == kind else { return false }
        guard let codec = publication.codec ?? publication.codecs.first else { return false }
        return payloadTypes[codec.codec] != nil || codec.codec == .red && payloadTypes[.opus] != nil
    }

    func point(to next: Publication?) {
        guard publication !== next else { return }
        publication?.subscriptions.removeAll { $0 === self }
        publication = next
        next?.subscriptions.append(self)
        // The lowest is there soonest, and fits everybody.
        target = next?.encodings.first
        layerTarget = Self.lowest
        restart()
    }

    private static let lowest = LayerFilter.Target(spatial: 0, temporal: .max)
    /// A key frame for a layer that did not come with the last one is asked for no sooner.
    private static let layerPatience = Duration.seconds(2)

    /// Forwards this encoding of the publication from its next key frame on, and until then what it forwards now. With `nil`
    /// nothing is forwarded from now on.
    /// - Parameter layers: up to which layers of it, as soon as one can go over to them; `nil` if as before.
    func select(_ next: Encoding?, _ layers: LayerFilter.Target? = nil) {
        if let layers { layerTarget = layers }
        guard next !== target else { return }
        target = next
        if let next {
            if next !== encoding, payloadType != nil { next.wantKeyFrame() }
        } else {
            stop()
        }
    }

    /// Asks for the key frame that spatial layers begin with, if it is to get more of them than it does.
    func askForLayers(now: MediaTime) {
        guard let encoding, encoding === target, layerTarget.spatial > stretch.filter.spatial,
            layersAskedAt.map({ now >= $0 + Self.layerPatience }) ?? true
        else { return }
        layersAskedAt = now
        encoding.wantKeyFrame()
    }

    func uses(_ encoding: Encoding) -> Bool { self.encoding === encoding || target === encoding }

    /// The numbers of an encoding begin anew: what was sent of it is not found under them any more.
    func begin(anew encoding: Encoding) {
        if uses(encoding) {
            restart()
        } else if former?.encoding === encoding {
            former = nil
        }
    }

    /// Forwards from the next packet, or key frame, that can begin.
    func restart() {
        stop()
        former = nil
        choosePayloadType()
        if payloadType != nil { target?.wantKeyFrame() }
    }

    private func stop() {
        if let encoding { former = (encoding, stretch) }
        encoding = nil
        stretch.rewriter.stop()
    }

    private func choosePayloadType() {
        let codec = (publication?.codec ?? publication?.codecs.first)?.codec
        payloadType = codec.flatMap { payloadTypes[$0] }
        redundancy = .none
        if codec == .red, let opus = payloadTypes[.opus] {
            redundancy = payloadType == nil ? .unpacked : .named(opus)
            payloadType = payloadType ?? opus
        }
        repairPayloadType = codec.flatMap { repairPayloadTypes[$0] }
    }

    // MARK: Forwarding

    /// Sends a packet of one of the publication's encodings to the participant, if it is that which it gets.
    func forward(
        _ packet: ForwardedPacket, of source: Encoding, _ payload: UnsafeRawBufferPointer, into outbox: Outbox,
        now: MediaTime
    ) -> Bool {
        guard source === encoding || source === target else { return false }
        guard let payloadType, let srtp = peer.srtp, let destination = peer.destination else { return false }
        if source !== encoding, !begin(source, with: packet, now: now) { return false }
        var (outgoing, content, isMarked) = (packet, payload, false)
        if case .unpacked = redundancy {
            guard let primary = RedundantAudio.primary(in: payload.assumingMemoryBound(to: UInt8.self).span) else {
                return false
            }
            content = UnsafeRawBufferPointer(rebasing: payload[primary])
        }
        switch thin(packet, &isMarked) {
        case .whole(let number): outgoing.sequence = number
        case .empty(let number):
            outgoing = packet.emptied(number)
            content = UnsafeRawBufferPointer(rebasing: payload[..<0])
        case .nothing: return false
        }
        if stretch.rewriter.isLeap(to: outgoing.sequence) {
            restart()
            // It begins with this packet, if that can be; then it is no leap.
            return forward(packet, of: source, payload, into: outbox, now: now)
        }
        guard let sequence = stretch.rewriter.sequence(outgoing.sequence, timestamp: packet.timestamp, now: now)
        else { return false }
        if let picture = outgoing.picture { stretch.pictures.note(picture) }
        if let descriptor = outgoing.descriptor { stretch.frames.note(descriptor.frameNumber) }
        packetCount &+= 1
        sentByteCount += content.count
        var numbers = OutgoingNumbers(ssrc: ssrc, payloadType: payloadType, sequence: sequence)
        numbers.take(outgoing, stretch, isMarked: isMarked)
        if tellsTargets, let targets = stretch.targets(of: outgoing, of: source, upTo: layerTarget) {
            stretch.tellsTargets = true
            numbers.targets = targets
        }
        if case .named(let opus) = redundancy { numbers.copiedPayloadType = opus }
        let kept = content.isEmpty ? nil : packet.sequence
        let byteCount = content.count + (outgoing.descriptor?.bytes.count ?? 0)
        if keepsBack(kept, in: source.cache, byteCount: byteCount, numbers, into: outbox, now: now) { return true }
        write(outgoing, content, numbers, srtp, to: destination, into: outbox, now: now)
        return true
    }

    /// What becomes of a packet of the encoding that is forwarded, by its layers.
    @inline(__always)
    private func thin(_ packet: ForwardedPacket, _ isMarked: inout Bool) -> ThinnedSequence.Outcome {
        guard let layer = packet.layer else { return stretch.thinned.take(packet.sequence, isWanted: true) }
        let isWanted = stretch.filter.takes(layer, layerTarget, of: packet.timestamp)
        isMarked = isWanted && !packet.hasMarker && stretch.filter.endsPicture(layer, layerTarget)
        // Only VP8 counts pictures of all layers in one row and waits where one is missing.
        if !isWanted, packet.countsPictures, let picture = packet.picture { stretch.pictures.skip(picture) }
        return stretch.thinned.take(packet.sequence, isWanted: isWanted, isMarked: isMarked)
    }

    /// Goes over to another encoding with this packet, if that can be decoded without what was before.
    private func begin(_ next: Encoding, with packet: ForwardedPacket, now: MediaTime) -> Bool {
        guard kind == .audio || packet.isKeyFrame else {
            next.wantKeyFrame()
            return false
        }
        var shift: UInt32?
        if let encoding {
            former = (encoding, stretch)
            shift = next.shift(to: encoding)
        }
        stretch.rewriter.start(
            sequence: packet.sequence, timestamp: packet.timestamp, clockRate: clockRate, shift: shift, now: now)
        if let picture = packet.picture { stretch.pictures.start(picture) }
        if let descriptor = packet.descriptor { stretch.frames.start(descriptor.frameNumber) }
        stretch.tellsTargets = false
        stretch.filter = LayerFilter(layerTarget)
        stretch.thinned = ThinnedSequence()
        encoding = next
        return true
    }

    /// Sends again what the participant did not get. The numbers are its own; answers how many were found.
    func retransmit(_ sequences: ArraySlice<UInt16>, into outbox: Outbox, now: MediaTime) -> Int {
        guard let payloadType, let srtp = peer.srtp, let destination = peer.destination else { return 0 }
        var found = 0
        for sequence in sequences {
            // Looking for what is not there costs too.
            guard peer.takeRetransmission(now: now) else { break }
            guard let (source, stretch, original) = origin(of: sequence) ?? earlyOrigin(of: sequence) else { continue }
            // What has to wait is asked for again, or is too late.
            if numbersPackets, peer.congestion.wait(for: .retransmission, now: now) > .zero { break }
            let isFound = source.cache.withPacket(original.sequence) { kept, bytes in
                let packet = original.isEmpty ? kept.emptied(original.sequence) : kept
                let payload = original.isEmpty ? UnsafeRawBufferPointer(rebasing: bytes[..<0]) : bytes
                var numbers = OutgoingNumbers(ssrc: ssrc, payloadType: payloadType, sequence: sequence)
                if let repairPayloadType {
                    numbers = OutgoingNumbers(
                        ssrc: repairSSRC, payloadType: repairPayloadType, sequence: nextRepairSequence(),
                        repeated: sequence)
                }
                numbers.take(packet, stretch, isMarked: original.isMarked)
                if tellsTargets { numbers.targets = stretch.targets(of: packet, of: source, upTo: layerTarget) }
                write(packet, payload, numbers, srtp, to: destination, into: outbox, now: now)
            }
            if isFound { found += 1 }
        }
        return found
    }

    /// What was sent under this number: since the last change of the encoding, or shortly before it.
    private func origin(of sequence: UInt16) -> (Encoding, Stretch, ThinnedSequence.Origin)? {
        if let encoding, let original = stretch.original(of: sequence) { return (encoding, stretch, original) }
        guard let (encoding, stretch) = former, let original = stretch.original(of: sequence) else { return nil }
        return (encoding, stretch, original)
    }

    /// What comes before the packet that a key frame begins with, though it belongs behind it, cannot be sent yet and lies in
    /// the cache. What becomes of it by its layers is decided when it is missed.
    private func earlyOrigin(of sequence: UInt16) -> (Encoding, Stretch, ThinnedSequence.Origin)? {
        guard let encoding, let early = stretch.awaited(under: sequence) else { return nil }
        let isFound = encoding.withEarlyPacket(early) { packet in
            var isMarked = false
            if case .whole = thin(packet, &isMarked), let picture = packet.picture { stretch.pictures.note(picture) }
        }
        return isFound ? stretch.original(of: sequence).map { (encoding, stretch, $0) } : nil
    }

    func nextRepairSequence() -> UInt16 {
        repairSequence &+= 1
        return repairSequence
    }

    // MARK: Reports

    /// How many packets the report that has just come is about.
    func takeReportedCount() -> Int {
        defer { reportedCount = packetCount }
        return Int(packetCount &- reportedCount)
    }

    /// Tells the participant the clock of the encoding that it gets, as its own sender report (RFC 3550 §6.4.1).
    func writeSenderReport(of source: Encoding, ntp: UInt64, timestamp: UInt32, into writer: inout RTCPWriter) -> Bool {
        guard source === encoding else { return false }
        writer.senderReport(
            ssrc: ssrc, ntp: ntp, rtpTimestamp: stretch.rewriter.timestamp(timestamp), packetCount: packetCount,
            byteCount: UInt32(truncatingIfNeeded: sentByteCount), reports: [])
        writer.sourceDescription(ssrc: ssrc, cname: peer.cname)
        return true
    }
}
