package import Contracts
package import NIOCore

/// One receiver of one topic. It receives until ``cancel()``, over all reconnects.
package struct BusSubscription: Sendable {
    package let topic: Topic
    let id: ReceiverID
    let bus: RedisBus

    /// Ends the subscription; again does nothing. On the bus's event loop nothing is received after it, except that a message
    /// which is being handed to several receivers still reaches all of them. The last receiver of a topic ends it in Redis.
    package func cancel() {
        let (id, topic) = (id, topic)
        bus.onLoop { $0.unsubscribe(id, from: topic) }
    }
}

extension RedisBus {
    /// Receives what is published to a topic. Returns when Redis has confirmed it: whatever is published later arrives.
    /// - Parameter receive: called on ``eventLoop``, in the order of the connection. It must not block.
    /// - Throws: `notConnected`, `connectionLost`, `timedOut` or `queueFull`; then nothing is subscribed.
    package func subscribe(
        to topic: Topic, receive: @escaping @Sendable (ByteBuffer) -> Void
    ) async throws(RedisError) -> BusSubscription {
        try await subscribe(to: [topic]) { _, payload in receive(payload) }[0]
    }

    /// Receives what is published to any of the topics: few commands for many topics.
    /// - Returns: one subscription a topic, in the order of the topics, when Redis has confirmed all of them.
    /// - Throws: as for one topic; then none is subscribed.
    package func subscribe(
        to topics: [Topic], receive: @escaping @Sendable (Topic, ByteBuffer) -> Void
    ) async throws(RedisError) -> [BusSubscription] {
        do {
            return try await subscribed(to: topics, receive: receive).get()
        } catch let error as RedisError {
            throw error
        } catch {
            preconditionFailure("A subscription fails with a RedisError, not with \(error).")
        }
    }

    /// The same for callers on an event loop. Called on ``eventLoop`` it takes effect in this very turn, so that
    /// subscribing and cancelling keep their order there. The future belongs to ``eventLoop``; it fails with ``RedisError``.
    package func subscribed(
        to topics: [Topic], receive: @escaping @Sendable (Topic, ByteBuffer) -> Void
    ) -> EventLoopFuture<[BusSubscription]> {
        eventLoop.flatSubmit { [loop] in
            loop.value.subscribe(to: topics, receive).map { ids in
                zip(topics, ids).map { BusSubscription(topic: $0, id: $1, bus: self) }
            }
        }
    }
}
