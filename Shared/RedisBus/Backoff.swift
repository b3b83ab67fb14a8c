/// Pauses between attempts to connect: doubling, each shortened at random by up to a half, so that the processes that
/// lost the same Redis do not come back in one instant.
package struct Backoff {
    private let range: ClosedRange<Duration>
    private var pause: Duration

    /// From the shortest pause to the longest.
    package init(_ range: ClosedRange<Duration>) {
        self.range = range
        pause = range.lowerBound
    }

    /// The next pause, between a half and the whole of the step.
    package mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let step = pause
        pause = min(pause * 2, range.upperBound)
        return step * Double.random(in: 0.5...1, using: &generator)
    }

    /// A connection stood: begin with the shortest pause again.
    package mutating func reset() {
        pause = range.lowerBound
    }
}
