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
    @Flag(help: "Each room has one microphone instead: 50 packets of 80 to 120 bytes a second.")
    var sound = false

    /// The shape that needs no name.
    private var isUsual: Bool { subscribers == 50 && rooms == 1 }
    private var source: CallSource { sound ? .microphone : .camera }

    func validate() throws {
        guard (1..<Limits.participantsPerCall).contains(subscribers) else {
            throw ValidationError(
                "--subscribers is 1 to \(Limits.participantsPerCall - 1), the seats beside the publisher.")
        }
        guard (1...100).contains(rooms) else { throw ValidationError("--rooms is 1 to 100.") }
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
        let publishers = MediaPublishers(source)
        let subscribers = MediaSubscribers()
        for room in 0..<rooms {
            try await open(room, server, publishers, subscribers, configure)
            if room == 0 { withTwo = try processes.residentBytes() }
            try await fill(room, with: self.subscribers - 1, server, subscribers, configure)
            try await connect(publishers, subscribers)
        }
        // Key frames, first reports, growth of memory: not measured.
        await play(2, publishers, subscribers)
        guard subscribers.allReceive else { throw LoadFailure("A subscriber has got nothing.") }
        publishers.forget()
        subscribers.forget()
        subscribers.reserve(packetsEach: 12 * publishers.framesPerSecond * seconds)
        let before = try Usage(processes)
        await play(seconds, publishers, subscribers)
        let spent = try Usage(processes) - before
        if let fault = subscribers.fault ?? server.fault() { throw LoadFailure(fault) }
        let memory = try processes.residentBytes()
        return figures(
            name, publishers, subscribers, spent,
            memory: (all: memory - idle, next: memory - withTwo))
    }

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
        _ name: String, _ publishers: MediaPublishers, _ subscribers: MediaSubscribers, _ spent: Usage,
        memory: (all: Int, next: Int)
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
                + (sound ? " sound" : ""),
            values: [
                "subscribers": Double(subscribers.count),
                "packetsPerSecond": Double(subscribers.packetCount) / Double(seconds),
                "lostShare": 1 - Double(subscribers.packetCount) / expected,
                "serverCPUSecondsPerMillion": spent.server / millions,
                "serverCores": spent.server / spent.elapsed,
                "loadCPUSecondsPerMillion": spent.load / millions,
                "p50Milliseconds": percentiles[0], "p99Milliseconds": percentiles[1],
                "kilobytesPerParticipant": Double(memory.all) / 1000 / Double(subscribers.count + rooms),
                // Without what the first two cost: code that is read in, pools that are filled.
                "kilobytesPerNextParticipant": Double(memory.next) / 1000
                    / Double(max(1, subscribers.count + rooms - 2)),
                "coresUsedByOthers": max(0, (spent.machine - spent.server - spent.load) / spent.elapsed),
            ])
    }

    /// Seconds of CPU, and of the clock.
    private struct Usage {
        let server: Double
        let load: Double
        let machine: Double
        let elapsed: Double

        init(server: Double, load: Double, machine: Double, elapsed: Double) {
            self.server = server
            self.load = load
            self.machine = machine
            self.elapsed = elapsed
        }

        init(_ processes: [ProcessUsage]) throws {
            self.init(
                server: try processes.cpuSeconds(), load: try ProcessUsage.own.cpuSeconds(),
                machine: try machineCPUSeconds(), elapsed: Double(MediaTime.now.nanoseconds) / 1e9)
        }

        static func - (later: Usage, earlier: Usage) -> Usage {
            Usage(
                server: later.server - earlier.server, load: later.load - earlier.load,
                machine: later.machine - earlier.machine, elapsed: later.elapsed - earlier.elapsed)
        }
    }
}

extension [ProcessUsage] {
    /// Bytes in memory of all of them.
    fileprivate func residentBytes() throws -> Int { try reduce(0) { try $0 + $1.memory().resident } }
}
