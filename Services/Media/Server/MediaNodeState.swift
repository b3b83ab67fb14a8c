import Synchronization

/// What a node shows of itself to all threads.
final class MediaNodeState: Sendable {
    private let draining = Atomic(false)

    /// Whether the node is going away: it gives no seats any more.
    var isDraining: Bool { draining.load(ordering: .relaxed) }

    func beginDraining() { draining.store(true, ordering: .relaxed) }
}
