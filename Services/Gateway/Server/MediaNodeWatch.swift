import Contracts
import GatewayDomain
import Logging
import RedisBus
import Synchronization

/// Looks whether the media nodes that this gateway's connections have seats on still listen on the bus. A process that is
/// killed has lost its link to Redis in the same moment, while its clients' browsers take many seconds to miss it. Those who
/// had seats on a dead node are told to join again.
///
/// A node that has only lost its link is left too, as if it had shut down: its room is placed elsewhere with a higher epoch,
/// and clients make the new connection before they give up the old one.
final class MediaNodeWatch: Sendable {
    private struct State {
        /// The node of each connection's seat.
        var nodes: [ConnectionID: InstanceID] = [:]
        var silence = NodeSilence()
        /// Nodes found dead and when; looked at until their lease in the registry has ended, because until then they are
        /// still named.
        var dead: [InstanceID: ContinuousClock.Instant] = [:]
    }

    private let bus: RedisBus
    private let settling: BusSettling
    private let calls: CallDirectory
    private let logger: Logger
    private let state = Mutex(State())

    init(bus: RedisBus, settling: BusSettling, calls: CallDirectory, logger: Logger) {
        self.bus = bus
        self.settling = settling
        self.calls = calls
        self.logger = logger
    }

    /// A connection has a seat on a node now; `nil` for none any more.
    func note(_ node: InstanceID?, of connection: ConnectionID) {
        state.withLock { $0.nodes[connection] = node }
    }

    /// Whether a node was found dead, and not heard since.
    func isDead(_ node: InstanceID) -> Bool { state.withLock { $0.silence.isDead(node) } }

    /// Looks until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: Limits.mediaNodeLook) } catch { return }
            let nodes = watched(now: .now)
            guard !nodes.isEmpty, !settling.isSettling, let listeners = await listeners(at: nodes) else {
                state.withLock { $0.silence.reset() }
                continue
            }
            // What was asked before the link broke says nothing.
            guard !settling.isSettling else { continue }
            for node in found(listeners, now: .now) { tell(of: node) }
        }
    }

    private func watched(now: ContinuousClock.Instant) -> Set<InstanceID> {
        state.withLock { state in
            state.dead = state.dead.filter { now < $0.value + Limits.instanceLease }
            return Set(state.nodes.values).union(state.dead.keys)
        }
    }

    /// How many listen at the address of each; `nil` when Redis cannot be asked.
    private func listeners(at nodes: Set<InstanceID>) async -> [InstanceID: Int]? {
        let all = Array(nodes)
        let commands = all.map { node in
            RedisCommand(
                "PUBSUB", "SHARDNUMSUB", .topic(.instance(InstanceAddress(kind: .media, id: node))))
        }
        guard let replies = try? await bus.send(pipeline: commands) else { return nil }
        var counts: [InstanceID: Int] = [:]
        for (node, reply) in zip(all, replies) {
            guard let count = reply.array?.last?.integer else { return nil }
            counts[node] = Int(count)
        }
        return counts
    }

    private func found(_ listeners: [InstanceID: Int], now: ContinuousClock.Instant) -> [InstanceID] {
        state.withLock { state in
            let dead = state.silence.look(at: listeners)
            for node in dead { state.dead[node] = now }
            return dead
        }
    }

    private func tell(of node: InstanceID) {
        let connections = state.withLock { state in state.nodes.filter { $0.value == node }.map(\.key) }
        logger.notice("a media node is dead", metadata: ["node": "\(node)", "seats": "\(connections.count)"])
        for connection in connections { calls.relay(for: connection)?.nodeDied(node) }
    }
}
