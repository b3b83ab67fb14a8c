import Contracts
import RoostClient
import TestSupport

/// One device that keeps a replica, over any number of clients: some go away for a while and come back with their
/// cursors, some lose their socket.
actor Reader {
    let name: String
    let api: RoostAPI
    private let gateways: [ServerAddress]
    private(set) var keeper: ReplicaKeeper
    private var running: Task<Void, Never>?
    /// Of the clients before this one.
    private var earlierViolations: [String] = []

    /// Connects to the given gateway first.
    init(_ person: Cast.Person, number: Int, gateways: [ServerAddress]) async throws {
        name = "device \(number) of \(person.name)"
        api = person.api
        self.gateways = gateways
        keeper = try await ReplicaKeeper(api: person.api, gateways: gateways)
        start()
    }

    private func start() { running = Task { [keeper] in await keeper.run() } }

    var violations: [String] {
        get async { earlierViolations + (await keeper.violations) }
    }

    /// Loses its socket, or goes away, again and again, as chance says.
    func wander(until end: ContinuousClock.Instant, _ seed: SeededRandom) async throws {
        var random = seed
        while ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(Int.random(in: 300...2_500, using: &random)))
            if Bool.random(using: &random) {
                await keeper.client.dropConnection()
            } else {
                await goAway()
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...1_500, using: &random)))
                await comeBack()
            }
        }
    }

    private func goAway() async {
        await keeper.client.stop()
        await running?.value
    }

    private func comeBack() async {
        earlierViolations += await keeper.violations
        keeper = await ReplicaKeeper(resuming: keeper, api: api, gateways: gateways)
        start()
    }

    func end() async { await goAway() }

    /// The network is back.
    func wake() async { await keeper.client.wake() }

    /// `nil` when it has everything up to the given places; else what it waits for.
    func lag(behind cursors: [Cursor]) async -> String? {
        let state = await keeper.state
        guard state == .current else { return "\(name) is \(state)" }
        guard await keeper.replica.isComplete else { return "\(name) has not loaded everything" }
        let mine = CursorTable(await keeper.client.cursors).places
        let theirs = CursorTable(cursors).places
        let differing = Set(mine.keys).union(theirs.keys).filter { mine[$0] != theirs[$0] }
        guard let stream = differing.first else { return nil }
        return "\(name) stands at \(mine[stream].map(String.init) ?? "nothing") of \(stream), "
            + "which is at \(theirs[stream].map(String.init) ?? "nothing")"
    }
}
