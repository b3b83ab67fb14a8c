import Contracts
import Logging
import NIOCore

/// Everything of a bus that changes. It lives on the bus's event loop and every method is called there.
///
/// The two connections are one link: when either ends both are replaced, so that "connected" has one meaning.
final class BusLoop {
    typealias Receiver = @Sendable (Topic, ByteBuffer) -> Void
    typealias ReadyContinuation = CheckedContinuation<Result<Void, RedisError>, Never>

    let eventLoop: any EventLoop
    let meters: BusMeters
    let logger: Logger

    private(set) var commands: RedisConnection?
    private(set) var subscriptions: RedisConnection?
    private var linkEnd: AsyncStream<Never>.Continuation?
    private var linkCount = 0
    private var readyWaiters: [Int: ReadyContinuation] = [:]
    private var lastReadyWaiter = 0
    private var restoredHandlers: [@Sendable () -> Void] = []

    // Topics: BusLoop+topics.swift
    var topics = TopicTable<Receiver>()
    var topicWaiters: [ReceiverID: TopicWaiter] = [:]
    var isTopicFlushScheduled = false

    // Requests: BusLoop+requests.swift
    var requests = RequestTable<AnswerWaiter>(maximumCount: Limits.busRequestsPending)
    var instances: [ServiceKind: KnownInstances] = [:]
    var handler: RedisBus.RequestHandler?
    var requestsAtWork = 0
    let arrivals: AsyncStream<ArrivedRequest>.Continuation

    init(
        eventLoop: any EventLoop, meters: BusMeters, logger: Logger,
        arrivals: AsyncStream<ArrivedRequest>.Continuation
    ) {
        self.eventLoop = eventLoop
        self.meters = meters
        self.logger = logger
        self.arrivals = arrivals
    }

    // MARK: Link

    /// Uses two fresh connections: tells Redis all topics again, then lets everybody send.
    /// - Returns: a stream that ends with the link.
    func install(commands: RedisConnection, subscriptions: RedisConnection) -> AsyncStream<Never> {
        precondition(self.commands == nil, "The old link is closed before a new one is installed.")
        let (stream, end) = AsyncStream.makeStream(of: Never.self)
        linkEnd = end
        self.commands = commands
        self.subscriptions = subscriptions
        commands.receiveEnd = { [weak self] reason in self?.closeLink("commands: \(reason)") }
        subscriptions.receiveEnd = { [weak self] reason in self?.closeLink("subscriptions: \(reason)") }
        subscriptions.receivePush = { [weak self] push in self?.receive(push) }
        topics.connect()
        flushTopics()
        return stream
    }

    /// Ends both connections and tells everybody who waits for them. Nothing happens without a link.
    func closeLink(_ reason: String) {
        guard let commands, let subscriptions else { return }
        self.commands = nil
        self.subscriptions = nil
        meters.isConnected = false
        logger.info("The link to Redis ended.", metadata: ["reason": "\(reason)"])
        commands.close(reason)
        subscriptions.close(reason)
        topics.disconnect()
        failTopicWaiters(.connectionLost)
        linkEnd?.finish()
        linkEnd = nil
    }

    /// All topics are subscribed again and the process is registered.
    func becomeReady() {
        guard commands != nil else { return }
        meters.isConnected = true
        linkCount += 1
        if linkCount > 1 { meters.reconnects.increment() }
        // The handlers first, so that whoever waited finds them done.
        for handler in restoredHandlers { handler() }
        for waiter in readyWaiters.values { waiter.resume(returning: .success(())) }
        readyWaiters = [:]
    }

    func addRestoredHandler(_ handler: @escaping @Sendable () -> Void) {
        restoredHandlers.append(handler)
    }

    func waitUntilReady(for time: Duration, _ continuation: ReadyContinuation) {
        guard !meters.isConnected else { return continuation.resume(returning: .success(())) }
        lastReadyWaiter += 1
        let number = lastReadyWaiter
        readyWaiters[number] = continuation
        eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(time)) {
            self.readyWaiters.removeValue(forKey: number)?.resume(returning: .failure(.notConnected))
        }
    }

    // MARK: Commands

    func send(_ bytes: ByteBuffer, commandCount: Int, caller: RedisCaller) {
        guard let commands else { return caller.fail(.notConnected) }
        commands.send(bytes, commandCount: commandCount, caller: caller)
    }

    /// Asks the subscribed connection for a sign of life. Its answer follows the confirmations of all topics before it.
    func pingSubscriptions(_ caller: RedisCaller) {
        guard let subscriptions else { return caller.fail(.notConnected) }
        var bytes = ByteBuffer()
        RedisCommand("PING").encode(into: &bytes)
        subscriptions.send(bytes, commandCount: 1, caller: caller)
    }
}
