import ArgumentParser
import Contracts
import Foundation
import MediaPeer
import MediaSecurity

/// A server that peers exchange media through, with its own way to bring them in.
protocol MediaServerUnderTest {
    /// The processes that forward.
    func processes() throws -> [ProcessUsage]
    /// Brings a peer with a camera into a room; its answer is accepted when this returns.
    func publish(_ peer: MediaPeer, in room: Int) async throws
    /// The publisher of a room has connected.
    func publisherConnected(in room: Int) async throws
    /// Brings in a peer that gets the room's camera; offer and answer are exchanged when this returns.
    func subscribe(_ peer: MediaPeer, to room: Int) async throws
    /// What has gone wrong meanwhile, if anything.
    func fault() -> String?
}

/// The options and the course that `media` and `janus` share, so that both are measured by the same program.
struct MediaRun: ParsableArguments {
    enum Profile: String, ExpressibleByArgument, CaseIterable {
        case gcm, sha1

        var srtp: SRTPProfile { self == .gcm ? .aeadAES128GCM : .aes128CMSHA1_80 }
    }

    @Option(help: "Subscribers of each room's one camera or microphone.")
    var subscribers = 50
    @Option(help: "Rooms, each with a camera of its own.")
    var rooms = 1
    @Option(help: "Seconds of publishing that are measured.")
    var seconds = 10
    @Option(help: "How packets are protected: gcm (AEAD_AES_128_GCM) or sha1 (AES128_CM_SHA1_80).")
    var profile = Profile.gcm
    @Option(help: "Kilobits a second of each camera; fewer where the load has no core of its own to take them all.")
    var kilobits = 2_500
    @Flag(help: "Each room has one microphone instead: 50 packets of 80 to 120 bytes a second.")
    var sound = false

    /// The shape that needs no name.
    private var isUsual: Bool { subscribers == 50 && rooms == 1 && kilobits == 2_500 }
    private var source: CallSource { sound ? .microphone : .camera }

    func validate() throws {
        guard (1..<Limits.participantsPerCall).contains(subscribers) else {
            throw ValidationError(
                "--subscribers is 1 to \(Limits.participantsPerCall - 1), the seats beside the publisher.")
        }
        guard (1...100).contains(rooms) else { throw ValidationError("--rooms is 1 to 100.") }
        guard (100...10_000).contains(kilobits) else { throw ValidationError("--kilobits is 100 to 10,000.") }
        guard (1...60).contains(seconds) else { throw ValidationError("--seconds is 1 to 60.") }
    }

    /// What a peer is to be, apart from what it sends and how it receives.
    func configuration(sources: [CallSource]) -> MediaPeer.Configuration {
        var configuration = MediaPeer.Configuration(seed: .random(in: 0 ... .max), sources: sources)
        configuration.videoCodecs = ["VP8"]
        configuration.profiles = [profile.srtp]
        return configuration
    }

    // MARK: The course

    /// Brings everyone in, publishes at the steady rate, and counts what arrives and what the server spends.
    /// - Parameter configure: makes peers what the server can take.
    /// - Throws: ``LoadFailure`` when someone does not connect, gets nothing, or gets what was not sent.
    func measure(
        _ name: String, _ server: some MediaServerUnderTest,
        configure: (inout MediaPeer.Configuration) -> Void = { _ in }
    ) async throws -> Figures {
        try raiseOpenFileLimit()
        let processes = try server.processes()
        let idle = try processes.residentBytes()
        var withTwo = idle
        var joining = 0.0
        let publishers = MediaPublishers(source, bitrate: kilobits * 1000)
        let subscribers = MediaSubscribers()
        for room in 0..<rooms {
            try await open(room, server, publishers, subscribers, configure)
            if room == 0 { withTwo = try processes.residentBytes() }
            let before = try MediaUsage(processes)
            for first in stride(from: 1, to: self.subscribers, by: Self.joinsAtOnce) {
                let count = min(Self.joinsAtOnce, self.subscribers - first)
                try await fill(room, with: count, server, subscribers, configure)
                try await connect(publishers, subscribers)
            }
            joining += (try MediaUsage(processes) - before).server
        }
        // Key frames, first reports, growth of memory, and of hundreds the states that are still told: not measured.
        await play(self.subscribers > 100 ? 5 : 2, publishers, subscribers)
        guard subscribers.allReceive else { throw LoadFailure("A subscriber has got nothing.") }
        publishers.forget()
        subscribers.forget()
        subscribers.reserve(packetsEach: 12 * publishers.framesPerSecond * seconds)
        let before = try MediaUsage(processes)
        await play(seconds, publishers, subscribers)
        let spent = try MediaUsage(processes) - before
        if let fault = subscribers.fault ?? server.fault() { throw LoadFailure(fault) }
        let memory = try processes.residentBytes()
        return figures(
            name, publishers, subscribers, spent,
            memory: (all: memory - idle, next: memory - withTwo), joining: joining)
    }

