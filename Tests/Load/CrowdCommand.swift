import ArgumentParser
import Contracts
import MediaPeer
import MediaSecurity

/// `roost-load crowd`
struct CrowdCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crowd",
        abstract: "Measures a call of many with many cameras in three sizes each.",
        discussion: """
            Some of the call have a camera, of which they send 150, 500 and 1,500 kbit/s at once. Everybody shows one \
            camera large, each another one, and all others as thumbnails, and tells when each packet arrived, as browsers \
            do: so the node chooses layers for everybody and measures each link. Packets are lost if the numbers of a \
            stream leave them out.
            """)

    @Option(help: "People in the call.")
    var people = 100
    @Option(help: "Cameras among them.")
    var cameras = 25
    @Option(help: "Seconds that are measured.")
    var seconds = 10

    func validate() throws {
        guard (2...Limits.participantsPerCall).contains(people) else {
            throw ValidationError("--people is 2 to \(Limits.participantsPerCall).")
        }
        guard (2...min(people, Limits.maximumVideoSections)).contains(cameras) else {
            throw ValidationError("--cameras is 2 to \(Limits.maximumVideoSections), and no more than people.")
        }
        guard (1...60).contains(seconds) else { throw ValidationError("--seconds is 1 to 60.") }
    }

    func run() async throws {
        let stack = Stack()
        let rooms = try await MediaRoom.make(1, seats: people, at: try stack.apiURLs()[0])
        let figures = try await MediaSeats.with(stack: stack, rooms: rooms) { try await measure($0) }
        try figures.print()
    }

    // MARK: The course

    private static let joinsAtOnce = 25
    /// In which links are measured, layers chosen and key frames sent.
    private static let settling = 8
    /// The heights of a thumbnail and of the large picture, in pixels.
    private static let (small, large) = (160, 720)

    private func measure(_ seats: MediaSeats) async throws -> Figures {
        try raiseOpenFileLimit()
        let processes = try seats.processes()
        let idle = try processes.residentBytes()
        let crowd = CrowdMembers()
        let before = try MediaUsage(processes)
        for first in stride(from: 0, to: people, by: Self.joinsAtOnce) {
            for index in first..<min(people, first + Self.joinsAtOnce) { try await join(index, seats, crowd) }
            try await connect(crowd)
        }
        let joining = (try MediaUsage(processes) - before).server
        for index in 0..<people { try await seats.view(view(of: index, seats.participants), by: index) }
        await run(crowd, seconds: Self.settling)
        crowd.forget()
        let start = try MediaUsage(processes)
        await run(crowd, seconds: seconds)
        let spent = try MediaUsage(processes) - start
        if let fault = crowd.fault ?? seats.fault() { throw LoadFailure(fault) }
        let memory = try processes.residentBytes() - idle
        return figures(crowd, spent, joining: joining, memory: memory)
    }

    private func join(_ index: Int, _ seats: MediaSeats, _ crowd: CrowdMembers) async throws {
        let isCamera = index < cameras
        var configuration = MediaPeer.Configuration(seed: .random(in: 0 ... .max), sources: isCamera ? [.camera] : [])
        configuration.videoCodecs = ["VP8"]
        configuration.profiles = [.aeadAES128GCM]
        configuration.videoSections = Limits.maximumVideoSections
        configuration.usesRepair = true
        configuration.usesTransportFeedback = true
        if isCamera { configuration.encodings = ["q", "h", "f"] }
        let peer = try MediaPeer(configuration: configuration)
        try await seats.subscribe(peer, to: 0)
        try crowd.add(peer)
    }

    private func connect(_ crowd: CrowdMembers) async throws {
        let deadline = MediaTime.now + .seconds(20)
        while !crowd.areConnected {
            guard MediaTime.now < deadline else { throw LoadFailure("Not everyone has connected after 20 s.") }
            let end = MediaTime.now + .milliseconds(200)
            await onThread { crowd.run(until: end, publishing: false) }
        }
    }

    private func run(_ crowd: CrowdMembers, seconds: Int) async {
        let end = MediaTime.now + .seconds(seconds)
        await onThread { crowd.run(until: end, publishing: true) }
    }

    /// Whose camera somebody shows large: nobody shows their own.
    private func featured(by index: Int) -> Int {
        let camera = index % cameras
        return camera == index ? (camera + 1) % cameras : camera
    }

    private func view(of index: Int, _ participants: [ParticipantID]) -> [CallViewTrack] {
        (0..<cameras).filter { $0 != index }.map { camera in
            let isLarge = camera == featured(by: index)
            return CallViewTrack(
                participantID: participants[camera], source: .camera, height: isLarge ? Self.large : Self.small,
                isPinned: isLarge)
        }
    }

    // MARK: Figures

    private func figures(
        _ crowd: CrowdMembers, _ spent: MediaUsage, joining: Double, memory: Int
    ) -> Figures {
        let percentiles = crowd.delays().milliseconds(atShares: [0.5, 0.99])
        let received = crowd.received
        let millions = Double(received.packets) / 1e6
        return Figures(
            measure: "crowd \(cameras) cameras of \(people)",
            values: [
                "people": Double(people),
                "packetsPerSecond": Double(received.packets) / spent.elapsed,
                "lostShare": Double(received.missing) / Double(max(1, received.packets + received.missing)),
                "streamsEach": Double(received.streams) / Double(people),
                "largeShare": crowd.largeShare { featured(by: $0) },
                "undecodablePictures": Double(crowd.undecodable),
                "serverCPUSecondsPerMillion": spent.server / millions,
                "serverCores": spent.server / spent.elapsed,
                "loadCPUSecondsPerMillion": spent.load / millions,
                "loadThreadShare": crowd.threadUse.share,
                "joinCPUMilliseconds": joining * 1000 / Double(people),
                "p50Milliseconds": percentiles[0], "p99Milliseconds": percentiles[1],
                "kilobytesPerParticipant": Double(memory) / 1000 / Double(people),
                "coresUsedByOthers": spent.otherCores,
            ])
    }
}
