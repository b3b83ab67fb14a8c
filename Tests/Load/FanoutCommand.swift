import ArgumentParser
import Contracts

/// `roost-load fanout`
struct FanoutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fanout",
        abstract:
            "Measures what a gateway spends to deliver the events of channels to many subscribers.",
        discussion: """
            Each subscriber of the one gateway process is a person of their own. Events are published straight on Redis, \
            numbered on from the channel's last, so that no API process takes part. Every subscriber must get every \
            frame once and in order. Latency is counted from the moment a frame was due until it is read from the \
            socket, which happens each millisecond.
            """)

    @OptionGroup var fanout: FanoutRun
    @Option(
        help: "So many of the subscribers stop reading in a second run; the first is without that.")
    var stalled = 0

    func run() async throws {
        let gateway = try await GatewayUnderTest()
        let subscribers = try await gateway.subscribers(
            fanout.subscribers, offersDeflate: fanout.deflate)
        let silent = (fanout.subscribers - stalled)..<fanout.subscribers
        try await onThread { try subscribers.open(atOnce: 200, stalled: silent) }
        let publisher = try RedisPublisher(redisURL: try gateway.stack.redisURL())
        try await publisher.whileConnected {
            try await measure("roost", subscribers, fanout.subscribers, gateway, publisher).print()
            guard stalled > 0 else { return }
            try subscribers.stall(silent)
            let figures = try await measure(
                "roost-stalled", subscribers, silent.lowerBound, gateway, publisher)
            let closed = Double(subscribers.countClosed(silent))
            try Figures(
                measure: figures.measure,
                values: figures.values.merging(["stalledAndClosed": closed]) { $1 }
            ).print()
        }
        subscribers.closeAll()
    }

    private func measure(
        _ name: String, _ subscribers: Subscribers, _ readers: Int, _ gateway: GatewayUnderTest,
        _ publisher: RedisPublisher
    ) async throws -> Figures {
        let heads = try (0..<fanout.channels).map { try gateway.database.head(of: $0) }
        let frames = try PublishedFrame.make(
            fanout.frameCount, after: heads, byteCount: fanout.frameBytes)
        let figures = try await fanout.measure(
            name, subscribers, readers: readers, server: gateway.process, frames
        ) {
            try await publisher.publish(frames, on: $0)
        }
        for (channel, head) in heads.enumerated() {
            let count = frames.count { $0.channel == channel }
            try gateway.database.setHead(of: channel, to: head + count)
        }
        return figures
    }
}
