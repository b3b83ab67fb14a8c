package import MediaSecurity

/// Continuity of one outgoing stream over the publications it carries in turn: its sequence numbers go up by one and its
/// timestamps with time (RFC 3550 §5.1), whatever the incoming ones do.
///
/// From a publication's first forwarded packet to the next re-pointing the offsets are fixed, so that loss and reordering
/// on the way in look the same on the way out, and a number asked for again is found in the publication's cache.
package struct Rewriter {
    /// Outgoing minus incoming sequence number, both unwrapped.
    private var sequenceOffset: Int64 = 0
    private var timestampOffset: UInt32 = 0
    /// The first incoming number that is forwarded; older ones belong to what was before.
    private var firstSequence: Int64 = 0
    private var highestSequence: Int64
    private var highestTimestamp: UInt32
    private var highestAt: MediaTime?
    package private(set) var isStarted = false

    /// A longer pause counts as this one: the product with the clock's rate must fit 64 bits.
    private static let longestPause = Duration.seconds(24 * 3600)

    /// - Parameters: where the stream begins, at random (RFC 3550 §5.1).
    package init(sequence: UInt16, timestamp: UInt32) {
        // Some room below, because unwrapped numbers of NACKs are looked up around it.
        highestSequence = Int64(sequence) + 65_536
        highestTimestamp = timestamp
    }

    /// The stream carries another publication from its next packet on.
    package mutating func stop() { isStarted = false }

    /// Timestamps of two encodings of one picture that differ by more than this do not belong together.
    private static let longestShift = Duration.seconds(2)
    /// Pictures are at least this far apart: encodings of one picture share its moment.
    private static let shortestStep = Duration.milliseconds(1)

    /// Begins with this packet of a publication.
    /// - Parameter shift: what to add to its timestamp for that of the same moment in what was carried until now, if it is
    ///   another encoding of the same.
    package mutating func start(
        sequence: Int64, timestamp: UInt32, clockRate: UInt32, shift: UInt32? = nil, now: MediaTime
    ) {
        let formerOffset = timestampOffset
        let wasStarted = isStarted
        firstSequence = sequence
        sequenceOffset = highestSequence + 1 - sequence
        let elapsed: Int64 =
            highestAt.map { last in
                let pause = min(now.nanoseconds - last.nanoseconds, Self.longestPause.wholeNanoseconds)
                return max(1, pause * Int64(clockRate) / 1_000_000_000)
            } ?? 0
        timestampOffset = highestTimestamp &+ UInt32(truncatingIfNeeded: elapsed) &- timestamp
        isStarted = true
        guard wasStarted, let shift else { return }
        let step = Int32(bitPattern: timestamp &+ shift &+ formerOffset &- highestTimestamp)
        let shortest = Int32(Self.shortestStep.wholeNanoseconds * Int64(clockRate) / 1_000_000_000)
        guard abs(Int64(step) - elapsed) <= Int64(clockRate) * Self.longestShift.components.seconds else { return }
        timestampOffset = highestTimestamp &+ UInt32(bitPattern: max(step, shortest)) &- timestamp
    }

    /// Packets further ahead than this are no loss but another row of numbers (RFC 3550 appendix A.1, MAX_DROPOUT 3000; less,
    /// because a receiver that misses so many needs a key frame anyway).
    package static let longestGap: Int64 = 1_000

    /// Whether this incoming number is so far ahead that the stream has to begin anew with it. Going on, a sender could choose
    /// the numbers under which others are sent to, and leap over a wrap that SRTP counts on seeing.
    package func isLeap(to sequence: Int64) -> Bool {
        isStarted && sequence + sequenceOffset > highestSequence + Self.longestGap
    }

    /// The outgoing number; `nil` for a packet from before the start.
    package mutating func sequence(_ sequence: Int64, timestamp: UInt32, now: MediaTime) -> UInt16? {
        guard sequence >= firstSequence else { return nil }
        let outgoing = sequence + sequenceOffset
        if outgoing > highestSequence {
            highestSequence = outgoing
            highestTimestamp = self.timestamp(timestamp)
            highestAt = now
        }
        return UInt16(truncatingIfNeeded: outgoing)
    }

    package func timestamp(_ timestamp: UInt32) -> UInt32 { timestamp &+ timestampOffset }

    /// That of the newest packet, or where the stream begins.
    package var lastTimestamp: UInt32 { highestTimestamp }

    /// The incoming number of an outgoing one that a receiver asks for again; `nil` if it is not of this publication.
    package func original(of outgoing: UInt16) -> Int64? {
        guard isStarted else { return nil }
        let distance = Int16(bitPattern: outgoing &- UInt16(truncatingIfNeeded: highestSequence))
        guard distance <= 0 else { return nil }
        let original = highestSequence + Int64(distance) - sequenceOffset
        return original >= firstSequence ? original : nil
    }
}
