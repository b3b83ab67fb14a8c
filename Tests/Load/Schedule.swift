import Glibc
import NIOCore

/// When each frame of a run is due.
struct Schedule: Sendable {
    /// The first, in nanoseconds of CLOCK_MONOTONIC.
    let start: Int64
    let framesPerSecond: Double
    let count: Int

    /// Begins in a tenth of a second.
    init(framesPerSecond: Double, count: Int) {
        start = clockNanoseconds(CLOCK_MONOTONIC) + 100_000_000
        self.framesPerSecond = framesPerSecond
        self.count = count
    }

    /// When frame 0, 1, 2 … is due.
    func due(_ number: Int) -> Int64 { start + Int64(Double(number) * 1e9 / framesPerSecond) }

    /// Returns when a frame is due, at once if it was due before.
    func wait(for number: Int, on eventLoop: any EventLoop) async throws {
        try await eventLoop.scheduleTask(deadline: .uptimeNanoseconds(UInt64(due(number)))) {}
            .futureResult.get()
    }
}
