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
    /// Payloads that are not a whole pattern, or of a payload type that was not agreed on.
    package internal(set) var corrupt = 0
    /// First packets of key frames.
    package internal(set) var keyFrames = 0
    /// Frames of which each part arrived.
    package internal(set) var completeFrames = 0
    package internal(set) var lastTimestamp: UInt32?
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
    var codecs: [PeerFormats.Codec] = []
    var extensions: [String: UInt8] = [:]
    private(set) var gaps = GapTracker()
    private var statistics = ArrivalStatistics()
    private var frames: [FrameProgress] = []
    private var lastSenderReport: (ntp: UInt64, at: MediaTime)?

    private struct FrameProgress {
        let origin: UInt32
        let frame: UInt32
        var missingParts: UInt16
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
        case .next, .gap: checkTimestamp(header)
        case .late: late += 1
        case .recovered: recovered += 1
        case .jump:
            sequenceBreaks += 1
            lastTimestamp = header.timestamp
        case .duplicate:
            duplicates += 1
            return nil
        }
        packets += 1
        bytes += header.payloadRange.count
        statistics.receive(
            header.sequenceNumber, header.timestamp, clockRate: isVideo ? 90_000 : 48_000, now: now)
        readExtensions(header, packet)
        readPayload(header, UnsafeRawBufferPointer(rebasing: packet[header.payloadRange]))
        // As a browser: sound is not worth the wait.
        return arrival == .gap && isVideo ? now + GapTracker.hold : nil
    }

    private mutating func checkTimestamp(_ header: RTPHeader) {
        if let lastTimestamp {
            let step = Int32(bitPattern: header.timestamp &- lastTimestamp)
            if step < 0 || step > (isVideo ? 900_000 : 480_000) { timestampBreaks += 1 }
        }
        lastTimestamp = header.timestamp
    }

    private mutating func readExtensions(_ header: RTPHeader, _ packet: UnsafeRawBufferPointer) {
        var level: UInt8?
        var isWrong = false
        let (midID, levelID) = (extensions[PeerFormats.mid], extensions[PeerFormats.audioLevel])
        header.forEachExtension(in: packet.assumingMemoryBound(to: UInt8.self).span) { id, content in
            if id == midID { isWrong = !packet[content].elementsEqual(mid.utf8) }
            if id == levelID, !content.isEmpty { level = packet[content.lowerBound] & 0x7F }
        }
        if isWrong { wrongMids += 1 }
        if let level { audioLevel = level }
    }

    private mutating func readPayload(_ header: RTPHeader, _ payload: UnsafeRawBufferPointer) {
        guard let codec = codecs.first(where: { $0.payloadType == header.payloadType }),
            let (byteCount, isKeyFrameStart) = VideoDescriptor.read(payload, codec: codec.name),
            let pattern = PayloadPattern(UnsafeRawBufferPointer(rebasing: payload[byteCount...]))
        else {
            corrupt += 1
            return
        }
        lastPattern = pattern
        origin = pattern.origin
        if isKeyFrameStart { keyFrames += 1 }
        count(pattern)
    }

    private mutating func count(_ pattern: PayloadPattern) {
        let index = frames.lastIndex { $0.frame == pattern.frame && $0.origin == pattern.origin }
        if let index, frames[index].missingParts > 1 {
            frames[index].missingParts -= 1
        } else if index == nil, pattern.partCount > 1 {
            if frames.count == 32 { frames.removeFirst() }
            frames.append(
                FrameProgress(origin: pattern.origin, frame: pattern.frame, missingParts: pattern.partCount - 1))
        } else {
            if let index { frames.remove(at: index) }
            completeFrames += 1
            lastFrame = pattern.frame
        }
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