    /// Who has joined does nothing until these have too, and a server does not wait for ever.
    private static let joinsAtOnce = 50

    /// Brings in a publisher and, once it has connected, the first subscriber.
    private func open(
        _ room: Int, _ server: some MediaServerUnderTest, _ publishers: MediaPublishers,
        _ subscribers: MediaSubscribers, _ configure: (inout MediaPeer.Configuration) -> Void
    ) async throws {
        var configuration = configuration(sources: [source])
        configure(&configuration)
        let peer = try MediaPeer(configuration: configuration)
        try await server.publish(peer, in: room)
        try publishers.add(peer)
        try await connect(publishers, subscribers)
        try await server.publisherConnected(in: room)
        try await fill(room, with: 1, server, subscribers, configure)
        try await connect(publishers, subscribers)
    }

    private func fill(
        _ room: Int, with count: Int, _ server: some MediaServerUnderTest, _ members: MediaSubscribers,
        _ configure: (inout MediaPeer.Configuration) -> Void
    ) async throws {
        for _ in 0..<count {
            var configuration = configuration(sources: [])
            configure(&configuration)
            let peer = try MediaPeer(configuration: configuration)
            try await server.subscribe(peer, to: room)
            try members.add(peer)
        }
    }

    private func connect(_ publishers: MediaPublishers, _ subscribers: MediaSubscribers) async throws {
        let deadline = MediaTime.now + .seconds(20)
        while !(publishers.areConnected && subscribers.areConnected) {
            guard MediaTime.now < deadline else { throw LoadFailure("Not everyone has connected after 20 s.") }
            await run(frames: 0, for: .milliseconds(200), publishers, subscribers)
        }
    }

    /// So many seconds of pictures, and half a second in which the last ones arrive.
    private func play(_ seconds: Int, _ publishers: MediaPublishers, _ subscribers: MediaSubscribers) async {
        await run(
            frames: publishers.framesPerSecond * seconds, for: .seconds(seconds) + .milliseconds(500), publishers,
            subscribers)
    }

    private func run(
        frames: Int, for time: Duration, _ publishers: MediaPublishers, _ subscribers: MediaSubscribers
    ) async {
        let start = MediaTime.now + .milliseconds(5)
        let end = start + time
        async let published: Void = onThread { publishers.run(frames: frames, from: start, until: end) }
        async let received: Void = onThread { subscribers.run(until: end) }
        _ = await (published, received)
    }

    // MARK: Figures

    private func figures(
        _ name: String, _ publishers: MediaPublishers, _ subscribers: MediaSubscribers, _ spent: MediaUsage,
        memory: (all: Int, next: Int), joining: Double
    ) -> Figures {
        var delays = LatencySamples()
        for arrival in subscribers.arrivals {
            if let sent = publishers.sendTime(of: arrival.pattern) { delays.add(nanoseconds: arrival.at - sent) }
        }
        let percentiles = delays.milliseconds(atShares: [0.5, 0.99])
        let millions = Double(subscribers.packetCount) / 1e6
        let expected = Double(publishers.packetCount * self.subscribers)
        return Figures(
            measure: "\(name)-\(profile.rawValue)" + (isUsual ? "" : " \(self.subscribers)x\(rooms)")
                + (sound ? " sound" : "") + (kilobits == 2_500 ? "" : " at \(kilobits) kbit/s"),
            values: [
                "subscribers": Double(subscribers.count),
                "packetsPerSecond": Double(subscribers.packetCount) / Double(seconds),
                "lostShare": 1 - Double(subscribers.packetCount) / expected,
                "serverCPUSecondsPerMillion": spent.server / millions,
                "serverCores": spent.server / spent.elapsed,
                "loadCPUSecondsPerMillion": spent.load / millions,
                // At 1 it is the load that is measured, and --kilobits has to be less.
                "loadThreadShare": subscribers.threadUse.share,
                // What all that is told in the meantime costs is in it.
                "joinCPUMilliseconds": joining * 1000 / Double(max(1, subscribers.count - rooms)),
                "p50Milliseconds": percentiles[0], "p99Milliseconds": percentiles[1],
                "kilobytesPerParticipant": Double(memory.all) / 1000 / Double(subscribers.count + rooms),
                // Without what the first two cost: code that is read in, pools that are filled.
                "kilobytesPerNextParticipant": Double(memory.next) / 1000
                    / Double(max(1, subscribers.count + rooms - 2)),
                "coresUsedByOthers": spent.otherCores,
            ])
    }
}
