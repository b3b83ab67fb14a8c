import Synchronization

/// What a bus has counted since it was made.
package struct RedisBusCounters: Hashable, Sendable {
    /// Payloads handed to Redis.
    package let published: Int
    /// Messages that arrived on subscribed topics.
    package let received: Int
    /// Connections made after the first.
    package let reconnects: Int
    /// Answers to requests that were over.
    package let lateReplies: Int
    /// Requests of others that were not worked on because their deadline had passed, or that were malformed.
    package let droppedRequests: Int
    /// Requests of others that were refused because too many were being worked on.
    package let refusedRequests: Int
}

/// What the event loop of a bus shows to all threads.
final class BusMeters: Sendable {
    /// Counts up from 0.
    struct Counter: ~Copyable, Sendable {
        private let value = Atomic(0)

        func increment() { value.add(1, ordering: .relaxed) }
        var count: Int { value.load(ordering: .relaxed) }
    }

    let published = Counter()
    let received = Counter()
    let reconnects = Counter()
    let lateReplies = Counter()
    let droppedRequests = Counter()
    let refusedRequests = Counter()
    private let connected = Atomic(false)

    var isConnected: Bool {
        get { connected.load(ordering: .acquiring) }
        set { connected.store(newValue, ordering: .releasing) }
    }

    var snapshot: RedisBusCounters {
        RedisBusCounters(
            published: published.count,
            received: received.count,
            reconnects: reconnects.count,
            lateReplies: lateReplies.count,
            droppedRequests: droppedRequests.count,
            refusedRequests: refusedRequests.count)
    }
}
