import Contracts
import NIOCore

/// Who is told the outcome of a command.
enum RedisCaller {
    case one(CheckedContinuation<Result<RedisValue, RedisError>, Never>)
    case all(CheckedContinuation<Result<[RedisValue], RedisError>, Never>)
    /// Nobody: the command is sent for its effect.
    case nobody

    func fail(_ error: RedisError) {
        switch self {
        case .one(let continuation): continuation.resume(returning: .failure(error))
        case .all(let continuation): continuation.resume(returning: .failure(error))
        case .nobody: break
        }
    }
}

/// One connection to Redis: commands in, replies matched with their callers, pushes handed on. It belongs to the event
/// loop of its channel, and every method is called there.
///
/// Commands of one turn of the event loop leave in one write. While the socket takes no more they wait here, within the
/// bounds of ``PendingCommands``.
final class RedisConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Receives what a subscribed connection is sent unasked; `nil` for a connection that only commands.
    var receivePush: ((RedisPush) -> Void)?
    /// Called once when the connection has ended, after all callers were told.
    var receiveEnd: ((_ reason: String) -> Void)?

    private let eventLoop: any EventLoop
    private let isSubscriber: Bool
    private let reader = RedisReplyReader(replyByteCount: Limits.redisReplyByteCount)
    private var pending = PendingCommands<RedisCaller>(
        maximumCount: Limits.redisPendingCount, maximumByteCount: Limits.redisPendingByteCount)
    private var context: ChannelHandlerContext?
    private var outbound = ByteBuffer()
    private var isFlushScheduled = false
    private var timer: Scheduled<Void>?
    private var endReason: String?

    init(eventLoop: any EventLoop, isSubscriber: Bool) {
        self.eventLoop = eventLoop
        self.isSubscriber = isSubscriber
    }

    /// Sends `commandCount` encoded commands.
    func send(_ bytes: ByteBuffer, commandCount: Int, caller: RedisCaller) {
        guard context != nil else { return caller.fail(.notConnected) }
        let deadline = NIODeadline.now() + TimeAmount(Limits.redisCommandDeadline)
        guard
            pending.append(
                caller, commandCount: commandCount, byteCount: bytes.readableBytes, deadline: deadline)
        else { return caller.fail(.queueFull) }
        write(bytes)
        if timer == nil { scheduleTimer() }
    }

    /// Sends bytes that get no reply in the order of commands: `SSUBSCRIBE` and `SUNSUBSCRIBE`.
    func write(_ bytes: ByteBuffer) {
        outbound.writeImmutableBuffer(bytes)
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    /// Ends the connection.
    func close(_ reason: String) {
        endReason = endReason ?? reason
        context?.close(promise: nil)
    }

    private func flush() {
        guard let context, outbound.readableBytes > 0, context.channel.isWritable else { return }
        let bytes = outbound
        outbound = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    // MARK: Replies

    private func receive(_ reply: consuming RedisReply) {
        if isSubscriber, let push = reply.push {
            receivePush?(push)
            return
        }
        switch pending.receive(reply.value) {
        case .one(.one(let continuation), let value): continuation.resume(returning: value.accepted())
        case .all(.all(let continuation), let values): continuation.resume(returning: .success(values))
        case .one(.all(let continuation), let value): continuation.resume(returning: .success([value]))
        case .all(.one, _): preconditionFailure("A pipeline has a caller for all replies.")
        case .one(.nobody, _), .all(.nobody, _), .incomplete, .dropped: break
        case .unexpected: close("a reply came that nobody asked for: \(reply.value)")
        }
    }

    // MARK: Deadlines

    private func scheduleTimer() {
        guard let next = pending.nextDeadline ?? stallDeadline else { return }
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: next) { self.checkDeadlines() }
    }

    /// When a connection whose oldest command has no reply is given up.
    private var stallDeadline: NIODeadline? {
        pending.oldestDeadline.map { $0 + TimeAmount(Limits.redisCommandDeadline) }
    }

    private func checkDeadlines() {
        timer = nil
        let now = NIODeadline.now()
        for caller in pending.expire(now: now) { caller.fail(.timedOut) }
        if let stallDeadline, stallDeadline <= now {
            close("Redis has not answered for \(Limits.redisCommandDeadline * 2)")
        } else {
            scheduleTimer()
        }
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do throws(RedisReplyReader.Malformed) {
            try reader.feed(unwrapInboundIn(data))
            while endReason == nil, let reply = try reader.next() { receive(reply) }
        } catch {
            close("the bytes of Redis are not RESP: \(error)")
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        flush()
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close("\(error)")
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    private func end() {
        guard context != nil else { return }
        context = nil
        timer?.cancel()
        timer = nil
        for caller in pending.removeAll() { caller.fail(.connectionLost) }
        receiveEnd?(endReason ?? "Redis closed the connection")
        receiveEnd = nil
        receivePush = nil
    }
}
