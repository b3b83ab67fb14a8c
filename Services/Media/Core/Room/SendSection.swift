import Contracts
import MediaSecurity

/// One section on which the node sends to a participant: its subscription to at most one publication at a time. The
/// stream keeps its SSRC for good and is re-pointed by rewriting, so that who is seen changes without SDP. Owned by its
/// participant.
final class SendSection {
    let mid: String
    let kind: MediaKind
    let ssrc: UInt32
    unowned let participant: Participant
    /// What it carries now.
    private(set) var publication: Publication?
    private let midBytes: [UInt8]
    /// Whether the last offer lets the node send here.
    private(set) var isUsable = true
    private var payloadTypes: [Codec: UInt8] = [:]
    private var clockRate: UInt32
    private var midID: UInt8 = 0
    private var audioLevelID: UInt8 = 0
    private var orientationID: UInt8 = 0
    private var rewriter: Rewriter
    /// Of the publication's present codec; `nil` if the participant cannot decode it.
    private var payloadType: UInt8?
    private var packetCount: UInt32 = 0
    private var byteCount: UInt32 = 0

    init(
        section: NegotiatedSection, kind: MediaKind, ssrc: UInt32, sequence: UInt16, timestamp: UInt32,
        participant: Participant
    ) {
        mid = section.mid
        midBytes = Array(section.mid.utf8)
        self.kind = kind
        self.ssrc = ssrc
        self.participant = participant
        clockRate = kind == .audio ? 48_000 : 90_000
        rewriter = Rewriter(sequence: sequence, timestamp: timestamp)
        update(section)
    }

    /// A later offer negotiated the section again. What changed makes the stream begin anew, because a packet that is sent
    /// again must be the same, byte for byte (RFC 3711 §3.3.1).
    func update(_ section: NegotiatedSection) {
        let (before, ids) = (payloadTypes, (midID, audioLevelID, orientationID))
        defer { if payloadTypes != before || (midID, audioLevelID, orientationID) != ids { restart() } }
        isUsable = section.role == .send
        payloadTypes = [:]
        for codec in section.codecs where payloadTypes[codec.codec] == nil {
            payloadTypes[codec.codec] = codec.payloadType
        }
        midID = section.extensions[.mid] ?? 0
        audioLevelID = section.extensions[.audioLevel] ?? 0
        orientationID = section.extensions[.videoOrientation] ?? 0
        choosePayloadType()
    }

    // MARK: Pointing

    /// Whether the participant can decode what the publication is, or may be, encoded with.
    func canCarry(_ publication: Publication) -> Bool {
        guard isUsable, publication.kind == kind else { return false }
        guard let codec = publication.codec ?? publication.codecs.first else { return false }
        return payloadTypes[codec.codec] != nil
    }

    func point(to next: Publication?) {
        guard publication !== next else { return }
        publication?.subscriptions.removeAll { $0 === self }
        publication = next
        next?.subscriptions.append(self)
        restart()
    }

    /// Forwards from the next packet, or key frame, that can begin.
    func restart() {
        rewriter.stop()
        choosePayloadType()
        if payloadType != nil { publication?.wantKeyFrame() }
    }

    private func choosePayloadType() {
        payloadType = (publication?.codec ?? publication?.codecs.first).flatMap { payloadTypes[$0.codec] }
    }

    // MARK: Forwarding

    /// Sends a packet of the publication to the participant.
    func forward(
        _ packet: ForwardedPacket, _ payload: UnsafeRawBufferPointer, into outbox: Outbox, now: MediaTime
    ) -> Bool {
        let transport = participant.transport
        guard let payloadType, let srtp = transport?.srtp, let destination = transport?.selected else { return false }
        if !rewriter.isStarted {
            guard kind == .audio || packet.isKeyFrame else {
                publication?.wantKeyFrame()
                return false
            }
            rewriter.start(
                sequence: packet.sequence, timestamp: packet.timestamp, clockRate: clockRate, now: now)
        }
        guard let sequence = rewriter.sequence(packet.sequence, timestamp: packet.timestamp, now: now) else {
            return false
        }
        packetCount &+= 1
        byteCount &+= UInt32(truncatingIfNeeded: payload.count)
        write(packet, payload, payloadType, sequence, srtp, to: destination, into: outbox)
        return true
    }

