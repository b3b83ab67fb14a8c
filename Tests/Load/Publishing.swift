import AsyncHTTPClient
import Contracts
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import RedisBus
import ServiceKit

/// One event to publish.
struct PublishedFrame {
    /// The number of its channel in the ``Population``.
    let channel: Int
    let stream: StreamID
    let envelope: StreamEnvelope
    /// The payload of the frame that every subscriber gets.
    let json: ByteBuffer

    /// The event as it goes over the bus.
    var busPayload: ByteBuffer {
        var payload = ByteBuffer(string: envelope.header + "\n")
        payload.writeImmutableBuffer(json)
        return payload
    }

    /// Frames of several channels by turns, after the heads of these: the shortest event that a gateway carries, somebody
    /// who leaves, whose id is the number of the frame, filled up with spaces.
    static func make(_ count: Int, after heads: [Int], byteCount: Int) throws -> [PublishedFrame] {
        try (0..<count).map { number in
            let channel = number % heads.count
            let stream = StreamID.channel(try Population.channel(channel))
            let seq = StreamSequence(heads[channel] + number / heads.count + 1)
            guard let user = UserID(Population.marker + Population.digits(number)) else {
                throw LoadFailure("Frame \(number) has no number.")
            }
            let event = Event.channelMemberLeft(ChannelMemberLeft(userID: user))
            let frame = EventFrame(stream: stream, seq: seq, event: event)
            var json = try WireJSON.encode(frame)
            json += Array(repeating: UInt8(ascii: " "), count: max(0, byteCount - json.count))
            return PublishedFrame(
                channel: channel, stream: stream, envelope: frame.envelope, json: ByteBuffer(bytes: json))
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
            configuration: try RedisConfiguration(url: redisURL),
            address: InstanceAddress(kind: .media, id: .fresh()),
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
    func publish(_ frames: [PublishedFrame], on schedule: Schedule) async throws {
        var next = 0
        while next < frames.count {
            try await schedule.wait(for: next, on: bus.eventLoop)
            let now = Int64(NIODeadline.now().uptimeNanoseconds)
            var due: [RedisCommand] = []
            while next < frames.count, schedule.due(next) <= now {
                let frame = frames[next]
                due.append(
                    RedisCommand("SPUBLISH", .topic(.stream(frame.stream)), .bytes(frame.busPayload)))
                next += 1
            }
            let replies = try await bus.send(pipeline: due)
            guard replies.allSatisfy({ $0.integer == 1 }) else {
                throw LoadFailure("Not exactly one gateway reads the channel: \(replies).")
            }
        }
    }
}

/// Sends requests to peers over connections that are kept alive.
struct RequestPublisher {
    private let http: HTTPClient

    /// Runs the body with connections, which end with it.
    static func whileConnected<Value>(_ body: (RequestPublisher) async throws -> Value) async throws
        -> Value
    {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 32
        let http = HTTPClient(configuration: configuration)
        do {
            let value = try await body(RequestPublisher(http: http))
            try await http.shutdown()
            return value
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    /// Sends one request now.
    private func send(_ request: HTTPClientRequest) async throws {
        let response = try await http.execute(request, timeout: .seconds(30))
        let answer = try await response.body.collect(upTo: 1 << 16)
        guard (200..<300).contains(response.status.code) else {
            throw LoadFailure(
                "\(request.url) was answered \(response.status.code): \(String(buffer: answer))")
        }
    }

    /// Publishes frames to a peer, which takes those of channel n at /publish/n: each when it is due and the one before is
    /// answered, because a peer has no other order than that in which they come.
    func publish(_ frames: [PublishedFrame], to url: String, on schedule: Schedule) async throws {
        let clock = http.eventLoopGroup.next()
        for (number, frame) in frames.enumerated() {
            try await schedule.wait(for: number, on: clock)
            var request = HTTPClientRequest(url: "\(url)/publish/\(frame.channel)")
            request.method = .POST
            request.headers = ["Content-Type": "application/json"]
            request.body = .bytes(frame.json)
            try await send(request)
        }
    }
}
