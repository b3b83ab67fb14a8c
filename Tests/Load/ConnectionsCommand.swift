import ArgumentParser
import Contracts

/// `roost-load connections`
struct ConnectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections",
        abstract:
            "Measures what idle connections cost a gateway, and how long a frame takes to all of them.",
        discussion: """
            Opens the connections, each a person of their own who reads all channels of the population, lets the gateway \
            come to rest, then publishes a few frames that every connection must get. Start it with a fresh gateway: \
            memory that an earlier run left would be used again and not be seen.
            """)

    @Option(help: "Connections.")
    var connections = 18_000
    @Option(help: "Frames published to all, one a second, at most 30.")
    var frames = 20

    func run() async throws {
        let gateway = try await GatewayUnderTest()
        let subscribers = try await gateway.subscribers(connections)
        // What the first connection brings with it is no price of the later ones.
        let before = try await settledMemory(gateway)
        let meter = try UsageMeter(["gateway": [gateway.process]])
        try await onThread {
            try subscribers.open(atOnce: 500, within: 120)
            try subscribers.beat()
        }
        let memory = try await settledMemory(gateway)
        let spent = try meter.spent()["gateway", default: 0]
        try await onThread { try subscribers.beat() }
        let delivery = try await deliver(to: subscribers, gateway)
        let last = delivery.untilLast().milliseconds(atShares: [0.5, 0.99])
        let all = delivery.latencies.milliseconds(atShares: [0.5, 0.99])
        try Figures(
            measure: "connections \(connections)",
            values: [
                "bytesPerConnection": Double(memory - before) / Double(connections),
                "openMicroseconds": spent / Double(connections) * 1e6,
                "gatewayRSSMB": Double(memory) / 1e6, "retries": Double(subscribers.retryCount),
                "p50Milliseconds": all[0], "p99Milliseconds": all[1],
                "lastP50Milliseconds": last[0], "lastP99Milliseconds": last[1],
            ]
        ).print()
        subscribers.reportTurnedAway()
        subscribers.closeAll()
    }

    private func settledMemory(_ gateway: GatewayUnderTest) async throws -> Int {
        try await gateway.settle()
        return try gateway.process.memory().resident
    }

    private func deliver(to subscribers: Subscribers, _ gateway: GatewayUnderTest) async throws
        -> Delivery
    {
        let head = try gateway.database.head(of: 0)
        let published = try PublishedFrame.make(frames, after: [head], byteCount: 200)
        let publisher = try RedisPublisher(redisURL: try gateway.stack.redisURL())
        var result: Delivery?
        try await publisher.whileConnected {
            let schedule = Schedule(framesPerSecond: 1, count: frames)
            async let delivery = onThread { [connections] in
                try subscribers.receive(schedule, readers: connections, channels: 1)
            }
            try await publisher.publish(published, on: schedule)
            result = try await delivery
        }
        try gateway.database.setHead(of: 0, to: head + frames)
        guard let result else { throw LoadFailure("Nothing was delivered.") }
        return result
    }
}
