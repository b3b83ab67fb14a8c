import Contracts

/// Keeps a ``Replica`` up to date by a ``RoostClient``: applies its updates, and loads what the replica asks for.
package actor ReplicaKeeper {
    package private(set) var replica: Replica
    package private(set) var state = ConnectionState.connecting(attempt: 0)
    /// Breaches of the delivery contract that the client has seen.
    package private(set) var violations: [String] = []
    /// How often the client has become current: once, if it never lost its connection.
    package private(set) var currentCount = 0
    /// How often it was without a connection after that.
    package private(set) var interruptionCount = 0
    package private(set) var resetCount = 0
    package nonisolated let client: RoostClient
    private let loader: ReplicaLoader

    /// Takes a snapshot, from which ``run()`` goes on.
    /// - Precondition: the API has credentials.
    package init(api: RoostAPI, gateways: [ServerAddress]) async throws {
        guard let credentials = api.credentials else { preconditionFailure("a replica is that of a session") }
        let snapshot = try await api.call(Endpoints.bootstrap)
        replica = Replica(snapshot)
        loader = ReplicaLoader(api: api)
        client = RoostClient(credentials: credentials, gateways: gateways, cursors: snapshot.cursors)
    }

    /// Goes on where an earlier one, which has ended, stands.
    package init(resuming earlier: ReplicaKeeper, api: RoostAPI, gateways: [ServerAddress]) async {
        guard let credentials = api.credentials else { preconditionFailure("a replica is that of a session") }
        var replica = await earlier.replica
        replica.askAgain()
        self.replica = replica
        loader = ReplicaLoader(api: api)
        client = RoostClient(
            credentials: credentials, gateways: gateways, cursors: await earlier.client.cursors)
    }

    /// Whether the client is current and the replica complete.
    package var isSettled: Bool { state == .current && replica.isComplete }

    /// Runs until the client ends or the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.client.run() }
            load(in: &group)
            for await update in client.updates {
                note(update)
                replica.receive(update)
                load(in: &group)
            }
            group.cancelAll()
        }
    }

    private func note(_ update: Update) {
        switch update {
        case .state(let state):
            self.state = state
            if state == .current { currentCount += 1 }
            if case .waiting = state, currentCount > 0 { interruptionCount += 1 }
        case .violation(let what): violations.append(what)
        case .reset: resetCount += 1
        default: break
        }
    }

    private func load(in group: inout DiscardingTaskGroup) {
        for request in replica.takeLoads() { group.addTask { await self.load(request) } }
    }

    /// Tries until it has worked: a replica is not complete before.
    private func load(_ request: Replica.LoadRequest) async {
        while !Task.isCancelled {
            if let snapshot = try? await loader.load(request.stream) { return replica.receive(snapshot, for: request) }
        }
    }
}
