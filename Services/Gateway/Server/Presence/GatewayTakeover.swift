import Contracts
import GatewayDomain
import Logging
import RedisBus

/// Takes over the users of a gateway whose lease has ended: removes what it said of them, and tells once who has gone.
///
/// One survivor does it: the one that claims the dead gateway. It waits the grace first, so that those who have connected
/// elsewhere by then are not told to have gone. When it fails on the way its claim ends, and another goes on with the rest.
struct GatewayTakeover: Sendable {
    let bus: RedisBus
    let survivor: InstanceID
    let dead: InstanceID
    let timing: PresenceTiming
    let logger: Logger

    private enum End: Error {
        /// The gateway has its lease again.
        case alive
    }

    func run() async {
        do {
            guard try await claim() else { return }
            try await Task.sleep(for: timing.grace)
            var batch = PresenceBatch()
            var count = 0
            let failure: (any Error)?
            do {
                while let part = try await removeSome(&batch) { count += part }
                failure = nil
            } catch {
                // What was removed is told by nobody else.
                failure = error
            }
            try await tell(&batch)
            if let failure { throw failure }
            try await forget()
            logger.info("took over the users of a gateway", metadata: ["gateway": "\(dead)", "users": "\(count)"])
        } catch End.alive {
            logger.notice("a gateway whose lease had ended is back", metadata: ["gateway": "\(dead)"])
        } catch is CancellationError {
            // This gateway goes away too: the claim ends, and another survivor takes over.
        } catch {
            logger.warning(
                "the users of a gateway are not taken over yet", metadata: ["gateway": "\(dead)", "error": "\(error)"])
        }
    }

    private func claim() async throws(RedisError) -> Bool {
        let life = timing.grace + Limits.gatewayClaim
        let reply = try await bus.send(
            RedisCommand("SET", .key(.gatewayClaim(dead)), .text("\(survivor)"), "NX", "PX", .milliseconds(life)))
        return reply != .null
    }

    /// Removes some of the users.
    /// - Returns: how many; `nil` when none are left.
    private func removeSome(_ batch: inout PresenceBatch) async throws -> Int? {
        try Task.checkCancellation()
        let found = try await bus.send(pipeline: [
            RedisCommand("EXISTS", .key(.gatewayLease(dead))),
            RedisCommand("SRANDMEMBER", .key(.gatewayUsers(dead)), .integer(Int64(Limits.presencePipelineCount))),
            RedisCommand("PEXPIRE", .key(.gatewayClaim(dead)), .milliseconds(Limits.gatewayClaim)),
        ])
        guard found[0].integer == 0 else { throw End.alive }
        let members = (found[1].array ?? []).compactMap(\.text)
        guard !members.isEmpty else { return nil }
        let users = members.compactMap { UserID($0) }
        let replies = try await bus.send(
            pipeline: users.map { PresenceCommands.remove($0, of: dead, life: timing.life) })
        for (user, reply) in zip(users, replies) {
            guard let written = PresenceCommands.written(reply) else { continue }
            let (before, after) = (PresenceAggregate(of: written.before), PresenceAggregate(of: written.after))
            batch.add(PresenceChange(user, from: before, to: after, in: written.workspaces))
        }
        _ = try await bus.send(RedisCommand("SREM", arguments: [.key(.gatewayUsers(dead))] + members.map { .text($0) }))
        return members.count
    }

    private func tell(_ batch: inout PresenceBatch) async throws {
        _ = try await bus.send(
            pipeline: try PresenceCommands.publish(batch.take(maximumCount: Limits.presenceBatchCount)))
    }

    /// The gateway was never there.
    private func forget() async throws(RedisError) {
        _ = try await bus.send(pipeline: [
            RedisCommand("ZREM", .key(.gateways), .text("\(dead)")),
            RedisCommand("DEL", .key(.gatewayUsers(dead))),
            RedisCommand("DEL", .key(.gatewayClaim(dead))),
        ])
    }
}
