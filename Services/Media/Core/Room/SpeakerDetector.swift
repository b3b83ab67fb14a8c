import MediaSecurity

/// How loud one publication of audio is, from the levels its sender puts into the packets (RFC 6464). Owned by the
/// publication.
struct SpeakerDetector {
    /// −dBov at which somebody counts as speaking.
    static let threshold: Float = 55
    /// The ``loudness`` from which on somebody speaks.
    static let leastLoudness = 127 - threshold
    /// Silence after which somebody no longer does: the pauses between words are shorter.
    static let hold = Duration.milliseconds(600)

    /// Smoothed, 0 for silence to 127.
    private(set) var loudness: Float = 0
    private(set) var lastLoud: MediaTime?
    /// How loud it was over the last second, pauses between words included; 0 while nobody speaks.
    private(set) var activity: Float = 0
    /// Of ``activity`` at each ``advance(now:)``.
    private static let smoothing: Float = 0.25

    mutating func receive(_ level: AudioLevel, now: MediaTime) {
        let now127 = Float(127 - Int(level.level))
        loudness += (now127 - loudness) * (now127 > loudness ? 0.4 : 0.1)
        if loudness >= Self.leastLoudness { lastLoud = now }
    }

    /// To be called each ``Room/speakerInterval``.
    mutating func advance(now: MediaTime) {
        activity = isSpeaking(now: now) ? activity + (loudness - activity) * Self.smoothing : 0
    }

    func isSpeaking(now: MediaTime) -> Bool {
        guard let lastLoud else { return false }
        return now < lastLoud + Self.hold
    }
}
