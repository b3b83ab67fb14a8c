import MediaCore
import MediaRecording
import MediaSecurity

// What holds more than one packet: an input is read in the state that those before it have left.
extension FuzzTarget {
    private static let sentCount = 200

    /// Feedback on packets that were sent, as those who estimate a link read it.
    static let feedback = FuzzTarget("feedback") { bytes in
        var controller = CongestionController()
        var now = MediaTime(nanoseconds: 0)
        for _ in 0..<sentCount {
            now = now + .milliseconds(1)
            _ = controller.sent(.video, byteCount: 1_200, now: now)
        }
        var feature = FeatureHash()
        for _ in 0..<2 {
            now = now + .milliseconds(50)
            feature.add(controller.receive(bytes.span, now: now) ? 1 : 0)
            feature.add(magnitudeOf: controller.advance(now: now))
        }
        feature.add(magnitudeOf: controller.target)
        feature.add(magnitudeOf: controller.deliveredBitrate ?? -1)
        feature.add(Int(controller.loss * 8))
        let isBounded =
            (BandwidthEstimator.minimum...BandwidthEstimator.maximum).contains(controller.target)
            && (0...1).contains(controller.loss) && controller.queueDelay >= .zero
        return Outcome(feature: feature.value, fault: isBounded ? nil : "An estimate out of its bounds.")
    }

    /// What a recording makes of a stream. The first byte chooses the codec; then packets: a byte with the marker (0x80) and
    /// whether some were lost before (the rest), the payload's length in two bytes, the payload.
    static let frames = FuzzTarget("frames") { bytes in
        let codecs = RecordedCodec.allCases
        guard let first = bytes.first else { return Outcome(feature: 0) }
        let codec = codecs[Int(first) % codecs.count]
        var assembler = FrameAssembler(codec)
        var (feature, offset, sequence, timestamp) = (FeatureHash(), 1, Int64(0), UInt32(0))
        feature.add(Int(codec.rawValue))
        var fault: String?
        while offset + 3 <= bytes.count {
            let (flags, length) = (bytes[offset], Int(bytes[offset + 1]) << 8 | Int(bytes[offset + 2]))
            let end = min(offset + 3 + length, bytes.count)
            if flags & 0x7F != 0 { assembler.lose() }
            let packet = RecordedPacket(
                sequence: sequence, timestamp: timestamp, hasMarker: flags & 0x80 != 0,
                payload: Array(bytes[(offset + 3)..<end]))
            if let frame = assembler.receive(packet) {
                feature.add(frame.isKeyFrame ? 1 : 2)
                feature.add(magnitudeOf: frame.bytes.count)
                if let size = frame.format?.size {
                    feature.add(magnitudeOf: size.width)
                    feature.add(magnitudeOf: size.height)
                    if size.width < 0 || size.height < 0 { fault = "A picture of less than nothing." }
                }
                if frame.bytes.count > FrameAssembler.frameByteCount { fault = "A picture larger than the limit." }
            }
            if packet.hasMarker { timestamp &+= 3_000 }
            (offset, sequence) = (end, sequence + 1)
        }
        feature.add(magnitudeOf: assembler.droppedCount)
        return Outcome(feature: feature.value, fault: fault)
    }
}
