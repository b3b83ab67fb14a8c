import ArgumentParser
import Contracts
import NIOCore
import NIOPosix
import ServiceKit

/// The options and the course that `fanout` and `nchan` share, so that both are measured by the same program.
struct FanoutRun: ParsableArguments {
    @Option(help: "Subscribers of the one channel, each with a connection.")
    var subscribers = 1_000
    @Option(help: "Frames published a second.")
    var rate = 200
    @Option(help: "Seconds of publishing, at most 30: no heartbeats are sent.")
    var seconds = 10

    func validate() throws {
        guard (1...30).contains(seconds) else { throw ValidationError("--seconds is 1 to 30.") }
        guard rate > 0, subscribers > 0 else { throw ValidationError("--rate and --subscribers are at least 1.") }
    }

    /// The events to publish after `head`: the shortest that a gateway carries every day, deletions, some 225 bytes.
    func frames(of channel: ChannelID, after head: StreamSequence) throws -> [PublishedFrame] {
        try (1...Int64(rate * seconds)).map { offset in
            let seq = head + offset
            let deleted = MessageDeleted(id: .fresh(), channelID: channel, version: seq)
            let frame = EventFrame(stream: .channel(channel), seq: seq, event: .messageDeleted(deleted))
            return PublishedFrame(envelope: frame.envelope, json: ByteBuffer(bytes: try WireJSON.encode(frame)))
        }
    }

    /// Opens the subscribers, publishes at the steady rate, and counts what arrives and what the server spends.
    /// - Parameter token: what a subscriber identifies with; `nil` where the upgrade is all.
    func measure(
        _ name: String, subscribe address: (host: String, port: Int, path: String), token: String?,
        server: ProcessUsage, frames: [PublishedFrame], publish: (Schedule) async throws -> Void
    ) async throws -> Figures {
        try raiseOpenFileLimit()
        let subscribers = try await Subscribers(
            count: subscribers, host: address.host, port: address.port, path: address.path, token: token,
            group: .singleton)
        let memory = try server.memory()
        // What the connections cost to open is none of the delivery's business.
        try await Task.sleep(for: .seconds(1))
        let before = (
            server: try server.cpuSeconds(), load: try ProcessUsage.own.cpuSeconds(), machine: try machineCPUSeconds()
        )
        let schedule = Schedule(start: .now() + .milliseconds(100), framesPerSecond: rate, count: frames.count)
        let delivery = try await subscribers.receive(schedule) { try await publish(schedule) }
        let serverSpent = try server.cpuSeconds() - before.server
        let loadSpent = try ProcessUsage.own.cpuSeconds() - before.load
        let machineSpent = try machineCPUSeconds() - before.machine
        let elapsed = Double((delivery.lastReceived - schedule.start).nanoseconds) / 1e9
        let millions = Double(delivery.frames) / 1e6
        let percentiles = delivery.latencies.milliseconds(atShares: [0.5, 0.99])
        return Figures(
            measure: name,
            values: [
                "framesPerSecond": Double(delivery.frames) / elapsed,
                "frameBytes": Double(frames.map(\.json.readableBytes).max() ?? 0),
                "serverCPUSecondsPerMillion": serverSpent / millions,
                "loadCPUSecondsPerMillion": loadSpent / millions,
                "p50Milliseconds": percentiles[0], "p99Milliseconds": percentiles[1],
                "coresUsedByOthers": max(0, (machineSpent - serverSpent - loadSpent) / elapsed),
                "serverRSSMB": Double(memory.resident) / 1e6,
            ])
    }
}

/// One event to publish.
struct PublishedFrame {
    let envelope: StreamEnvelope
    /// The payload of the frame that every subscriber gets.
    let json: ByteBuffer

    /// The event as it goes over the bus.
    var busPayload: ByteBuffer {
        var payload = ByteBuffer(string: envelope.header + "\n")
        payload.writeImmutableBuffer(json)
        return payload
    }
}
