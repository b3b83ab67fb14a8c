import Contracts
import GatewayDomain
import Logging
import NIOCore
import RedisBus

/// What this gateway says of its users: one pipeline at a time, so that the writes of a user keep their order.
extension PresenceBoard {
    func flushWrites() {
        guard !isWriting, roster.isWriteDue, isInformed, bus.isConnected else { return }
        let writes = roster.takeWrites(maximumCount: Limits.presencePipelineCount)
        guard !writes.isEmpty else { return endWrites() }
        isWriting = true
        bus.send(pipeline: commands(for: writes)) { [self, runMarker] result in
            isWriting = false
            var error: (any Error)?
            switch result {
            case .success(let replies):
                error = finish(writes, replies, isForgotten: replies.last?.bytes != runMarker)
            case .failure(let failure):
                error = failure
                for write in writes { roster.fail(write) }
            }
            guard let error else { return endWrites() }
            // Not again at once, but with the next tick.
            logger.debug("presence not written yet", metadata: ["error": "\(error)"])
            writesEnded?.fail(error)
        }
    }

    /// Completes when nothing is due any more; fails when Redis cannot be told.
    func finishWrites() -> EventLoopFuture<Void> {
        let promise = writesEnded ?? eventLoop.makePromise(of: Void.self)
        writesEnded = promise
        if !bus.isConnected || !isInformed { promise.fail(RedisError.notConnected) }
        endWrites()
        return promise.futureResult
    }

    private func endWrites() {
        if roster.isWriteDue { flushWrites() } else if !isWriting { writesEnded?.succeed() }
    }

    /// New users come into the gateway's set before the first write, so that whoever takes over finds them. The last
    /// command shows whether Redis had its memory until then.
    private func commands(for writes: [PresenceRoster.Write]) -> [RedisCommand] {
        var commands = writes.map { PresenceCommands.write($0, gateway: gatewayID, life: timing.life) }
        let new = writes.filter(\.isFirst).map { RedisArgument.text($0.user.description) }
        let users = RedisArgument.key(.gatewayUsers(gatewayID))
        // An empty SADD is refused; a constant count of commands in front keeps the replies in their places.
        commands.insert(
            new.isEmpty ? RedisCommand("EXISTS", users) : RedisCommand("SADD", arguments: [users] + new), at: 0)
        commands.insert(RedisCommand("PEXPIRE", users, .milliseconds(Limits.gatewayUsersLife)), at: 1)
        return commands + [RedisCommand("GET", .key(.runMarker))]
    }

    /// - Returns: why Redis refused some of it, if it did.
    private func finish(
        _ writes: [PresenceRoster.Write], _ replies: [RedisValue], isForgotten: Bool
    ) -> RedisError? {
        var gone: [UserID] = []
        var refusal: RedisError?
        for (write, reply) in zip(writes, replies.dropFirst(2)) {
            guard let written = PresenceCommands.written(reply) else {
                refusal = .refused("\(reply)")
                roster.fail(write)
                continue
            }
            let outcome = roster.finish(write, before: written.before, after: written.after)
            // An empty Redis knows nobody: what looks like a change is none.
            if !isForgotten { for change in outcome.changes { batch.add(change) } }
            if outcome.isGone { gone.append(write.user) }
        }
        schedulePublish()
        if isForgotten { beatLease(isRenewing: true) }
        if !gone.isEmpty { leaveSet(gone) }
        return refusal
    }

    /// Takes users without a connection here out of the gateway's set. No write is under way meanwhile: a user who comes
    /// back is put into the set after that. If it fails the set names users without a field here, which does no harm.
    private func leaveSet(_ users: [UserID]) {
        let words = users.map { RedisArgument.text($0.description) }
        isWriting = true
        bus.send(pipeline: [RedisCommand("SREM", arguments: [.key(.gatewayUsers(gatewayID))] + words)]) { [self] _ in
            isWriting = false
            endWrites()
        }
    }

    // MARK: Publishing

    /// Changes are held a moment, so that many are told together.
    private func schedulePublish() {
        guard !batch.isEmpty, !isPublishDue else { return }
        isPublishDue = true
        eventLoop.scheduleTask(in: TimeAmount(timing.hold)) { [self] in
            isPublishDue = false
            publish()
        }
    }

    /// A publication that is lost shows with the next refresh of whoever watches.
    func publish() {
        do {
            let commands = try PresenceCommands.publish(batch.take(maximumCount: Limits.presenceBatchCount))
            guard !commands.isEmpty else { return }
            bus.send(pipeline: commands) { [logger] result in
                guard case .failure(let error) = result else { return }
                logger.debug("presence not published", metadata: ["error": "\(error)"])
            }
        } catch {
            logger.error("presence could not be encoded", metadata: ["error": "\(error)"])
        }
    }
}
