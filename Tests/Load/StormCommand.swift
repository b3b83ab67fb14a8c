import ArgumentParser
import Contracts

/// `roost-load storm`
struct StormCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storm",
        abstract:
            "Measures what it costs when all connections are cut and come back at once, with nothing missed.",
        discussion: """
            Each connection is a person of their own. All are reset at once; when the gateway has come to rest, all \
            connect, identify with their cursors, and are current. Those that a gateway turns away come back a second \
            later. CPU is that of the gateway alone, from the first packet of the storm on. They come with the token that \
            they had, or each with a new one, as at a gateway that has not seen them before.
            """)

    @Option(help: "Connections.")
    var connections = 10_000
    @Flag(help: "Each comes back with a new token.")
    var freshTokens = false

    func run() async throws {
        let gateway = try await GatewayUnderTest()
        let subscribers = try await gateway.subscribers(connections)
        subscribers.keepsPlaces = true
        try await onThread { try subscribers.open(atOnce: 500, within: 120) }
        try await gateway.keepCursors(of: subscribers, areTokensFresh: freshTokens)
        subscribers.keepsPlaces = false
        let cut = try UsageMeter(["gateway": [gateway.process]])
        subscribers.closeAll()
        try await gateway.settle()
        let spentOnCut = try cut.spent()["gateway", default: 0]
        let (retries, start) = (subscribers.retryCount, ContinuousClock.now)
        let meter = try UsageMeter([
            "gateway": [gateway.process], "api": try gateway.stack.processes("api"),
            "postgres": try gateway.stack.processes("postgres"),
            "redis": try gateway.stack.processes("redis"),
            "load": [.own],
        ])
        try await onThread { [connections] in try subscribers.open(atOnce: connections, within: 120) }
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        var values = [
            "seconds": elapsed, "retries": Double(subscribers.retryCount - retries),
            "cutMicroseconds": spentOnCut / Double(connections) * 1e6,
        ]
        for (name, spent) in try meter.spent() {
            values["\(name)Microseconds"] = spent / Double(connections) * 1e6
        }
        try Figures(measure: "storm \(connections)" + (freshTokens ? " with new tokens" : ""), values: values).print()
        subscribers.reportTurnedAway()
        subscribers.closeAll()
    }
}
