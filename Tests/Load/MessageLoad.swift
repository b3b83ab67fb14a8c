import Contracts
import Foundation
import NIOCore
import NIOPosix
import ServiceKit

/// Clients that send messages as fast as they are answered, each on a connection of its own that stays with one API.
///
/// HTTP is written and read by hand, on one thread: a general client cost as much as half an API, on the same cores.
struct MessageLoad: Sendable {
    /// A channel and someone who may write in it.
    struct Place: Sendable {
        let channel: ChannelID
        let token: String
    }

    /// Where the APIs are: `http://127.0.0.1:3000`.
    let apis: [URL]
    let places: [Place]
    /// Clients at a time.
    let clients: Int

    /// Sends for this long, and until what was sent then is answered.
    /// - Returns: one latency for each message.
    /// - Throws: ``LoadFailure`` at the first message that is not answered 201.
    func run(for time: Duration) async throws -> LatencySamples {
        guard !apis.isEmpty, !places.isEmpty else { throw LoadFailure("There is no channel to write in.") }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let end = NIODeadline.now() + TimeAmount(time)
        do {
            let latencies = try await withThrowingTaskGroup(of: LatencySamples.self) { tasks in
                for number in 0..<clients {
                    tasks.addTask { try await client(number, on: group.next(), until: end) }
                }
                return try await tasks.reduce(into: LatencySamples()) { $0.add($1) }
            }
            try await group.shutdownGracefully()
            return latencies
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private func client(_ number: Int, on loop: any EventLoop, until end: NIODeadline) async throws -> LatencySamples {
        let api = apis[number % apis.count]
        guard let host = api.host(), let port = api.port else { throw LoadFailure("\(api) has no host and port.") }
        let done = loop.makePromise(of: LatencySamples.self)
        let requests = places.map { Self.request(for: $0, at: "\(host):\(port)") }
        _ = try await ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        MessageClient(requests: requests, seed: UInt64(number), end: end, done: done))
                }
            }
            .connect(host: host, port: port).flatMapErrorThrowing { error in
                done.fail(error)
                throw error
            }.get()
        return try await done.futureResult.get()
    }

    /// A request but for its key, which is the end of its body.
    private static func request(for place: Place, at host: String) -> ByteBuffer {
        let body = #"{"content":"\#(PostCommand.content)","idempotencyKey":""#
        return ByteBuffer(
            string: """
                POST /api/v1/channels/\(place.channel)/messages HTTP/1.1\r
                Host: \(host)\r
                Authorization: Bearer \(place.token)\r
                Content-Type: application/json\r
                Content-Length: \(body.utf8.count + MessageClient.keyByteCount + 2)\r
                \r
                \(body)
                """)
    }
}

/// One connection: a message, its answer, the next message. Owned by its event loop.
private final class MessageClient: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A key is a UUID.
    static let keyByteCount = 36

    private let requests: [ByteBuffer]
    private let end: NIODeadline
    private let done: EventLoopPromise<LatencySamples>
    private var random: CheapRandom
    private var latencies = LatencySamples()
    private var sentAt = NIODeadline.now()
    private var answers = AnswerReader()
    private var isDone = false

    init(requests: [ByteBuffer], seed: UInt64, end: NIODeadline, done: EventLoopPromise<LatencySamples>) {
        self.requests = requests
        self.end = end
        self.done = done
        random = CheapRandom(state: seed ^ DispatchTime.now().uptimeNanoseconds)
        latencies.reserve(20_000)
    }

    func channelActive(context: ChannelHandlerContext) { sendNext(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do {
            guard try answers.receive(unwrapInboundIn(data)) else { return }
        } catch {
            return finish(context, .failure(error))
        }
        let now = NIODeadline.now()
        latencies.add(nanoseconds: (now - sentAt).nanoseconds)
        if now < end { sendNext(context) } else { finish(context, .success(latencies)) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(context, .failure(LoadFailure("An API closed a connection.")))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { finish(context, .failure(error)) }

    private func sendNext(_ context: ChannelHandlerContext) {
        guard var request = requests.randomElement(using: &random) else { return }
        request.writeString(MessageID(at: .now, entropy: (random.next(), random.next())).description)
        request.writeStaticString("\"}")
        sentAt = .now()
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    private func finish(_ context: ChannelHandlerContext, _ result: Result<LatencySamples, any Error>) {
        guard !isDone else { return }
        isDone = true
        done.completeWith(result)
        context.close(promise: nil)
    }
}

/// Random enough for keys and places, without a system call (SplitMix64).
private struct CheapRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
