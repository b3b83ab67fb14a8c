import Contracts
import GatewayDomain
import GatewayServer
import Logging
import NIOCore
import NIOPosix
import RedisBus
import ServiceKit
import Synchronization
import TestSupport

let quietLogger: Logger = {
    var logger = Logger(label: "presence-test")
    logger.logLevel = .critical
    return logger
}()

/// One process on the bus, as far as presence goes: a bus and what runs on it. It is stopped by ``stop()``.
final class PresenceGateway: Sendable {
    let bus: RedisBus
    let board: PresenceBoard
    private let running: Task<Void, any Error>

    var id: InstanceID { bus.address.id }

    /// Returns when it is connected.
    init(_ url: String, timing: PresenceTiming) async throws {
        let bus = RedisBus(
            configuration: try RedisConfiguration(url: url), address: InstanceAddress(kind: .gateway, id: .fresh()),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: quietLogger)
        self.bus = bus
        board = PresenceBoard(bus: bus, gatewayID: bus.address.id, logger: quietLogger, timing: timing)
        running = Task { try await bus.run() }
        board.start()
        try await bus.waitUntilReady(deadline: .seconds(10))
    }

    deinit { bus.shutdown() }

    /// The link to Redis ends and nothing is said any more, as when the process is killed.
    func kill() async throws {
        bus.shutdown()
        try await running.value
    }

    /// Connects a device.
    func connect(_ user: UserID, _ workspaces: Set<WorkspaceID>) -> Device {
        let device = Device()
        board.connect(device, user: user, workspaces: workspaces)
        return device
    }

    /// Connects a device that watches people, and waits until it knows them.
    func watcher(
        _ workspace: WorkspaceID, _ users: [UserID], as user: UserID = .fresh()
    ) async throws -> Device {
        let device = connect(user, [workspace])
        board.watch(device.connectionID, PresenceWatch(workspaceID: workspace, userIDs: users))
        try await device.wait("the answer to a watch") { $0.answers.count > 0 }
        return device
    }
}

/// A connection that keeps what it was told.
final class Device: PresenceClient {
    struct State: Sendable {
        /// Each frame, in order.
        var answers: [PresenceStates] = []
        /// The last that was said of each person.
        var people: [UserID: UserPresence] = [:]
        /// Every state that was said of a person, in order.
        var history: [UserID: [PresenceState]] = [:]
    }

    let connectionID = ConnectionID.fresh()
    private let storage = Mutex(State())

    var state: State { storage.withLock { $0 } }

    func sendEphemeral(_ frame: PresenceStates) {
        storage.withLock { state in
            state.answers.append(frame)
            for user in frame.users {
                state.people[user.userID] = user
                state.history[user.userID, default: []].append(user.state)
            }
        }
    }

    func wait(_ what: String, within limit: Duration = .seconds(10), _ condition: (State) -> Bool) async throws {
        try await eventually(what, within: limit) { condition(state) ? true : nil }
    }

    /// Waits until a person was said to be in a state.
    func sees(_ user: UserID, _ wanted: PresenceState, within limit: Duration = .seconds(10)) async throws {
        try await wait("\(user) is \(wanted)", within: limit) { $0.people[user]?.state == wanted }
    }
}

/// Counts the people in everything that is published on topics of presence.
final class Publications: Sendable {
    private let storage = Mutex<[[UserPresence]]>([])

    var batches: [[UserPresence]] { storage.withLock { $0 } }
    var peopleCount: Int { batches.reduce(0) { $0 + $1.count } }

    /// Returns when everything that is published from now on is counted.
    init(of workspaces: [WorkspaceID], on bus: RedisBus) async throws {
        _ = try await bus.subscribe(to: workspaces.map { .presence($0) }) { [weak self] _, payload in
            guard let states = try? WireJSON.decode(PresenceStates.self, from: payload.readableBytesView) else {
                return
            }
            self?.storage.withLock { $0.append(states.users) }
        }
    }
}

/// A real Redis and two gateways on it, with times a tenth of the real ones.
func withGateways(
    scale: Double = 0.1, _ body: (RedisServer, PresenceGateway, PresenceGateway) async throws -> Void
) async throws {
    let server = try RedisServer()
    let timing = PresenceTiming(scale: scale)
    let first = try await PresenceGateway(server.url, timing: timing)
    let second = try await PresenceGateway(server.url, timing: timing)
    try await body(server, first, second)
    try await first.kill()
    try await second.kill()
}

/// Waits until each user has one connection in Redis, and its workspaces. Part by part, so that asking costs little.
func areKnown(_ users: [UserID], to gateway: PresenceGateway) async throws {
    for start in stride(from: 0, to: users.count, by: 250) {
        let lengths = users[start..<min(start + 250, users.count)].map { RedisCommand("HLEN", .key(.presence($0))) }
        try await eventually("users from \(start) are known", within: .seconds(60)) {
            try await gateway.bus.send(pipeline: lengths).allSatisfy { $0.integer == 2 } ? true : nil
        }
    }
}
