package import Contracts

/// Connections that were closed and still count as before for a while. Pure: `now` is monotonic time, from any start.
///
/// A wheel with slots of one tick: adding, and taking what is due, cost the same however many wait.
package struct PresenceGrace {
    private let tick: Duration
    private var slots: [Int64: [ConnectionID]] = [:]
    private var nextSlot: Int64?

    /// - Parameter tick: how exact the ends are: a grace ends up to this much later, never earlier.
    package init(tick: Duration) {
        self.tick = tick
    }

    package var isEmpty: Bool { slots.isEmpty }

    /// The connection was closed; its grace ends at a time.
    package mutating func add(_ connection: ConnectionID, until end: Duration) {
        // Rounded up, so that it never ends early.
        let slot = Int64((end / tick).rounded(.up))
        slots[slot, default: []].append(connection)
        nextSlot = min(nextSlot ?? slot, slot)
    }

    /// Takes the connections whose grace has ended.
    package mutating func take(now: Duration) -> [ConnectionID] {
        guard let first = nextSlot else { return [] }
        let last = Int64((now / tick).rounded(.down))
        guard first <= last else { return [] }
        // A process that stood still for long has few slots but many ticks behind it.
        let due = slots.keys.filter { $0 <= last }.sorted()
        let connections = due.flatMap { slots.removeValue(forKey: $0) ?? [] }
        nextSlot = slots.keys.min()
        return connections
    }
}
