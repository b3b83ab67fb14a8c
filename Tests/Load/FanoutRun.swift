import ArgumentParser
import Contracts
import NIOCore

/// The options and the course that `fanout` and `peer` share, so that all servers are measured by the same program.
struct FanoutRun: ParsableArguments {
    @Option(help: "Subscribers, each with a connection.")
    var subscribers = 1_000
    @Option(help: "Frames published a second, at even distances.")
    var rate = 100.0
    @Option(help: "Seconds of publishing, at most 30: no heartbeats are sent.")
    var seconds = 10
    @Option(help: "Channels that the frames belong to by turns; every subscriber reads all of them.")
    var channels = 1
    @Option(help: "Bytes of a frame's payload.")
    var frameBytes = 200
    @Flag(help: "Subscribers negotiate permessage-deflate.")
    var deflate = false

    func validate() throws {
        guard (1...30).contains(seconds) else { throw ValidationError("--seconds is 1 to 30.") }
        guard rate > 0, subscribers > 0 else {
            throw ValidationError("--rate and --subscribers are above 0.")
        }
        guard (1...Population.fanoutChannelCount).contains(channels) else {
            throw ValidationError("--channels is 1 to \(Population.fanoutChannelCount).")
        }
    }

    var frameCount: Int { Int(rate * Double(seconds)) }

    /// What tells runs of different kinds apart: `1000x100`, `1000x50-20ch`, `1000x40-5000B`, `1000x100-deflate`.
    var label: String {
        "\(subscribers)x\(Int(rate))" + (channels > 1 ? "-\(channels)ch" : "")
            + (frameBytes == 200 ? "" : "-\(frameBytes)B") + (deflate ? "-deflate" : "")
    }

    /// Publishes at the steady rate, and counts what arrives and what the server spends.
    /// - Parameters:
    ///   - subscribers: open, all of them.
    ///   - readers: how many of the first are to get the frames.
    func measure(
        _ name: String, _ subscribers: Subscribers, readers: Int? = nil, server: ProcessUsage,
        _ frames: [PublishedFrame], publish: (Schedule) async throws -> Void
    ) async throws -> Figures {
        let memory = try server.memory()
        // What the connections cost to open is none of the delivery's business.
        try await Task.sleep(for: .seconds(1))
        let meter = try UsageMeter(["server": [server], "load": [.own]])
        let schedule = Schedule(framesPerSecond: rate, count: frames.count)
        let (readers, channels) = (readers ?? self.subscribers, channels)
        let deflatedBefore = subscribers.deflatedFrameCount
        async let delivery = onThread {
            try subscribers.receive(schedule, readers: readers, channels: channels)
        }
        try await publish(schedule)
        let delivered = try await delivery
        let spent = try meter.spent()
        let elapsed = Double(delivered.lastReceived - schedule.start) / 1e9
        let count = Double(delivered.latencies.count)
        let all = delivered.latencies.milliseconds(atShares: [0.5, 0.99])
        let last = delivered.untilLast().milliseconds(atShares: [0.5, 0.99])
        return Figures(
            measure: "\(name) \(label)",
            values: [
                "framesPerSecond": count / elapsed,
                // Below 1 the server, or the machine, did not keep up: then frames merge and CPU is not to be compared.
                "offeredShare": min(1, Double(seconds) / elapsed), "frameBytes": Double(frames[0].json.readableBytes),
                "serverCPUSecondsPerMillion": spent["server", default: 0] / count * 1e6,
                "loadCPUSecondsPerMillion": spent["load", default: 0] / count * 1e6,
                "p50Milliseconds": all[0], "p99Milliseconds": all[1],
                "lastP50Milliseconds": last[0], "lastP99Milliseconds": last[1],
                "coresUsedByOthers": spent["others", default: 0] / elapsed,
                "serverRSSMB": Double(memory.resident) / 1e6,
                "serverPeakRSSMB": Double(try server.peakResident()) / 1e6,
                "deflatedShare": Double(subscribers.deflatedFrameCount - deflatedBefore) / count,
                "distinctDeflatedFrames": Double(subscribers.inflatedFrameCount),
            ])
    }
}
