package import Contracts
import MediaCore
import MediaSecurity

/// What a peer publishes on one section: it numbers, packs and remembers.
package struct PublishedTrack {
    /// Packets that can be sent again.
    package static let historyCount = 512
    /// Bytes of a payload at most, its descriptor included.
    package static let payloadByteCount = 1150

    package let mid: String
    package let source: CallSource
    package let ssrc: UInt32
    package let repairSSRC: UInt32?
    /// The name of the encoding (RFC 8851), one of several.
    package let streamID: String?
    package private(set) var packetCount = 0
    /// Of payloads, retransmissions not counted.
    package private(set) var byteCount = 0
    package private(set) var frameCount: UInt32 = 0
    /// PLI and FIR.
    package private(set) var keyFrameRequestsReceived = 0
    /// Sequence numbers that were asked for again, and those of them that were sent again.
    package private(set) var nacksReceived = 0
    package private(set) var nacksAnswered = 0
    /// Reports of the node about this track.
    package private(set) var reportsReceived = 0
    /// A key frame was asked for since the last one was sent.
    package private(set) var isKeyFrameWanted = false
    /// What the last report of the node about this track said of loss, in 1/256.
    package private(set) var fractionLost: UInt8?

    private(set) var codec: PeerFormats.Codec?
    private var extensions: [String: UInt8] = [:]
    private var repairPayloadType: UInt8?
    /// Of Opus, which sound with copies is encoded with, and the last packet of it.
    private var soundPayloadType: UInt8 = 0
    private var lastSound: [UInt8] = []
    private var sequence: UInt16
    private var repairSequence: UInt16
    private let firstTimestamp: UInt32
    private(set) var pictureID: UInt16
    private var history = [[UInt8]](repeating: [], count: historyCount)

    init(_ mid: String, _ identity: PeerTrackIdentity, random: inout SplitMix64) {
        self.mid = mid
        source = identity.source
        ssrc = identity.ssrc
        repairSSRC = identity.repairSSRC
        streamID = identity.streamID
        sequence = .random(in: 0 ... .max, using: &random)
        repairSequence = sequence &+ 0x1234
        firstTimestamp = .random(in: 0 ... .max, using: &random)
        pictureID = .random(in: 0..<0x8000, using: &random)
    }

    var clockRate: Int64 { source.isVideo ? 90_000 : 48_000 }

    /// What the answer allows: `codec` is `nil` when the section is not received from.
    mutating func negotiate(
        codec: PeerFormats.Codec?, sound: UInt8?, repair: UInt8?, extensions: [String: UInt8]
    ) {
        self.codec = codec
        soundPayloadType = sound ?? 0
        repairPayloadType = repair
        self.extensions = extensions
    }

    func timestamp(at now: MediaTime) -> UInt32 {
        // In microseconds, so that a process may run for years.
        firstTimestamp &+ UInt32(truncatingIfNeeded: now.nanoseconds / 1000 * clockRate / 1_000_000)
    }

    // MARK: Packets

    /// One copy, of the sound 20 ms earlier, if there is one (RFC 2198 §3).
    private var redundancyHeader: [UInt8] {
        guard !lastSound.isEmpty else { return [soundPayloadType] }
        let fields = 960 << 10 | lastSound.count
        return [0x80 | soundPayloadType, UInt8(fields >> 16), UInt8(fields >> 8 & 0xFF), UInt8(fields & 0xFF)]
            + [soundPayloadType]
    }

    /// One packet of sound: a byte that looks like Opus' table of contents, and a pattern.
    mutating func audioPacket(level: UInt8, byteCount: Int, now: MediaTime) -> [UInt8]? {
        guard let codec else { return nil }
        var packet = header(codec, hasMarker: false, timestamp: timestamp(at: now), level: level)
        let headerByteCount = packet.count
        var sound: [UInt8] = [0x78]  // CELT, full band, 20 ms, mono, one frame (RFC 6716 §3.1)
        let pattern = PayloadPattern(origin: ssrc, frame: frameCount, part: 0, partCount: 1)
        pattern.append(to: &sound, byteCount: byteCount - 1)
        if codec.name == "red" {
            packet += redundancyHeader
            packet += lastSound
            lastSound = sound
        }
        packet += sound
        frameCount &+= 1
        remember(packet, headerByteCount: headerByteCount)
        return packet
    }

    /// The packets of one picture of `byteCount` bytes.
    mutating func videoPackets(byteCount: Int, isKeyFrame: Bool, now: MediaTime) -> [[UInt8]] {
        guard let codec else { return [] }
        let timestamp = timestamp(at: now)
        let room = Self.payloadByteCount - VideoDescriptor.byteCount
        let count = max(1, (byteCount + room - 1) / room)
        var rest = max(byteCount, count * PayloadPattern.headerByteCount)
        var packets: [[UInt8]] = []
        for part in 0..<count {
            let share = rest / (count - part)
            rest -= share
            var packet = header(codec, hasMarker: part == count - 1, timestamp: timestamp, level: nil)
            let headerByteCount = packet.count
            let descriptor = VideoDescriptor(
                isKeyFrame: isKeyFrame, isFirst: part == 0, isLast: part == count - 1, pictureID: pictureID)
            descriptor.append(to: &packet, codec: codec.name)
            let pattern = PayloadPattern(
                origin: ssrc, frame: frameCount, part: UInt16(part), partCount: UInt16(count))
            pattern.append(to: &packet, byteCount: share)
            remember(packet, headerByteCount: headerByteCount)
            packets.append(packet)
        }
        finishPicture(isKeyFrame: isKeyFrame)
        return packets
    }

    mutating func finishPicture(isKeyFrame: Bool) {
        frameCount &+= 1
        pictureID = (pictureID + 1) & 0x7FFF
        if isKeyFrame { isKeyFrameWanted = false }
    }

    /// One packet of a picture in layers.
    mutating func layeredPacket(
        _ codec: PeerFormats.Codec, _ payload: [UInt8], isLast: Bool, descriptor: [UInt8] = [], now: MediaTime
    ) -> [UInt8] {
        var packet = header(
            codec, hasMarker: isLast, timestamp: timestamp(at: now), level: nil, descriptor: descriptor)
        let headerByteCount = packet.count
        packet += payload
        remember(packet, headerByteCount: headerByteCount)
        return packet
    }

    /// The fixed header and extensions (RFC 3550 §5.1, RFC 8285 §4.2), in the two-byte form if a descriptor needs that.
    private func header(
        _ codec: PeerFormats.Codec, hasMarker: Bool, timestamp: UInt32, level: UInt8?, descriptor: [UInt8] = []
    ) -> [UInt8] {
        let isLong = descriptor.count > 16
        var elements: [UInt8] = []
        func append(_ name: String, _ content: [UInt8]) {
            guard let id = extensions[name], !content.isEmpty else { return }
            elements += isLong ? [id, UInt8(content.count)] : [id << 4 | UInt8(content.count - 1)]
            elements += content
        }
        // The transport's number comes first, where `MediaPeer` finds and writes it.
        append(PeerFormats.transportSequence, [0, 0])
        if let streamID { append(PeerFormats.streamID, Array(streamID.utf8)) }
        append(PeerFormats.mid, Array(mid.utf8))
        if let level { append(PeerFormats.audioLevel, [level]) }
        append(PeerFormats.descriptor, descriptor)
        while elements.count % 4 != 0 { elements.append(0) }
        var header: [UInt8] = []
        header.reserveCapacity(Self.payloadByteCount + 64)
        header += [elements.isEmpty ? 0x80 : 0x90, (hasMarker ? 0x80 : 0) | codec.payloadType]
        header.append(networkOrder: sequence)
        header.append(networkOrder: timestamp)
        header.append(networkOrder: ssrc)
        if !elements.isEmpty {
            header += isLong ? [0x10, 0x00] : [0xBE, 0xDE]
            header.append(networkOrder: UInt16(elements.count / 4))
            header += elements
        }
        return header
    }

    private mutating func remember(_ packet: [UInt8], headerByteCount: Int) {
        history[Int(sequence) % Self.historyCount] = packet
        sequence &+= 1
        packetCount += 1
        byteCount += packet.count - headerByteCount
    }

    // MARK: Feedback

    mutating func receiveKeyFrameRequest() {
        keyFrameRequestsReceived += 1
        isKeyFrameWanted = true
    }

    mutating func receive(_ report: ReportBlock) {
        reportsReceived += 1
        fractionLost = report.fractionLost
    }

    /// The packet of that number as it was sent, or in the stream of retransmissions where that was agreed on, if it is
    /// still remembered.
    mutating func packet(again number: UInt16) -> [UInt8]? {
        nacksReceived += 1
        let packet = history[Int(number) % Self.historyCount]
        guard packet.count > 12, UInt16(packet[2]) << 8 | UInt16(packet[3]) == number else { return nil }
        nacksAnswered += 1
        guard let repairPayloadType, let repairSSRC else { return packet }
        return repair(packet, repairPayloadType, repairSSRC)
    }

    /// RFC 4588 §4: the number in front of the payload, and the name of the encoding as that which is repaired.
    private mutating func repair(_ packet: [UInt8], _ payloadType: UInt8, _ ssrc: UInt32) -> [UInt8] {
        let hasExtension = packet[0] & 0x10 != 0
        let end = hasExtension ? 16 + 4 * (Int(packet[14]) << 8 | Int(packet[15])) : 12
        var repair = Array(packet[..<end])
        repair[1] = packet[1] & 0x80 | payloadType
        repairSequence &+= 1
        repair.replaceSubrange(2..<4, with: [UInt8(repairSequence >> 8), UInt8(repairSequence & 0xFF)])
        repair.replaceSubrange(8..<12, with: (0..<4).map { UInt8(truncatingIfNeeded: ssrc >> (24 - 8 * $0)) })
        if let id = extensions[PeerFormats.streamID], let repaired = extensions[PeerFormats.repairedStreamID],
            streamID != nil
        {
            var offset = 16
            while offset < end {
                if repair[offset] >> 4 == id { repair[offset] = repaired << 4 | repair[offset] & 0x0F }
                offset += repair[offset] == 0 ? 1 : 2 + Int(repair[offset] & 0x0F)
            }
        }
        return repair + packet[2..<4] + packet[end...]
    }
}

