import Contracts
import NIOCore

/// A subscription to one or more topics that Redis has not confirmed whole.
final class TopicWaiter {
    typealias Member = (topic: Topic, id: ReceiverID)

    let members: [Member]
    let promise: EventLoopPromise<[ReceiverID]>
    var missingCount = 0
    var timer: Scheduled<Void>?

    init(members: [Member], promise: EventLoopPromise<[ReceiverID]>) {
        self.members = members
        self.promise = promise
    }
}

extension BusLoop {
    /// Adds one receiver to each topic. The future ends when Redis has confirmed all of them; if it fails none remains.
    func subscribe(
        to newTopics: [Topic], _ receiver: @escaping Receiver
    ) -> EventLoopFuture<[ReceiverID]> {
        guard topics.isConnected else { return eventLoop.makeFailedFuture(RedisError.notConnected) }
        guard topics.count + newTopics.count <= Limits.busTopicCount else {
            return eventLoop.makeFailedFuture(RedisError.queueFull)
        }
        let added = newTopics.map { topic in (topic: topic, result: topics.add(receiver, to: topic)) }
        let waiter = TopicWaiter(
            members: added.map { ($0.topic, $0.result.id) }, promise: eventLoop.makePromise())
        for member in added where !member.result.isConfirmed {
            waiter.missingCount += 1
            topicWaiters[member.result.id] = waiter
        }
        if waiter.missingCount == 0 {
            waiter.promise.succeed(waiter.members.map(\.id))
        } else {
            waiter.timer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(Limits.redisCommandDeadline)) {
                self.fail(waiter, .timedOut)
            }
            scheduleTopicFlush()
        }
        return waiter.promise.futureResult
    }

    /// Adds a receiver whether there is a link or not; it is subscribed with every link.
    func subscribeForGood(to topic: Topic, _ receiver: @escaping Receiver) {
        _ = topics.add(receiver, to: topic)
        scheduleTopicFlush()
    }

    func unsubscribe(_ id: ReceiverID, from topic: Topic) {
        topics.remove(id, from: topic)
        scheduleTopicFlush()
    }

    func receive(_ push: RedisPush) {
        switch push {
        case .message(let name, let payload):
            meters.received.increment()
            guard let (topic, receivers) = topics.receivers(of: name) else { return }
            for (_, receiver) in receivers { receiver(topic, payload) }
        case .subscribed(let name):
            for id in topics.confirm(name) { confirm(id) }
        case .unsubscribed:
            break
        }
    }

    /// Ends every subscription that waits for its confirmation.
    func failTopicWaiters(_ error: RedisError) {
        while let waiter = topicWaiters.values.first { fail(waiter, error) }
    }

    /// Sends what Redis must be told of topics now.
    func flushTopics() {
        guard let subscriptions else { return }
        var bytes = ByteBuffer()
        for command in topics.takeCommands(maximumCount: Limits.busTopicsPerCommand) {
            let name = command.isSubscribing ? "SSUBSCRIBE" : "SUNSUBSCRIBE"
            RedisCommand(name, arguments: command.topics.map { .text($0) }).encode(into: &bytes)
        }
        if bytes.readableBytes > 0 { subscriptions.write(bytes) }
    }

    /// What is subscribed in one turn of the event loop goes to Redis in as few commands as it can.
    private func scheduleTopicFlush() {
        guard !isTopicFlushScheduled else { return }
        isTopicFlushScheduled = true
        eventLoop.assumeIsolated().execute {
            self.isTopicFlushScheduled = false
            self.flushTopics()
        }
    }

    private func confirm(_ id: ReceiverID) {
        guard let waiter = topicWaiters.removeValue(forKey: id) else { return }
        waiter.missingCount -= 1
        guard waiter.missingCount == 0 else { return }
        waiter.timer?.cancel()
        waiter.promise.succeed(waiter.members.map(\.id))
    }

    private func fail(_ waiter: TopicWaiter, _ error: RedisError) {
        waiter.timer?.cancel()
        for member in waiter.members {
            topicWaiters[member.id] = nil
            unsubscribe(member.id, from: member.topic)
        }
        waiter.promise.fail(error)
    }
}
