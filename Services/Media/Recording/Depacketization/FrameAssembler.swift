/// A picture or a packet of sound, as it came over the network.
package struct AssembledFrame: Hashable, Sendable {
    package let timestamp: UInt32
    package let isKeyFrame: Bool
    package let bytes: [UInt8]
    /// What a file must say before it; with each key frame.
    package let format: RecordedFormat?
}

/// What a stream is encoded with, as far as recordings can hold it.
package enum RecordedCodec: UInt8, Sendable, CaseIterable {
    case opus = 1
    case vp8
    case vp9
    case h264
    case av1

    package var isVideo: Bool { self != .opus }
    /// Ticks of timestamps a second.
    package var clockRate: Int64 { self == .opus ? 48_000 : 90_000 }
}

/// Makes frames of the packets of one stream, which come in order. After a loss pictures are left out up to the next key
/// frame: a player would show what the missing ones have spoilt.
package struct FrameAssembler: Sendable {
    private let codec: RecordedCodec
    private var parts: [UInt8] = []
    private var timestamp: UInt32?
    private var isKeyFrame = false
    private var isSpoilt = false
    private var h264 = H264Depacketizer()
    private var av1 = AV1Depacketizer()
    private var vp9 = VP9Picture()
    /// Whether nothing can be used before the next key frame.
    package private(set) var needsKeyFrame: Bool
    /// Pictures that were left out.
    package private(set) var droppedCount = 0

    /// A picture larger than this is none: bytes.
    package static let frameByteCount = 8 * 1024 * 1024

    package init(_ codec: RecordedCodec) {
        self.codec = codec
        needsKeyFrame = codec.isVideo
    }

    /// Packets were lost here.
    package mutating func lose() {
        guard codec.isVideo else { return }
        if timestamp != nil { droppedCount += 1 }
        discard()
        isSpoilt = true
        needsKeyFrame = true
    }

    /// The frame that this packet ends, if any.
    package mutating func receive(_ packet: RecordedPacket) -> AssembledFrame? {
        // Padding that measures a path.
        guard !packet.payload.isEmpty else { return nil }
        if codec == .opus { return receiveOpus(packet) }
        var finished: AssembledFrame?
        if let timestamp, timestamp != packet.timestamp {
            finished = finish(timestamp)
            isSpoilt = false
        }
        if timestamp == nil { timestamp = packet.timestamp }
        // What was lost belonged to the picture before.
        if isSpoilt, parts.isEmpty, begins(packet.payload) { isSpoilt = false }
        append(packet)
        if packet.hasMarker, let timestamp {
            finished = finish(timestamp) ?? finished
            isSpoilt = false
        }
        return finished
    }

    private func receiveOpus(_ packet: RecordedPacket) -> AssembledFrame {
        AssembledFrame(
            timestamp: packet.timestamp, isKeyFrame: true, bytes: packet.payload, format: .opus(skip: 0))
    }

    /// Whether a picture surely begins with this packet.
    private func begins(_ payload: [UInt8]) -> Bool {
        switch codec {
        case .opus: true
        case .vp8: VP8Payload(payload)?.isFirst ?? false
        case .vp9: VP9Payload(payload)?.isFirst ?? false
        case .h264: H264Depacketizer.beginsWithParameters(payload)
        case .av1: AV1Depacketizer.beginsSequence(payload)
        }
    }

    private mutating func append(_ packet: RecordedPacket) {
        guard !isSpoilt else { return }
        let isFirst = parts.isEmpty
        switch codec {
        case .opus: break
        case .vp8:
            guard let start = VP8Payload(packet.payload), !isFirst || start.isFirst else { return spoil() }
            parts += packet.payload[start.offset...]
            if isFirst { isKeyFrame = parts.first.map { $0 & 0x01 == 0 } ?? false }
        case .vp9:
            guard let start = VP9Payload(packet.payload), !isFirst || start.isFirst else { return spoil() }
            if start.isFrameStart { vp9.begin(at: parts.count) }
            parts += packet.payload[start.offset...]
            if isFirst { isKeyFrame = !start.isPredicted }
        case .h264:
            guard h264.append(packet.payload, to: &parts) else { return spoil() }
            if h264.takesKeyFrame() { isKeyFrame = true }
        case .av1:
            guard av1.append(packet.payload, to: &parts) else { return spoil() }
            isKeyFrame = av1.isKeyFrame
        }
        if parts.count > Self.frameByteCount { spoil() }
    }

    private mutating func spoil() {
        let timestamp = timestamp
        discard()
        // The rest of the picture is left out with it.
        self.timestamp = timestamp
        isSpoilt = true
        needsKeyFrame = true
        droppedCount += 1
    }

    private mutating func discard() {
        parts.removeAll(keepingCapacity: true)
        timestamp = nil
        isKeyFrame = false
        h264.reset()
        av1.reset()
        vp9.discard()
    }

    private mutating func finish(_ timestamp: UInt32) -> AssembledFrame? {
        defer { discard() }
        // The end of what begins there never came.
        if av1.hasFragment { spoil() }
        guard !parts.isEmpty, !isSpoilt else { return nil }
        if codec == .vp9 { parts = vp9.finish(parts) }
        let format = isKeyFrame ? describe() : nil
        if isKeyFrame, format != nil { needsKeyFrame = false }
        guard !needsKeyFrame else {
            droppedCount += 1
            return nil
        }
        return AssembledFrame(timestamp: timestamp, isKeyFrame: isKeyFrame, bytes: parts, format: format)
    }

    private func describe() -> RecordedFormat? {
        switch codec {
        case .opus: nil
        case .vp8: VP8Payload.size(ofKeyFrame: parts).map { .vp8(width: $0.width, height: $0.height) }
        case .vp9: vp9.size.map { .vp9(width: $0.width, height: $0.height) }
        case .h264: h264.format
        case .av1: av1.format
        }
    }
}
