package import MediaSecurity

/// How many bits a second a stream has had of late. Owned by the encoding.
package struct BitrateMeter: Sendable {
    /// What is measured at once: shorter, and a single key frame would look like a change.
    package static let window = Duration.seconds(3)
    /// A stream that is younger than this counts as if it were this old: it begins with a key frame.
    package static let youth = Duration.seconds(1)
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

    package init() {}

    package mutating func receive(byteCount: Int, now: MediaTime) {
        if let lastArrival, now >= lastArrival + Self.silence { self = Self() }
        advance(now)
        bytes[Int(current % Int64(Self.stepCount))] += byteCount
        sum += byteCount
        lastArrival = now
    }

    /// Bits a second over the window; of a stream that is younger, over its life.
    package mutating func bitrate(now: MediaTime) -> Int {
        guard let start else { return 0 }
        advance(now)
        let age = (now - start).wholeNanoseconds
        let measured = max(Self.youth.wholeNanoseconds, min(age, Self.window.wholeNanoseconds))
        return Int(Double(sum) * 8 * 1e9 / Double(measured))
    }

    private mutating func advance(_ now: MediaTime) {
        guard let start else {
            start = now
            return
        }
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
