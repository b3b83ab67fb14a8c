package import MediaSecurity
import MediaCore

/// What a peer has received on one section. Counts are of packets that passed SRTP.
package struct ReceivedSection: Sendable {
    package let mid: String
    package let isVideo: Bool
    package internal(set) var packets = 0
    /// Of payloads.
    package internal(set) var bytes = 0
    package internal(set) var duplicates = 0
    /// Out of order, without having been asked for.
    package internal(set) var late = 0
    /// Arrived after having been asked for.
    package internal(set) var recovered = 0
    /// Arrived in the stream of retransmissions (RFC 4588).
    package internal(set) var repaired = 0
    /// Pictures of VP8 whose id does not follow that of the one before, though no packet is missing between them.
    package internal(set) var pictureBreaks = 0
    /// Complete pictures that a decoder could not show: no key frame, and not the next one of the same encoding.
    package internal(set) var undecodable = 0
    /// Copies of earlier packets of sound that came with others.
    package internal(set) var copies = 0
    /// Of pictures in layers.
    package internal(set) var layered = LayeredReception()
    /// The longest time between two complete pictures.
    package internal(set) var longestPause = Duration.zero
    /// Payloads that are not a whole pattern, or of a payload type that was not agreed on.
    package internal(set) var corrupt = 0
    /// First packets of key frames.
    package internal(set) var keyFrames = 0
    /// Frames of which each part arrived.
    package internal(set) var completeFrames = 0
    package internal(set) var lastTimestamp: UInt32?
    private var lastTimestampAt = MediaTime(nanoseconds: 0)
    /// The sequence number of the packet that came last.
    package internal(set) var lastNumber: UInt16?
    /// Jumps of the sequence number that no loss explains.
    package internal(set) var sequenceBreaks = 0
    /// Timestamps that go back, or forward by more than ten seconds, while the sequence number goes up.
    package internal(set) var timestampBreaks = 0
    /// Packets whose MID extension names another section.
    package internal(set) var wrongMids = 0
    /// As the last packet said: 0 is loudest, 127 silence.
    package internal(set) var audioLevel: UInt8?
    /// The SSRC under which what came last was published.
    package internal(set) var origin: UInt32?
    /// The number of the last complete frame.
    package internal(set) var lastFrame: UInt32?
    package internal(set) var lastArrival: MediaTime?
    package internal(set) var senderReports = 0
    package internal(set) var nacksSent = 0

    /// Packets between the first and the last that have not arrived so far.
    package var missing: Int { gaps.missingCount }

    /// What the last packet carried; `nil` when it was repeated or corrupt.
    private(set) var lastPattern: PayloadPattern?
    var ssrc: UInt32?
    var repairSSRC: UInt32?
    /// What retransmissions repeat, by their payload types.
    var repairs: [UInt8: UInt8] = [:]
    private var lastPicture: (id: UInt16, sequence: UInt16)?
    private var lastComplete: (origin: UInt32, frame: UInt32, at: MediaTime)?
    var codecs: [PeerFormats.Codec] = []
    var extensions: [String: UInt8] = [:]
    private(set) var gaps = GapTracker()
    private var statistics = ArrivalStatistics()
    private var frames: [FrameProgress] = []
    private var isLayered = false
    private var lastSenderReport: (ntp: UInt64, at: MediaTime)?

    private struct FrameProgress {
        let origin: UInt32
        let frame: UInt32
        var missingParts: UInt16
        var isKeyFrame: Bool
    }

    init(mid: String, isVideo: Bool) {
        self.mid = mid
        self.isVideo = isVideo
    }

    // MARK: Packets

    /// Takes in a packet of this section, decrypted. Answers when to ask for what is missing before it, if anything.
    mutating func receive(_ header: RTPHeader, _ packet: UnsafeRawBufferPointer, now: MediaTime) -> MediaTime? {
        lastArrival = now
        lastPattern = nil
        let arrival = gaps.receive(header.sequenceNumber, now: now)
        switch arrival {
        case .next, .gap: checkTimestamp(header, now: now)
        case .late: late += 1
        case .recovered: recovered += 1
        case .jump:
            sequenceBreaks += 1
            (lastTimestamp, lastTimestampAt) = (header.timestamp, now)
        case .duplicate:
            duplicates += 1
            return nil
        }
        packets += 1
        lastNumber = header.sequenceNumber
        bytes += header.payloadRange.count
        statistics.receive(
            header.sequenceNumber, header.timestamp, clockRate: isVideo ? 90_000 : 48_000, now: now)
        readExtensions(header, packet)
        readPayload(header, UnsafeRawBufferPointer(rebasing: packet[header.payloadRange]), now: now)
        // As a browser: sound is not worth the wait.
        return arrival == .gap && isVideo ? now + GapTracker.hold : nil
    }

    /// Takes in a packet of the stream of retransmissions: what it repeats counts as if it had come itself.
    mutating func receiveRepair(_ header: RTPHeader, _ packet: UnsafeRawBufferPointer, now: MediaTime) -> MediaTime? {
        guard let ssrc, let payloadType = repairs[header.payloadType], header.payloadRange.count >= 2 else {
            return nil
        }
        let start = header.payloadRange.lowerBound
        var restored = Array(packet[..<start]) + packet[(start + 2)...]
        restored[1] = packet[1] & 0x80 | payloadType
        restored.replaceSubrange(2..<4, with: packet[start..<(start + 2)])
        restored.replaceSubrange(8..<12, with: (0..<4).map { UInt8(truncatingIfNeeded: ssrc >> (24 - 8 * $0)) })
        repaired += 1
        return restored.withUnsafeBytes { bytes in
            guard let header = RTPHeader(bytes.assumingMemoryBound(to: UInt8.self).span) else { return nil }
            return receive(header, bytes, now: now)
        }
    }

    /// Timestamps have to go on as time does, whoever is sent here: a player waits for what seems to be in the future.
    private mutating func checkTimestamp(_ header: RTPHeader, now: MediaTime) {
        if let lastTimestamp {
            let step = Int32(bitPattern: header.timestamp &- lastTimestamp)
            let seconds = Double(step) / (isVideo ? 90_000 : 48_000)
            let elapsed = (now - lastTimestampAt) / .seconds(1)
            if step < 0 || abs(seconds - elapsed) > Self.timestampTolerance { timestampBreaks += 1 }
        }
        (lastTimestamp, lastTimestampAt) = (header.timestamp, now)
    }

    /// By how many seconds two packets may be closer or farther apart than when they were sent: what they wait on the way.
    private static let timestampTolerance = 1.0

    private mutating func readExtensions(_ header: RTPHeader, _ packet: UnsafeRawBufferPointer) {
        var level: UInt8?
        var isWrong = false
        var descriptor: [UInt8]?
        let descriptorID = extensions[PeerFormats.descriptor]
        let (midID, levelID) = (extensions[PeerFormats.mid], extensions[PeerFormats.audioLevel])
        header.forEachExtension(in: packet.assumingMemoryBound(to: UInt8.self).span) { id, content in
            if id == midID { isWrong = !packet[content].elementsEqual(mid.utf8) }
            if id == levelID, !content.isEmpty { level = packet[content.lowerBound] & 0x7F }
            if id == descriptorID { descriptor = Array(packet[content]) }
        }
        let isAV1 = codecs.contains { $0.payloadType == header.payloadType && $0.name == "AV1" }
        if isAV1, !header.payloadRange.isEmpty { layered.descriptors.receive(descriptor) }
        if isWrong { wrongMids += 1 }
        if let level { audioLevel = level }
    }

    private mutating func readPayload(_ header: RTPHeader, _ payload: UnsafeRawBufferPointer, now: MediaTime) {
        let codec = codecs.first { $0.payloadType == header.payloadType }
        if codec?.name == "VP9" || codec?.name == "AV1" {
            layered.receive(timestamp: header.timestamp, hasMarker: header.hasMarker, isEmpty: payload.isEmpty)
            if payload.isEmpty { return }
        }
        if codec?.name == "red" { return readRedundancy(payload, now: now) }
        guard let codec, let (byteCount, isKeyFrameStart) = VideoDescriptor.read(payload, codec: codec.name),
            let pattern = PayloadPattern(UnsafeRawBufferPointer(rebasing: payload[byteCount...]))
        else {
            corrupt += 1
            return
        }
        lastPattern = pattern
        origin = pattern.origin
        if isKeyFrameStart { keyFrames += 1 }
        if codec.name == "VP8", payload[0] & 0x10 != 0 { checkPicture(payload, header.sequenceNumber) }
        isLayered = codec.name == "VP9" || codec.name == "AV1"
        count(pattern, isKeyFrameStart: isKeyFrameStart, now: now)
    }

    /// Sound with copies: all are of the payload type that is Opus here (RFC 2198 §3).
    private mutating func readRedundancy(_ payload: UnsafeRawBufferPointer, now: MediaTime) {
        let opus = codecs.first { $0.name == "opus" }?.payloadType
        var (offset, lengths): (Int, [Int]) = (0, [])
        while offset + 4 <= payload.count, payload[offset] & 0x80 != 0, payload[offset] & 0x7F == opus {
            lengths.append((Int(payload[offset + 2]) << 8 | Int(payload[offset + 3])) & 0x3FF)
            offset += 4
        }
        guard offset < payload.count, payload[offset] == opus else {
            corrupt += 1
            return
        }
        let start = offset + 1 + lengths.reduce(0, +)
        guard start < payload.count,
            let pattern = PayloadPattern(UnsafeRawBufferPointer(rebasing: payload[(start + 1)...]))
        else {
            corrupt += 1
            return
        }
        copies += lengths.count
        lastPattern = pattern
        origin = pattern.origin
        count(pattern, isKeyFrameStart: false, now: now)
    }

    /// The first packet of a picture: its 15-bit id (RFC 7741 §4.2) is one more than that of the one before.
    private mutating func checkPicture(_ payload: UnsafeRawBufferPointer, _ sequence: UInt16) {
        let id = (UInt16(payload[2]) << 8 | UInt16(payload[3])) & 0x7FFF
        if let lastPicture {
            guard Int16(bitPattern: sequence &- lastPicture.sequence) > 0 else { return }
            if id != (lastPicture.id + 1) & 0x7FFF, missing == 0 { pictureBreaks += 1 }
        }
        lastPicture = (id, sequence)
    }

    private mutating func count(_ pattern: PayloadPattern, isKeyFrameStart: Bool, now: MediaTime) {
        let index = frames.lastIndex { $0.frame == pattern.frame && $0.origin == pattern.origin }
        let isKeyFrame = isKeyFrameStart || index.map { frames[$0].isKeyFrame } ?? false
        if let index, frames[index].missingParts > 1 {
            frames[index].missingParts -= 1
            frames[index].isKeyFrame = isKeyFrame
        } else if index == nil, pattern.partCount > 1 {
            if frames.count == 32 { frames.removeFirst() }
            frames.append(
                FrameProgress(
                    origin: pattern.origin, frame: pattern.frame, missingParts: pattern.partCount - 1,
                    isKeyFrame: isKeyFrame))
        } else {
            if let index { frames.remove(at: index) }
            completeFrames += 1
            lastFrame = pattern.frame
            complete(pattern, isKeyFrame: isKeyFrame, now: now)
        }
    }

    private mutating func complete(_ pattern: PayloadPattern, isKeyFrame: Bool, now: MediaTime) {
        guard isVideo else { return }
        if isLayered { layered.complete(pattern.frame, isKeyFrame: isKeyFrame) }
        if let lastComplete {
            longestPause = max(longestPause, now - lastComplete.at)
            let isNext = pattern.origin == lastComplete.origin && pattern.frame == lastComplete.frame &+ 1
            if !isNext, !isKeyFrame, !isLayered { undecodable += 1 }
        } else if !isKeyFrame {
            undecodable += 1
        }
        lastComplete = (pattern.origin, pattern.frame, now)
    }

    // MARK: Feedback

    /// The numbers to ask for now, and when to look again.
    mutating func takeMissing(now: MediaTime) -> (numbers: [UInt16], next: MediaTime?) {
        guard isVideo else { return ([], nil) }
        let due = gaps.takeDue(now: now)
        nacksSent += due.numbers.count
        return due
    }

    mutating func receiveSenderReport(ntp: UInt64, now: MediaTime) {
        senderReports += 1
        lastSenderReport = (ntp, now)
    }

    /// The block about this section in the next report; `nil` before its first packet.
    mutating func report(now: MediaTime) -> ReportBlock? {
        guard let ssrc, packets > 0 else { return nil }
        return statistics.report(ssrc: ssrc, lastSenderReport: lastSenderReport, now: now)
    }
}
