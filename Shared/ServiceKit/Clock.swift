package import Contracts
import Foundation

extension Timestamp {
    /// The wall clock's time. Only the I/O shells ask for it; pure code is given its `now`.
    package static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

extension EntityID {
    /// A new identifier from the wall clock and the system's entropy.
    package static func fresh() -> Self {
        var random = SystemRandomNumberGenerator()
        return Self(at: .now, entropy: (random.next(), random.next()))
    }
}

/// Random bytes of the system, for secrets.
package func randomBytes(_ count: Int) -> [UInt8] {
    var random = SystemRandomNumberGenerator()
    return (0..<count).map { _ in random.next() }
}
