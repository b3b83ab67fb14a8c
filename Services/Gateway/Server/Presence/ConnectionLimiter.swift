package import Contracts
import Crypto
import GatewayDomain
import NIOCore
package import RedisBus
import Synchronization

/// Counts the connections of a user and of an address over all gateways, in sorted sets of leases in Redis.
///
/// A user is counted exactly. An address is counted here, at once, and elsewhere a moment later: over all gateways it may
/// have as many more as come within ``Limits/addressCountHold``. A gateway that dies leaves its places until their lease
/// ends. Without Redis each gateway counts its own.
///
/// Every method may be called from any thread.
package final class ConnectionLimiter: Sendable {
    private struct State {
        var users: PresenceConnections<UserID, ConnectionID>
        var addresses: PresenceConnections<String, Int>
        var questions: [Question] = []
        var lastPlace = 0
        var isSending = false
        var isFlushDue = false
    }

    private let bus: RedisBus
    private let connectionsPerUser: Int
    private let connectionsPerAddress: Int
    private let lease: Duration
    private let state: Mutex<State>
    private let ticker: Mutex<RepeatedTask?>

    /// - Parameters:
    ///   - lease: how long a place lives without a beat; three beats.
    package init(
        bus: RedisBus, connectionsPerUser: Int, connectionsPerAddress: Int, lease: Duration = Limits.connectionLease
    ) {
        self.bus = bus
        self.connectionsPerUser = connectionsPerUser
        self.connectionsPerAddress = connectionsPerAddress
        self.lease = lease
        let ticks = Int(Limits.connectionBeat / Limits.presenceTick)
        state = Mutex(State(users: .init(ticksPerBeat: ticks), addresses: .init(ticksPerBeat: ticks)))
        ticker = Mutex(nil)
        let tick = TimeAmount(Limits.presenceTick * (lease / Limits.connectionLease))
        ticker.withLock { ticker in
            ticker = bus.eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { [weak self] _ in
                self?.tick()
            }
        }
        bus.onRestored { [weak self] in
            self?.state.withLock { state in
                state.users.renewAll()
                state.addresses.renewAll()
            }
            self?.flush()
        }
    }

    deinit { ticker.withLock { $0?.cancel() } }

    // MARK: Addresses

    /// A connection from an address was accepted. `false`: there are too many already, and this one is not counted.
    /// - Parameter address: any text that is the same for the same client.
    package func admit(address: String) -> Bool {
        let isAdmitted = state.withLock { state in
            guard state.addresses.count(of: address) < connectionsPerAddress else {
                // Elsewhere there may be fewer by now.
                state.addresses.renew(address)
                return false
            }
            state.lastPlace += 1
            state.addresses.add(state.lastPlace, of: address)
            return true
        }
        scheduleFlush()
        return isAdmitted
    }

    /// A connection that ``admit(address:)`` counted was closed.
    package func release(address: String) {
        state.withLock { state in
            guard let place = state.addresses.anyPlace(of: address) else { return }
            state.addresses.remove(place, of: address)
        }
        scheduleFlush()
    }

    // MARK: Users

    /// A connection has identified. `false`: the user has too many already, and this one is not counted.
    package func admit(_ connection: ConnectionID, user: UserID) async -> Bool {
        await withCheckedContinuation { done in
            admit(connection, user: user) { done.resume(returning: $0) }
        }
    }

    /// The same for who does not wait; `then` may be called on any thread.
    package func admit(_ connection: ConnectionID, user: UserID, then: @escaping @Sendable (Bool) -> Void) {
        let removals: [ConnectionID]? = state.withLock { state in
            guard state.users.countHere(of: user) < connectionsPerUser else { return nil }
            state.users.reserve(connection, of: user)
            return state.users.removals(of: user)
        }
        guard let removals else { return then(false) }
        let command = Self.command(
            .userConnections(user), lease, limit: Int32(clamping: connectionsPerUser), removals.map { member($0) },
            [member(connection)])
        let question = Question(command: command) { [weak self] counts in
            self?.state.withLock { $0.users.settle(connection, of: user, counts: counts) }
            self?.scheduleFlush()
            then(counts)
        }
        let isFirst = state.withLock { state in
            state.questions.append(question)
            return state.questions.count == 1
        }
        if isFirst { bus.eventLoop.execute { [self] in askAll() } }
    }

    private struct Question: Sendable {
        let command: RedisCommand
        let answer: @Sendable (Bool) -> Void
    }

    /// Those who come in one turn of the loop are asked for together.
    private func askAll() {
        let questions = state.withLock { state in
            defer { state.questions = [] }
            return state.questions
        }
        bus.send(pipeline: questions.map(\.command)) { result in
            let replies = try? result.get()
            for (index, question) in questions.enumerated() {
                // Without Redis it is the count of this gateway alone.
                question.answer(replies?[index].array?.last?.integer != 0)
            }
        }
    }

    /// A connection that was admitted was closed.
    package func release(_ connection: ConnectionID, user: UserID) {
        state.withLock { $0.users.remove(connection, of: user) }
        scheduleFlush()
    }

    // MARK: Redis

    private func tick() {
        state.withLock { state in
            state.users.tick()
            state.addresses.tick()
        }
        flush()
    }

    /// What changes within a moment goes to Redis together.
    private func scheduleFlush() {
        let isNew = state.withLock { state in
            defer { state.isFlushDue = true }
            return !state.isFlushDue
        }
        guard isNew else { return }
        bus.eventLoop.scheduleTask(in: TimeAmount(Limits.addressCountHold / 2)) { [weak self] in
            self?.state.withLock { $0.isFlushDue = false }
            self?.flush()
        }
    }

    /// One pipeline at a time. What could not be told is told with the next tick.
    private func flush() {
        guard bus.isConnected else { return }
        let taken = state.withLock { state -> Taken? in
            guard !state.isSending, state.users.isDue || state.addresses.isDue else { return nil }
            state.isSending = true
            return Taken(
                users: state.users.takeUpdates(maximumCount: Limits.presencePipelineCount),
                addresses: state.addresses.takeUpdates(maximumCount: Limits.presencePipelineCount))
        }
        guard let taken else { return }
        let commands =
            taken.users.map { update in
                Self.command(
                    .userConnections(update.holder), lease, limit: .max, update.removals.map { member($0) },
                    update.places.map { member($0) })
            }
            + taken.addresses.map { update in
                Self.command(
                    .addressConnections(digest: Self.digest(update.holder)), lease, limit: .max,
                    update.removals.map { member($0) }, update.places.map { member($0) })
            }
        bus.send(pipeline: commands) { [weak self] result in self?.finish(taken, result) }
    }

    private struct Taken {
        let users: [PresenceConnections<UserID, ConnectionID>.Update]
        let addresses: [PresenceConnections<String, Int>.Update]
    }

    private func finish(_ taken: Taken, _ result: Result<[RedisValue], RedisError>) {
        let hasMore = state.withLock { state in
            state.isSending = false
            guard case .success(let replies) = result else {
                for update in taken.users { state.users.fail(update) }
                for update in taken.addresses { state.addresses.fail(update) }
                return false
            }
            for (update, reply) in zip(taken.users, replies) {
                if let count = Self.count(reply) {
                    state.users.finish(update, count: count)
                } else {
                    state.users.fail(update)
                }
            }
            for (update, reply) in zip(taken.addresses, replies.dropFirst(taken.users.count)) {
                if let count = Self.count(reply) {
                    state.addresses.finish(update, count: count)
                } else {
                    state.addresses.fail(update)
                }
            }
            return state.users.isDue || state.addresses.isDue
        }
        if hasMore { scheduleFlush() }
    }

    private static func count(_ reply: RedisValue) -> Int? { reply.array?.first?.integer.map { Int($0) } }

    private static func command(
        _ key: RedisKey, _ lease: Duration, limit: Int32, _ removals: [String], _ places: [String]
    ) -> RedisCommand {
        let head: [RedisArgument] = [.milliseconds(lease), .integer(Int64(limit)), .integer(Int64(removals.count))]
        return .evaluate(
            PresenceScripts.count, keys: [key], arguments: head + (removals + places).map { .text($0) })
    }

    private func member(_ place: some CustomStringConvertible) -> String { "\(bus.address.id):\(place)" }

    /// Addresses are personal data: Redis is given a digest, as a name of fixed length.
    private static func digest(_ address: String) -> String {
        SHA256.hash(data: Array(address.utf8)).prefix(16).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }
}
