import Contracts
import GatewayDomain
import Logging
import NIOCore
import RedisBus
import ServiceKit

/// The topic of a workspace in which somebody watches.
struct WatchedTopic {
    /// Tells it from an earlier subscription of the same workspace.
    let generation: Int
    var subscription: BusSubscription?
    var hasFailed = false
}

/// Whom this gateway's connections watch.
extension PresenceBoard {
    func perform(_ effects: PresenceWatchers.Effects) {
        for workspace in effects.unsubscribe { topics.removeValue(forKey: workspace)?.subscription?.cancel() }
        for workspace in effects.subscribe { subscribe(to: workspace) }
        for (connection, people) in effects.tell {
            let states = people.map { UserPresence($0.key, $0.value) }
            clients[connection]?.sendEphemeral(PresenceStates(users: states))
        }
    }

    // MARK: Topics

    private func subscribe(to workspace: WorkspaceID) {
        lastGeneration += 1
        let generation = lastGeneration
        topics[workspace] = WatchedTopic(generation: generation)
        let confirmed = bus.subscribed(to: [.presence(workspace)]) { [weak self] _, payload in
            self?.receive(payload, of: workspace)
        }
        confirmed.whenComplete { [self] result in
            guard topics[workspace]?.generation == generation else {
                // Nobody watches any more, or again by a later subscription.
                if case .success(let subscriptions) = result {
                    for subscription in subscriptions { subscription.cancel() }
                }
                return
            }
            switch result {
            case .success(let subscriptions):
                topics[workspace]?.subscription = subscriptions.first
                watchers.subscribed(to: workspace)
                scheduleFlush()
            case .failure: topics[workspace]?.hasFailed = true
            }
        }
    }

    /// Subscribes the topics that could not be.
    func subscribeAgain() {
        for (workspace, topic) in topics where topic.hasFailed { subscribe(to: workspace) }
    }

    private func receive(_ payload: ByteBuffer, of workspace: WorkspaceID) {
        do {
            let states = try WireJSON.decode(PresenceStates.self, from: payload.readableBytesView)
            for user in states.users {
                watchers.hint(.init(workspace: workspace, user: user.userID), try user.aggregate())
            }
            scheduleFlush()
        } catch {
            logger.warning("no presence", metadata: ["workspace": "\(workspace)", "error": "\(error)"])
        }
    }

    // MARK: Reads

    /// Reads who is due, one pipeline at a time. Its last command shows whether Redis had its memory until then.
    func flushReads() {
        guard !isReading, watchers.isReadDue, isInformed, bus.isConnected, !isDraining else { return }
        let people = watchers.takeReads(maximumCount: Limits.presencePipelineCount)
        guard !people.isEmpty else { return flushReads() }
        isReading = true
        let commands = people.map { PresenceCommands.read($0) } + [RedisCommand("GET", .key(.runMarker))]
        bus.send(pipeline: commands) { [self, runMarker] result in
            isReading = false
            switch result {
            case .success(let replies) where replies.last?.bytes != runMarker:
                watchers.fail(people)
                beatLease(isRenewing: true)
            case .success(let replies):
                // What Redis refused is read again with the next tick, not at once.
                if finish(people, replies) { flushReads() }
            case .failure(let error):
                watchers.fail(people)
                logger.debug("presence not read yet", metadata: ["error": "\(error)"])
            }
        }
    }

    /// - Returns: whether Redis answered all of it.
    private func finish(_ people: [PresenceWatchers.Person], _ replies: [RedisValue]) -> Bool {
        var reads: [(person: PresenceWatchers.Person, presence: PresenceAggregate)] = []
        var refused: [PresenceWatchers.Person] = []
        for (person, reply) in zip(people, replies) {
            if reply.array == nil {
                refused.append(person)
            } else {
                reads.append((person, PresenceAggregate(of: PresenceCommands.fields(reply))))
            }
        }
        watchers.fail(refused)
        perform(watchers.finish(reads, believesOffline: now >= settled))
        return refused.isEmpty
    }
}
