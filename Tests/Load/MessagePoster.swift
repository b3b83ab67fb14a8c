import Foundation
import NIOCore
import NIOPosix

/// Posts messages to all APIs by turns, each when it is due, without waiting for the answers to those before.
///
/// HTTP is written and read by hand, on one thread, over connections that are kept alive: as in ``MessageLoad``, so that
/// the load leaves the machine to what is measured.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on its event loop only.
final class MessagePoster: @unchecked Sendable {
    /// Of one API. Messages that are due while all wait for answers go when one comes.
    private static let connectionCount = 32

    private let eventLoop: any EventLoop
    private var apis: [Connections] = []
    private var unansweredCount = 0
    private var done: EventLoopPromise<Void>?
    /// A connection that has broken between two runs breaks the next.
    private var failure: (any Error)?

    private struct Connections {
        fileprivate var idle: [Connection] = []
        var waiting = CircularBuffer<ByteBuffer>()
    }

    private init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Runs the body with connections to the APIs, which end with it.
    static func whileConnected<Value>(
        to apis: [URL], _ body: (MessagePoster) async throws -> Value
    ) async throws -> Value {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let poster = MessagePoster(group.next())
        do {
            try await poster.connect(to: apis)
            let value = try await body(poster)
            try await group.shutdownGracefully()
            return value
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private func connect(to urls: [URL]) async throws {
        try await eventLoop.submit { self.apis = urls.map { _ in Connections() } }.get()
        for (api, url) in urls.enumerated() {
            guard let host = url.host(), let port = url.port else { throw LoadFailure("\(url) has no host and port.") }
            for _ in 0..<Self.connectionCount {
                _ = try await ClientBootstrap(group: eventLoop)
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(Connection(of: self, api: api))
                        }
                    }
                    .connect(host: host, port: port).get()
            }
        }
    }

    /// Posts each request when it is due; message n goes to API n modulo their number. Returns when all are answered.
    /// - Throws: ``LoadFailure`` at an answer that is not 201.
    func send(on schedule: Schedule, _ request: @escaping @Sendable (Int) -> ByteBuffer) async throws {
        try await eventLoop.flatSubmit { [self] in
            let done = eventLoop.makePromise(of: Void.self)
            self.done = done
            unansweredCount = schedule.count
            if let failure { finish(.failure(failure)) }
            sendDue(from: 0, schedule, request)
            return done.futureResult
        }.get()
    }

    private func sendDue(from first: Int, _ schedule: Schedule, _ request: @escaping @Sendable (Int) -> ByteBuffer) {
        let now = Int64(NIODeadline.now().uptimeNanoseconds)
        var next = first
        while next < schedule.count, schedule.due(next) <= now {
            send(request(next), to: next % apis.count)
            next += 1
        }
        guard next < schedule.count, done != nil else { return }
        let following = next
        eventLoop.scheduleTask(deadline: .uptimeNanoseconds(UInt64(schedule.due(next)))) { [self] in
            sendDue(from: following, schedule, request)
        }
    }

    private func send(_ request: ByteBuffer, to api: Int) {
        if let connection = apis[api].idle.popLast() {
            connection.send(request)
        } else {
            apis[api].waiting.append(request)
        }
    }

    fileprivate func isFree(_ connection: Connection) {
        if let request = apis[connection.api].waiting.popFirst() {
            connection.send(request)
        } else {
            apis[connection.api].idle.append(connection)
        }
    }

    fileprivate func wasAnswered(_ connection: Connection) {
        isFree(connection)
        unansweredCount -= 1
        if unansweredCount == 0 { finish(.success(())) }
    }

    fileprivate func finish(_ result: Result<Void, any Error>) {
        if case .failure(let error) = result { failure = error }
        done?.completeWith(result)
        done = nil
    }
}

/// One connection to an API: a message, its answer, the next message.
private final class Connection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let api: Int
    private unowned let poster: MessagePoster
    private var channel: (any Channel)?
    private var answers = AnswerReader()

    init(of poster: MessagePoster, api: Int) {
        self.poster = poster
        self.api = api
    }

    func send(_ request: ByteBuffer) { channel?.writeAndFlush(request, promise: nil) }

    func channelActive(context: ChannelHandlerContext) {
        channel = context.channel
        poster.isFree(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do {
            if try answers.receive(unwrapInboundIn(data)) { poster.wasAnswered(self) }
        } catch {
            poster.finish(.failure(error))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        channel = nil
        poster.finish(.failure(LoadFailure("An API closed a connection.")))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { poster.finish(.failure(error)) }
}
