import ArgumentParser
import Contracts
import Foundation

/// `roost-load resume`
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Measures how long clients take that come back at once, each some events behind.",
        discussion: """
            Each connection is a person of their own. While all are cut, messages are posted in a channel that all read; \
            then all come back, identify with their cursors, and must get each of the messages once and in order. The \
            statements that PostgreSQL ran meanwhile are counted, less those of an equally long time of rest.
            """)

    @Option(help: "Clients.")
    var clients = 5_000
    @Option(help: "Messages that each has missed.")
    var events = 20

    func run() async throws {
        let gateway = try await GatewayUnderTest()
        let subscribers = try await gateway.subscribers(clients)
        subscribers.keepsPlaces = true
        try await onThread { try subscribers.open(atOnce: 500, within: 120) }
        try await gateway.keepCursors(of: subscribers)
        subscribers.keepsPlaces = false
        subscribers.closeAll()
        try await post(gateway)
        try await gateway.settle()

        let before = try gateway.database.statementCount()
        let meter = try UsageMeter([
            "gateway": [gateway.process], "api": try gateway.stack.processes("api"),
        ])
        let schedule = Schedule(framesPerSecond: 1e9, count: events)
        let start = ContinuousClock.now
        let delivery = try await onThread { [clients] in
            try subscribers.resume(schedule, readers: clients, within: 60)
        }
        let elapsed = ContinuousClock.now - start
        let spent = try meter.spent()
        let statements = try gateway.database.statementCount() - before
        try await Task.sleep(for: elapsed)
        let atRest = try gateway.database.statementCount() - before - statements
        try Figures(
            measure: "resume \(clients)x\(events)",
            values: [
                "seconds": Double(delivery.lastReceived - schedule.start) / 1e9,
                "secondsUntilCurrent": elapsed / .seconds(1),
                "statementsPerHundred": Double(max(0, statements - atRest)) / Double(clients) * 100,
                "retries": Double(subscribers.retryCount),
                "gatewayMicroseconds": spent["gateway", default: 0] / Double(clients) * 1e6,
                "apiMicroseconds": spent["api", default: 0] / Double(clients) * 1e6,
            ]
        ).print()
        subscribers.reportTurnedAway()
        subscribers.closeAll()
    }

    /// One after the other, so that their numbers are in the order of the stream.
    private func post(_ gateway: GatewayUnderTest) async throws {
        let token = try await gateway.population.token(of: Population.author)
        let apis = try gateway.stack.apiURLs().prefix(1).compactMap { URL(string: $0) }
        let message = try PostedMessage(api: apis[0], channel: Population.resumeChannel, token: token)
        try await MessagePoster.whileConnected(to: apis) { poster in
            for number in 0..<events {
                try await poster.send(on: Schedule(framesPerSecond: 1, count: 1)) { _ in message.request(number: number)
                }
            }
        }
    }
}
