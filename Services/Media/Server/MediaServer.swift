import Contracts
package import Logging
import MediaCore
import MediaSecurity
import NIOCore
package import RedisBus
package import ServiceKit
import ServiceLifecycle
import Synchronization

/// A media node: its workers, its place on the bus, and its end.
package struct MediaServer: Service {
    /// Notices that may wait to be sent; beyond it the newest are lost, and the next state mends what they said.
    private static let noticeCount = 65_536
    /// How often it is looked which leases are due; one that could not be renewed is due at once.
    private static let renewInterval = Duration.seconds(1)

    private let bus: RedisBus
    private let keys: KeyRing
    private let workers: [WorkerThread]
    private let node: MediaNode
    private let state = MediaNodeState()
    private let recordings: RecordingDesk
    private let notices: AsyncStream<Notice>
    private let logger: Logger
    /// Answers what gateways ask.
    package let requests: SeatRequestHandler

    /// Binds the ports and starts the threads.
    /// - Throws: when a port is taken, an address is none, or OpenSSL fails.
    package init(configuration: MediaConfiguration, bus: RedisBus, logger: Logger) throws {
        self.bus = bus
        self.logger = logger
        let hosts = configuration.addresses.isEmpty ? localAddresses() : configuration.addresses
        let certificate = try DTLSCertificate.selfSigned()
        let (notices, continuation) = AsyncStream.makeStream(
            of: Notice.self, bufferingPolicy: .bufferingOldest(Self.noticeCount))
        self.notices = notices
        workers = try (0..<configuration.workerCount).map { index in
            let port = UInt16(configuration.port + index)
            let streamPort = configuration.streamPort.map { UInt16($0 + index) }
            var candidates = try hosts.map { host in try Self.candidate(host, port, .udp) }
            if let streamPort { candidates += try hosts.map { host in try Self.candidate(host, streamPort, .tcp) } }
            return try WorkerThread(
                port: port, streamPort: streamPort,
                configuration: WorkerConfiguration(
                    certificate: certificate, candidates: candidates, srtp: configuration.srtp)
            ) { for notice in $0 { continuation.yield(notice) } }
        }
        keys = KeyRing(logger: logger) {
            String(buffer: try await bus.request(.keys, to: .api, body: ByteBuffer()))
        }
        recordings = RecordingDesk(configuration: configuration, bus: bus, logger: logger)
        let encoder = CallStateEncoder()
        node = MediaNode(
            bus: bus, keys: keys, workers: workers,
            spread: RoomSpread(
                // Workers of one node reach each other without any network.
                addresses: workers.indices.map { .v4(0x7F00_0001, port: UInt16(configuration.port + $0)) },
                seatsPerWorker: configuration.seatsPerWorker),
            relayAddresses: try workers.indices.map { index in
                let host = configuration.relayAddress ?? localAddresses()[0]
                guard let address = TransportAddress(host: host, port: UInt16(configuration.port + index)) else {
                    throw SettingsError.invalid(
                        name: "ROOST_MEDIA_RELAY_ADDRESS", value: host, expected: "an IP address")
                }
                return address
            },
            seatCount: configuration.seatCount,
            recordings: recordings, state: state, encoder: encoder, logger: logger)
        requests = SeatRequestHandler(node: node, encoder: encoder, logger: logger)
        for worker in workers { worker.start() }
        logger.info(
            "media ports open",
            metadata: ["ports": "\(configuration.port)+\(workers.count)", "addresses": "\(hosts)"])
    }

    private static func candidate(
        _ host: String, _ port: UInt16, _ kind: TransportKind
    ) throws(SettingsError) -> TransportAddress {
        guard var address = TransportAddress(host: host, port: port) else {
            throw .invalid(
                name: "ROOST_MEDIA_ADDRESSES", value: host, expected: "IP addresses, separated by commas")
        }
        address.kind = kind
        return address
    }

    /// Whether seats can be given: there is Redis, and the keys that verify grants.
    package var health: HealthCheck {
        HealthCheck { [bus, keys, state] in
            if state.isDraining { return "going away" }
            if !bus.isConnected { return "no redis" }
            return keys.isLoaded ? nil : "no keys yet"
        }
    }

    /// What the node says of itself beside its health.
    package var pages: NodePages { NodePages(workers: workers, state: state) }

    package func run() async throws {
        bus.onRestored { [node] in Task { await node.catchUp() } }
        await recordings.adoptLeftovers()
        let work = Task { try await works() }
        try? await gracefulShutdown()
        await drain()
        work.cancel()
        for worker in workers { worker.stop() }
    }

    private func works() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await keys.load() }
            group.addTask { for await notice in notices { await node.take(notice) } }
            group.addTask { try await every(Limits.mediaNodeBeat) { await node.beat() } }
            group.addTask { try await every(Self.renewInterval) { await node.renewDue() } }
        }
    }

    private func every(_ interval: Duration, _ work: () async -> Void) async throws {
        while true {
            await work()
            try await Task.sleep(for: interval)
        }
    }

    /// The process ends when everyone has gone, or at the deadline.
    private func drain() async {
        await node.drain()
        let deadline = ContinuousClock.now + Limits.mediaDrainDeadline
        while await !node.isQuiet, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(20)) }
    }
}
