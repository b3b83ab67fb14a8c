import ArgumentParser
import AsyncHTTPClient
import Contracts
import NIOCore

/// `roost-load post`
struct PostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "post",
        abstract: "Measures messages a second through POST, straight to the API processes.",
        discussion: """
            Concurrent clients with kept-alive connections, each sending one message after the other, alternating \
            between the API processes and choosing a channel at random. Every answer must be 201. Start the stack \
            with ROOST_MESSAGE_RATE=1000000.
            """)

    @Option(help: "Clients at a time.")
    var clients = 32
    @Option(help: "Channels; each belongs to one of the users.")
    var channels = 1_000
    @Option(help: "Users, each with a workspace.")
    var users = 8
    @Option(help: "Seconds that are measured.")
    var seconds = 10
    @Option(help: "Seconds before, which are not.")
    var warmUp = 2

    /// The text of every message; bench.sh has pgbench insert the same.
    static let content = "The quick brown fox jumps over the lazy dog."

    func run() async throws {
        let stack = Stack()
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = clients
        let http = HTTPClient(configuration: configuration)
        do {
            let apis = try stack.apiURLs().map { APIClient(baseURL: $0, http: http) }
            let places = try await makePlaces(apis[0])
            let load = MessageLoad(apis: apis, places: places, clients: clients)
            _ = try await load.run(for: .seconds(warmUp))
            try await measure(load, stack).print()
            try await http.shutdown()
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    private func measure(_ load: MessageLoad, _ stack: Stack) async throws -> Figures {
        let apis = try stack.processes("api")
        let postgres = try stack.processes("postgres")
        let redis = try stack.processes("redis")
        let before = (
            api: try apis.cpuSeconds(), postgres: try postgres.cpuSeconds(), redis: try redis.cpuSeconds(),
            load: try ProcessUsage.own.cpuSeconds()
        )
        let start = ContinuousClock.now
        let latencies = try await load.run(for: .seconds(seconds))
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        let count = Double(latencies.count)
        func perThousand(_ after: Double, _ before: Double) -> Double { (after - before) / count * 1000 }
        let percentiles = latencies.milliseconds(atShares: [0.5, 0.99])
        return Figures(
            measure: "post",
            values: [
                "messagesPerSecond": count / elapsed,
                "apiCPUSecondsPerThousand": perThousand(try apis.cpuSeconds(), before.api),
                "postgresCPUSecondsPerThousand": perThousand(try postgres.cpuSeconds(), before.postgres),
                "redisCPUSecondsPerThousand": perThousand(try redis.cpuSeconds(), before.redis),
                "loadCPUSecondsPerThousand": perThousand(try ProcessUsage.own.cpuSeconds(), before.load),
                "p50Milliseconds": percentiles[0], "p99Milliseconds": percentiles[1],
            ])
    }

    /// Users with their channels. The channels of a user are made one after the other, the users' at a time.
    private func makePlaces(_ api: APIClient) async throws -> [MessageLoad.Place] {
        try await withThrowingTaskGroup(of: [MessageLoad.Place].self) { group in
            for number in 0..<users {
                let share = channels / users + (number < channels % users ? 1 : 0)
                group.addTask {
                    let user = try await LoadUser.register(with: api)
                    var places: [MessageLoad.Place] = []
                    for index in 0..<share {
                        let channel = try await user.createChannel(named: "load \(index)", with: api)
                        places.append(MessageLoad.Place(channel: channel, token: user.token))
                    }
                    return places
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }
}
