import Synchronization

/// Whether the silence of another process may be this one's own trouble: while the link to Redis is not whole, and for a
/// moment after it came back, the others may not be back yet.
package final class BusSettling: Sendable {
    private static let settleTime = Duration.seconds(3)

    private let bus: RedisBus
    /// When the link to Redis was restored; the first link restores nothing and is long ago.
    private let restoredAt = Mutex<ContinuousClock.Instant?>(nil)

    package init(bus: RedisBus) {
        self.bus = bus
        bus.onRestored { [self] in
            restoredAt.withLock { $0 = $0 == nil ? .now - Self.settleTime : .now }
        }
    }

    /// Whether the link is not whole, or has been for a moment only.
    package var isSettling: Bool {
        !bus.isConnected
            || restoredAt.withLock { $0.map { ContinuousClock.now < $0 + Self.settleTime } ?? false }
    }
}
