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

    mutating func receive(_ level: AudioLevel, now: MediaTime) {
        let now127 = Float(127 - Int(level.level))
        loudness += (now127 - loudness) * (now127 > loudness ? 0.4 : 0.1)
        if loudness >= Self.leastLoudness { lastLoud = now }
    }

    func isSpeaking(now: MediaTime) -> Bool {
        guard let lastLoud else { return false }
        return now < lastLoud + Self.hold
    }
}
