import ArgumentParser
import AsyncHTTPClient
import Contracts
import Foundation
import NIOCore

/// `roost-load post`
struct PostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "post",
        abstract: "Measures messages a second through POST, straight to the API processes.",
        discussion: """
            Concurrent clients with kept-alive connections, spread over the API processes, each sending one message \
            after the other and choosing a channel at random. Every answer must be 201. Start the stack with \
            ROOST_MESSAGE_RATE=1000000.
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
        let urls = try stack.apiURLs()
        let http = HTTPClient()
        do {
            let places = try await makePlaces(APIClient(baseURL: urls[0], http: http))
            let load = MessageLoad(apis: urls.compactMap { URL(string: $0) }, places: places, clients: clients)
            _ = try await load.run(for: .seconds(warmUp))
            try await measure(load, stack).print()
            try await http.shutdown()
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    private func measure(_ load: MessageLoad, _ stack: Stack) async throws -> Figures {
        let parts = [
            "api": try stack.processes("api"), "postgres": try stack.processes("postgres"),
            "redis": try stack.processes("redis"), "load": [ProcessUsage.own],
        ]
        let before = try parts.mapValues { try $0.cpuSeconds() }
        let machineBefore = try machineCPUSeconds()
        let start = ContinuousClock.now
        let latencies = try await load.run(for: .seconds(seconds))
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        var others = try machineCPUSeconds() - machineBefore
        let count = Double(latencies.count)
        let percentiles = latencies.milliseconds(atShares: [0.5, 0.99])
        var values = [
            "messagesPerSecond": count / elapsed, "p50Milliseconds": percentiles[0], "p99Milliseconds": percentiles[1],
        ]
        for (name, processes) in parts {
            let spent = try processes.cpuSeconds() - before[name, default: 0]
            values["\(name)CPUSecondsPerThousand"] = spent / count * 1000
            others -= spent
        }
        values["coresUsedByOthers"] = max(0, others / elapsed)
        return Figures(measure: "post", values: values)
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