/// What stands before the pattern in a video payload: real enough for who looks for key frames.
struct VideoDescriptor {
    /// Bytes of the longest.
    static let byteCount = 14

    let isKeyFrame: Bool
    let isFirst: Bool
    let isLast: Bool
    let pictureID: UInt16

    func append(to packet: inout [UInt8], codec: Substring) {
        switch codec {
        case "H264": appendH264(to: &packet)
        default: appendVP8(to: &packet)
        }
    }

    /// A 15-bit picture id (RFC 7741 §4.2), then in the first packet the frame's header (§4.3, RFC 6386 §9.1).
    private func appendVP8(to packet: inout [UInt8]) {
        packet += [isFirst ? 0x90 : 0x80, 0x80, 0x80 | UInt8(pictureID >> 8), UInt8(pictureID & 0xFF)]
        guard isFirst else { return }
        packet += [isKeyFrame ? 0x10 : 0x11, 0x02, 0x00]
        // The start code, 640 and 480.
        if isKeyFrame { packet += [0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01] }
    }

    /// One NAL unit, or a fragment of one (RFC 6184 §5.6, §5.8): type 5, an IDR picture, or 1.
    private func appendH264(to packet: inout [UInt8]) {
        let type: UInt8 = isKeyFrame ? 5 : 1
        if isFirst && isLast {
            packet.append(0x60 | type)
        } else {
            packet += [0x60 | 28, (isFirst ? 0x80 : 0) | (isLast ? 0x40 : 0) | type]
        }
    }

    /// Where the pattern begins in a payload that was made as above, and whether it is the first of a key frame.
    static func read(_ payload: UnsafeRawBufferPointer, codec: Substring) -> (byteCount: Int, isKeyFrameStart: Bool)? {
        guard payload.count > Self.byteCount else { return nil }
        switch codec {
        case "H264":
            guard payload[0] & 0x1F == 28 else { return (1, payload[0] & 0x1F == 5) }
            return (2, payload[1] & 0x80 != 0 && payload[1] & 0x1F == 5)
        case "AV1": return (1, payload[0] & 0x88 == 0x08)
        case "VP9": return (VP9PeerDescriptor.byteCount, payload[0] & 0x48 == 0x08 && payload[3] & 0x0E == 0)
        case "VP8":
            guard payload[0] & 0x10 != 0 else { return (4, false) }
            return payload[4] & 1 == 0 ? (14, true) : (7, false)
        default: return (1, false)
        }
    }
}
