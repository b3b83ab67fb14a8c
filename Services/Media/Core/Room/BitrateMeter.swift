package import MediaSecurity

/// How many bits a second a stream has had of late. Owned by the encoding.
///
/// One that was silent goes on with what it had before, which its first packets replace little by little: what these alone
/// come to is far too little at first, and far too much when a key frame is measured over a moment.
package struct BitrateMeter: Sendable {
    /// What is measured at once: shorter, and a single key frame would look like a change.
    package static let window = Duration.seconds(3)
    /// What a stream takes that is younger, and has had no life before, is not known. It counts as if it were this old.
    package static let youth = Duration.milliseconds(300)
    /// A stream that was silent for this long begins anew.
    package static let silence = Duration.milliseconds(1_500)
    private static let stepCount = 30
    private static let step = Duration.milliseconds(100)

    /// Bytes of each step, as a ring.
    private var bytes = InlineArray<30, Int>(repeating: 0)
    private var sum = 0
    /// Number of the step that is being filled, from the first packet on.
    private var current: Int64 = 0
    private var start: MediaTime?
    package private(set) var lastArrival: MediaTime?
    /// Bits a second at its last step, and those that it had before it was silent; `nil` for what is not known.
    private var latest: Double?
    private var former: Double?

    package init() {}

    package mutating func receive(byteCount: Int, now: MediaTime) {
        if let lastArrival, now >= lastArrival + Self.silence {
            let former = latest
            self = Self()
            self.former = former
        }
        let step = current
        if start == nil { start = now }
        advance(now)
        if current != step, isKnown(now: now) { latest = rate(now: now) }
        bytes[Int(current % Int64(Self.stepCount))] += byteCount
        sum += byteCount
        lastArrival = now
    }

    /// Whether enough of it came to tell what it takes.
    package func isKnown(now: MediaTime) -> Bool {
        guard let start else { return false }
        return former != nil || now >= start + Self.youth
    }

    /// Bits a second over the window; of a stream that is younger, over its life and what it had before that.
    package mutating func bitrate(now: MediaTime) -> Int {
        advance(now)
        return start == nil ? 0 : Int(rate(now: now))
    }

    private func rate(now: MediaTime) -> Double {
        guard let start else { return 0 }
        let window = Self.window.wholeNanoseconds
        let life = min((now - start).wholeNanoseconds, window)
        guard let former else {
            return Double(sum) * 8 * 1e9 / Double(max(Self.youth.wholeNanoseconds, life))
        }
        return (Double(sum) * 8 * 1e9 + former * Double(window - life)) / Double(window)
    }

    private mutating func advance(_ now: MediaTime) {
        guard let start else { return }
        let step = max(current, (now - start).wholeNanoseconds / Self.step.wholeNanoseconds)
        let passed = min(step - current, Int64(Self.stepCount))
        for distance in 0..<passed {
            let index = Int((step - distance) % Int64(Self.stepCount))
            sum -= bytes[index]
            bytes[index] = 0
        }
        current = step
    }
}
