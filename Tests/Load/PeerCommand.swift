import ArgumentParser
import Contracts

/// `roost-load peer`
struct PeerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peer",
        abstract:
            "Measures the same delivery by another server: nginx with nchan, or a broadcast server on node-ws.",
        discussion: """
            The same receivers, frames and rate as `fanout`, beside it. Frames of channel n are posted over kept-alive \
            connections to /publish/n; subscribers open /subscribe/channels, the number of channels.
            """)

    @OptionGroup var fanout: FanoutRun
    @Option(help: "What it is called in the figures.")
    var name: String
    @Option(help: "Where it listens: http://address:port.")
    var url: String
    @Option(help: "Its process id; children count too.")
    var pid: Int

    func run() async throws {
        let address = try ServerAddress(url: url, path: "/subscribe/\(fanout.channels)")
        let identify = Array(repeating: [UInt8](), count: fanout.subscribers)
        let subscribers = try Subscribers(
            of: address, identify: identify, offersDeflate: fanout.deflate)
        try await onThread { try subscribers.open(atOnce: 200) }
        let heads = Array(repeating: 0, count: fanout.channels)
        let frames = try PublishedFrame.make(
            fanout.frameCount, after: heads, byteCount: fanout.frameBytes)
        try await RequestPublisher.whileConnected { publisher in
            try await fanout.measure(name, subscribers, server: ProcessUsage(pid: pid), frames) {
                try await publisher.publish(frames, to: url, on: $0)
            }.print()
        }
        subscribers.closeAll()
    }
}