    /// Sends again what the participant did not get. The numbers are its own; answers how many were found.
    func retransmit(_ sequences: [UInt16], into outbox: Outbox, now: MediaTime) -> Int {
        let transport = participant.transport
        guard let publication, let payloadType, let srtp = transport?.srtp, let destination = transport?.selected else {
            return 0
        }
        var found = 0
        for sequence in sequences {
            guard let original = rewriter.original(of: sequence) else { continue }
            guard participant.takeRetransmission(now: now) else { break }
            let isFound = publication.cache.withPacket(original) { packet, payload in
                write(packet, payload, payloadType, sequence, srtp, to: destination, into: outbox)
            }
            if isFound { found += 1 }
        }
        return found
    }

    /// The packet as this participant negotiated it (RFC 3550 §5.1, extensions as RFC 8285 §4.2), encrypted.
    @inline(__always)
    private func write(
        _ packet: ForwardedPacket, _ payload: UnsafeRawBufferPointer, _ payloadType: UInt8, _ sequence: UInt16,
        _ srtp: SRTPSession, to destination: TransportAddress, into outbox: Outbox
    ) {
        outbox.append(to: destination) { place in
            guard payload.count + 64 + SRTPSession.trailingByteCount <= place.count else { return nil }
            place[1] = (packet.hasMarker ? 0x80 : 0) | payloadType
            place.storeBytes(of: sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
            place.storeBytes(of: rewriter.timestamp(packet.timestamp).bigEndian, toByteOffset: 4, as: UInt32.self)
            place.storeBytes(of: ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
            let headerByteCount = writeExtensions(of: packet, to: place)
            place[0] = headerByteCount > 12 ? 0x90 : 0x80
            UnsafeMutableRawBufferPointer(rebasing: place[headerByteCount...]).copyMemory(from: payload)
            return srtp.protectRTP(place, count: headerByteCount + payload.count)
        }
    }

    /// Writes the extensions behind the fixed header and answers where the payload begins.
    private func writeExtensions(of packet: ForwardedPacket, to place: UnsafeMutableRawBufferPointer) -> Int {
        var end = 16
        if midID != 0 {
            place[end] = midID << 4 | UInt8(midBytes.count - 1)
            end += 1
            for byte in midBytes {
                place[end] = byte
                end += 1
            }
        }
        if audioLevelID != 0, let level = packet.audioLevel {
            place[end] = audioLevelID << 4
            place[end + 1] = level
            end += 2
        }
        if orientationID != 0, let orientation = packet.videoOrientation {
            place[end] = orientationID << 4
            place[end + 1] = orientation
            end += 2
        }
        guard end > 16 else { return 12 }
        while end & 3 != 0 {
            place[end] = 0
            end += 1
        }
        place.storeBytes(of: UInt16(0xBEDE).bigEndian, toByteOffset: 12, as: UInt16.self)
        place.storeBytes(of: UInt16((end - 16) / 4).bigEndian, toByteOffset: 14, as: UInt16.self)
        return end
    }

    // MARK: Reports

    /// Tells the participant the publication's clock, as its own sender report (RFC 3550 §6.4.1).
    func writeSenderReport(ntp: UInt64, timestamp: UInt32, into writer: inout RTCPWriter) -> Bool {
        guard rewriter.isStarted else { return false }
        writer.senderReport(
            ssrc: ssrc, ntp: ntp, rtpTimestamp: rewriter.timestamp(timestamp), packetCount: packetCount,
            byteCount: byteCount, reports: [])
        writer.sourceDescription(ssrc: ssrc, cname: participant.cname)
        return true
    }
}
