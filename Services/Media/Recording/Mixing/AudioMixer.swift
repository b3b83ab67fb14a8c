import MediaSecurity

/// Adds the voices of a call up to one track of Opus, silence included, so that it is as long as the recording. Each packet
/// is laid at its time; what comes later than ``delay`` is left out. Owned by one recorder's thread.
package final class AudioMixer {
    /// How long a time is waited for before it is mixed: longer than packets wait for those before them.
    package static let delay = Duration.seconds(1)

    /// Seconds of sound that are held.
    private static let windowSampleCount = 4 * 48_000
    /// A voice whose times jump by less goes on without a gap: clocks are compared anew all the time.
    private static let toleranceSampleCount = 48 * 40
    /// Packets that are made up for, at most; a longer loss is silence.
    private static let concealedCount = 6

    private struct Voice {
        let decoder: VoiceDecoder
        /// Where its next sample belongs, and how many samples its last packet had.
        var cursor: Int
        var packetSampleCount: Int
    }

    private let encoder: MixEncoder
    private var voices: [UInt32: Voice] = [:]
    /// Sound from `position` on, interleaved, in a ring.
    private var window = [Float](repeating: 0, count: AudioMixer.windowSampleCount * 2)
    /// The first sample that is not mixed yet; a multiple of a frame.
    private var position = 0
    private var decoded = [Float](repeating: 0, count: VoiceDecoder.sampleCount * 2)
    private var frame = [Float](repeating: 0, count: MixEncoder.sampleCount * 2)
    /// Packets that came too late to be heard.
    package private(set) var lateCount = 0

    /// `nil` when libopus has no memory.
    package init?() {
        guard let encoder = MixEncoder() else { return nil }
        self.encoder = encoder
    }

    package var format: RecordedFormat { .opus(skip: encoder.lookahead) }

    /// How long a frame lasts.
    package static let frameDuration = Duration.milliseconds(20)

    /// Takes a packet of a voice.
    /// - Parameters:
    ///   - time: since the recording began.
    ///   - lostCount: packets of the voice that were lost just before it.
    package func receive(_ packet: [UInt8], of id: UInt32, at time: Duration, lostCount: Int) {
        let target = Int(time.wholeNanoseconds * 48 / 1_000_000)
        guard var voice = voices[id] ?? VoiceDecoder().map({ Voice(decoder: $0, cursor: target, packetSampleCount: 0) })
        else { return }
        defer { voices[id] = voice }
        if lostCount > 0, voice.packetSampleCount > 0 { conceal(&voice, lostCount, packet, until: target) }
        if abs(target - voice.cursor) > Self.toleranceSampleCount { voice.cursor = target }
        let count = voice.decoder.decode(packet, into: &decoded)
        guard count > 0 else { return }
        add(count, at: voice.cursor)
        voice.cursor += count
        voice.packetSampleCount = count
    }

    /// Frames that no more can be added to by now; with `isEnd` all up to that time.
    package func advance(to time: Duration, isEnd: Bool = false) -> [RecordedFrame] {
        let end = Int((isEnd ? time : time - Self.delay).wholeNanoseconds * 48 / 1_000_000)
        var frames: [RecordedFrame] = []
        while position + MixEncoder.sampleCount <= end {
            let start = position % Self.windowSampleCount * 2
            for index in frame.indices {
                frame[index] = window[start + index]
                window[start + index] = 0
            }
            let bytes = encoder.encode(&frame)
            frames.append(
                RecordedFrame(time: .milliseconds(position / 48), isKeyFrame: true, bytes: bytes))
            position += MixEncoder.sampleCount
        }
        return frames
    }

    private func conceal(_ voice: inout Voice, _ lostCount: Int, _ next: [UInt8], until target: Int) {
        for index in 0..<min(lostCount, Self.concealedCount) where voice.cursor + voice.packetSampleCount / 2 < target {
            let isLast = index == lostCount - 1
            let count = voice.decoder.conceal(
                by: isLast ? next : nil, sampleCount: voice.packetSampleCount, into: &decoded)
            guard count > 0 else { return }
            add(count, at: voice.cursor)
            voice.cursor += count
        }
    }

    /// Adds what was decoded to what is there.
    private func add(_ count: Int, at start: Int) {
        guard start >= position, start + count <= position + Self.windowSampleCount else {
            lateCount += 1
            return
        }
        for index in 0..<count {
            let place = (start + index) % Self.windowSampleCount * 2
            window[place] += decoded[index * 2]
            window[place + 1] += decoded[index * 2 + 1]
        }
    }
}
