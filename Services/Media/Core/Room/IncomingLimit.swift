package import MediaSecurity

/// What one publication may send: each of its packets is sent to everybody who gets it. A token bucket, kept as the time at
/// which it will be full again. Owned by the publication.
package struct IncomingLimit: Sendable {
    /// Bits a second of a microphone with all its copies (RFC 2198): thrice the most that Opus makes.
    package static let audio = 1_500_000
    /// Bits a second of a camera or a screen in all its sizes, with what is sent again and what probes.
    package static let video = 40_000_000
    /// What may come at once, in the time it stands for.
    package static let burst = Duration.seconds(1)
    /// Bytes that a packet counts as at least: a small one costs no less.
    package static let leastByteCount = 200

    /// Nanoseconds that a byte stands for.
    private let byteTime: Int64
    private var full = MediaTime(nanoseconds: 0)

    /// - Parameter bitrate: in bits/s; positive.
    package init(bitrate: Int) { byteTime = 8_000_000_000 / Int64(bitrate) }

    /// Whether a packet may come now; then it counts.
    package mutating func take(byteCount: Int, now: MediaTime) -> Bool {
        let start = max(full, now)
        guard start < now + Self.burst else { return false }
        full = start + .nanoseconds(Int64(max(byteCount, Self.leastByteCount)) * byteTime)
        return true
    }
}
