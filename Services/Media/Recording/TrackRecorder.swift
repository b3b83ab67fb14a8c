import MediaCore
import MediaSecurity

/// One publication on its way into a file: packets in, frames with their times out. Pure; owned by its recording.
struct TrackRecorder {
    /// A frame, and how many packets were lost before it.
    struct Output {
        let frame: RecordedFrame
        let format: RecordedFormat?
        let codec: RecordedCodec
        let lostCount: Int
        let duration: Duration
    }

    /// The stream that it arrives as: another after a change of the encoding, or of the codec.
    private struct Stream {
        let ssrc: UInt32
        let codec: RecordedCodec
        var order = ReorderBuffer()
        var assembler: FrameAssembler
    }

    /// Whose clock its streams have.
    let owner: UInt64
    private var stream: Stream?
    private var lostCount = 0
    private var nextRequest: MediaTime?
    /// Where no next frame says how long a picture is shown.
    private static let pictureDuration = Duration.milliseconds(33)
    /// Key frames are asked for no more often than this.
    private static let requestInterval = Duration.seconds(1)

    init(owner: UInt64) { self.owner = owner }

    mutating func receive(
        _ entry: RecordingRing.Entry, _ payload: [UInt8], clock: inout RoomClock, now: MediaTime
    ) -> [Output] {
        guard let codec = RecordedCodec(rawValue: entry.codec) else { return [] }
        var outputs: [Output] = []
        if stream?.ssrc != entry.ssrc || stream?.codec != codec {
            outputs = advance(clock: &clock, now: now, isEnd: true)
            stream = Stream(ssrc: entry.ssrc, codec: codec, assembler: FrameAssembler(codec))
        }
        stream?.order.receive(
            RecordedPacket(
                sequence: entry.sequence, timestamp: entry.timestamp, hasMarker: entry.hasMarker, payload: payload),
            now: now)
        return outputs + advance(clock: &clock, now: now, isEnd: false)
    }

    mutating func receiveReport(_ entry: RecordingRing.Entry, clock: inout RoomClock) {
        guard let stream, stream.ssrc == entry.ssrc else { return pendingReport = entry }
        clock.receive(
            ntp: entry.ntp, timestamp: entry.timestamp, of: entry.ssrc, owner: owner, clockRate: stream.codec.clockRate)
    }

    /// The clock of a stream that is about to begin.
    private var pendingReport: RecordingRing.Entry?

    /// Gives up what is missing for too long.
    mutating func advance(clock: inout RoomClock, now: MediaTime, isEnd: Bool) -> [Output] {
        guard var stream else { return [] }
        // Moved rather than copied: its buffers would be, with every packet.
        self.stream = nil
        defer { self.stream = stream }
        if let report = pendingReport, report.ssrc == stream.ssrc {
            pendingReport = nil
            clock.receive(
                ntp: report.ntp, timestamp: report.timestamp, of: report.ssrc, owner: owner,
                clockRate: stream.codec.clockRate)
        }
        var outputs: [Output] = []
        for output in stream.order.take(now: now, isEnd: isEnd) {
            switch output {
            case .lost(let count):
                lostCount += count
                stream.assembler.lose()
            case .packet(let packet):
                guard let frame = stream.assembler.receive(packet) else { continue }
                outputs.append(finish(frame, of: stream, clock: &clock, now: now))
            }
        }
        return outputs
    }

    private mutating func finish(
        _ frame: AssembledFrame, of stream: Stream, clock: inout RoomClock, now: MediaTime
    ) -> Output {
        defer { lostCount = 0 }
        let time = clock.time(
            of: frame.timestamp, ssrc: stream.ssrc, owner: owner, clockRate: stream.codec.clockRate, arrival: now)
        return Output(
            frame: RecordedFrame(time: time, isKeyFrame: frame.isKeyFrame, bytes: frame.bytes), format: frame.format,
            codec: stream.codec, lostCount: lostCount,
            duration: stream.codec.isVideo ? Self.pictureDuration : OpusPacket.duration(of: frame.bytes))
    }

    /// Whether a key frame is to be asked for now.
    mutating func takeRequest(now: MediaTime) -> Bool {
        guard let stream, stream.assembler.needsKeyFrame else { return false }
        if let nextRequest, now < nextRequest { return false }
        nextRequest = now + Self.requestInterval
        return true
    }
}
