import ArgumentParser
import Contracts
import Foundation

/// `roost-load latency`
struct LatencyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency",
        abstract: "Measures the time from a POST until the last of many subscribers has the message.",
        discussion: """
            One person posts to a channel, to all API processes by turns, at even distances, without waiting for \
            answers; all subscribers of one gateway read it. First the saturating rate is looked for, the highest at which \
            half of the later messages reach the last subscriber within 200 ms; then a fifth and a half of it are \
            measured. Latency counts from when a message was due. Start the stack with \
            ROOST_MESSAGE_RATE=1000000.
            """)

    @Option(help: "Subscribers.")
    var subscribers = 1_000
    @Option(help: "Seconds of each measurement.")
    var seconds = 10
    @Option(help: "The saturating rate, if it is known: messages a second.")
    var saturatingRate: Double?

    /// The search begins here, and goes on by this factor as long as the system keeps up for so long.
    private static let firstRate = 20.0
    private static let step = 1.35
    private static let searchSeconds = 3.0

    func run() async throws {
        let gateway = try await GatewayUnderTest()
        let crowd = try await gateway.subscribers(subscribers)
        try await onThread { try crowd.open(atOnce: 200) }
        let token = try await gateway.population.token(of: Population.author)
        let apis = try gateway.stack.apiURLs().compactMap { URL(string: $0) }
        let messages = try apis.map { try PostedMessage(api: $0, channel: Population.postChannel, token: token) }
        try await MessagePoster.whileConnected(to: apis) { poster in
            let saturating = try await findSaturation(crowd, messages, poster)
            for share in [0.2, 0.5] {
                let rate = saturating * share
                let delivery = try await deliver(rate, Double(seconds), crowd, messages, poster)
                let last = delivery.untilLast().milliseconds(atShares: [0.5, 0.99])
                let all = delivery.latencies.milliseconds(atShares: [0.5, 0.99])
                try Figures(
                    measure: "latency \(subscribers) at \(Int(share * 100)) %",
                    values: [
                        "messagesPerSecond": rate, "saturatingMessagesPerSecond": saturating,
                        "lastP50Milliseconds": last[0], "lastP99Milliseconds": last[1],
                        "p50Milliseconds": all[0], "p99Milliseconds": all[1],
                    ]
                ).print()
            }
        }
        crowd.closeAll()
    }

    /// The highest rate of a row that the system keeps up with: short runs find where it stops to, and because a queue that
    /// grows slowly does not show in them, the rate is the first from there down that it keeps up with in a run as long as
    /// the measurement.
    private func findSaturation(
        _ crowd: Subscribers, _ messages: [PostedMessage], _ poster: MessagePoster
    ) async throws -> Double {
        if let saturatingRate { return saturatingRate }
        func keepsUp(_ rate: Double, _ seconds: Double) async throws -> Bool {
            let delivery = try await deliver(rate, seconds, crowd, messages, poster)
            return delivery.untilLast(from: delivery.schedule.count * 2 / 3).milliseconds(atShares: [0.5])[0] <= 200
        }
        var rate = Self.firstRate
        while try await keepsUp(rate, Self.searchSeconds) { rate *= Self.step }
        repeat {
            rate /= Self.step
            guard rate >= Self.firstRate else {
                throw LoadFailure("The system does not keep up with \(Self.firstRate) messages a second.")
            }
        } while try await !keepsUp(rate, Double(seconds))
        return rate
    }

    private func deliver(
        _ rate: Double, _ seconds: Double, _ crowd: Subscribers, _ messages: [PostedMessage],
        _ poster: MessagePoster
    ) async throws -> Delivery {
        let run = messages.map { $0.another() }
        let schedule = Schedule(framesPerSecond: rate, count: Int(rate * seconds))
        async let delivery = onThread { [subscribers] in
            // Posts are under way at a time, so their numbers need not be in the order of the stream.
            try crowd.receive(schedule, readers: subscribers, channels: nil)
        }
        try await poster.send(on: schedule) { run[$0 % run.count].request(number: $0) }
        let delivered = try await delivery
        try await onThread { try crowd.beat() }
        return delivered
    }
}
