import ArgumentParser
import AsyncHTTPClient
import Contracts
import Foundation
import Logging
import NIOCore
import NIOPosix
import RedisBus
import ServiceKit

/// `roost-load fanout`
struct FanoutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fanout",
        abstract: "Measures what a gateway spends to deliver the events of one channel to many subscribers.",
        discussion: """
            Subscribers of one gateway process identify as the same person; events are published straight on Redis, \
            numbered on from the channel's last, so that no API process takes part. Every subscriber must get every \
            frame. Latency is counted from the moment a frame was due until it is read from the socket.
            """)

    @OptionGroup var fanout: FanoutRun

    func run() async throws {
        let stack = Stack()
        let (user, place) = try await makeChannel(try stack.apiURLs()[0])
        guard let gateway = URL(string: try stack.gatewayURLs()[0]), let host = gateway.host(), let port = gateway.port,
            case .channel(let channel) = place.stream
        else { throw LoadFailure("ROOST_GATEWAY_URLS holds no http://host:port.") }
        let frames = try fanout.frames(of: channel, after: place.seq)
        let publisher = try RedisPublisher(redisURL: stack.redisURL())
        try await publisher.whileConnected {
            try await fanout.measure(
                "fanout", subscribe: (host, port, "/gateway"), token: user.token,
                server: try stack.process("gateway-0"), frames: frames
            ) { try await publisher.publish(frames, to: place.stream, on: $0) }.print()
        }
    }

    /// A person with a channel, and the place its stream has come to.
    private func makeChannel(_ apiURL: String) async throws -> (LoadUser, Cursor) {
        let http = HTTPClient()
        do {
            let api = APIClient(baseURL: apiURL, http: http)
            let user = try await LoadUser.register(with: api)
            let channel = try await user.createChannel(named: "fanout", with: api)
            let page = try await api.call(
                Endpoints.listMessages, path: [channel.description], body: Empty(), token: user.token)
            try await http.shutdown()
            return (user, Cursor(stream: .channel(channel), seq: page.seq))
        } catch {
            try? await http.shutdown()
            throw error
        }
    }
}

/// Publishes on Redis as an API process does, from a thread of its own.
struct RedisPublisher {
    private let bus: RedisBus

    init(redisURL: String) throws {
        var logger = Logger(label: "roost-load")
        logger.logLevel = .warning
        bus = RedisBus(
            configuration: try RedisConfiguration(url: redisURL), address: InstanceAddress(kind: .media, id: .fresh()),
            eventLoopGroup: MultiThreadedEventLoopGroup(numberOfThreads: 1), logger: logger)
    }

    /// Runs the body with a connection to Redis, which ends with it.
    func whileConnected(_ body: () async throws -> Void) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await bus.run() }
            do {
                try await bus.waitUntilReady(deadline: .seconds(5))
                try await body()
                bus.shutdown()
            } catch {
                bus.shutdown()
                throw error
            }
        }
    }

    /// Publishes each frame when it is due. Those that are due together go in one write, in order.
    /// - Throws: ``LoadFailure`` if Redis hands a frame to more or fewer than one gateway.
    func publish(_ frames: [PublishedFrame], to stream: StreamID, on schedule: Schedule) async throws {
        var next = 0
        while next < frames.count {
            try await schedule.wait(for: next, on: bus.eventLoop)
            let now = NIODeadline.now()
            var due: [RedisCommand] = []
            while next < frames.count, schedule.due(next) <= now {
                due.append(RedisCommand("SPUBLISH", .topic(.stream(stream)), .bytes(frames[next].busPayload)))
                next += 1
            }
            let replies = try await bus.send(pipeline: due)
            guard replies.allSatisfy({ $0.integer == 1 }) else {
                throw LoadFailure("Not exactly one gateway reads the channel: \(replies).")
            }
        }
    }
}
