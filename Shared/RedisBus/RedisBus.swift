package import Contracts
package import Logging
package import NIOCore
import Synchronization

/// The one way of a process to Redis and, through it, to the other processes: commands, topics, requests, registry.
///
/// Two connections on one event loop: one for commands, pipelined, one for subscriptions. They are made by ``run()`` and
/// made anew for as long as it runs; without a connection every call fails at once with ``RedisError/notConnected``.
///
/// **What a topic delivers.** At most once, in the order in which Redis got it on one connection. What is published while
/// the connection is down is lost. After each connection, when all topics are subscribed again, the handlers of
/// ``onRestored(_:)`` run: whoever needs every event compares what it has with its source then.
///
/// Every method may be called from any task or thread.
package final class RedisBus: Sendable {
    /// Answers requests of other processes. It must end in bounded time: nothing else ends it.
    package typealias RequestHandler = @Sendable (BusRequestKind, ByteBuffer) async -> Result<ByteBuffer, BusFailure>

    /// This process on the bus.
    package let address: InstanceAddress
    /// Where receivers and handlers of ``onRestored(_:)`` are called. They must not block.
    package let eventLoop: any EventLoop

    let configuration: RedisConfiguration
    let logger: Logger
    let meters = BusMeters()
    let loop: NIOLoopBoundBox<BusLoop>
    let arrivals: AsyncStream<ArrivedRequest>
    /// Ends when ``shutdown()`` is called.
    let lifetime: AsyncStream<Never>
    let endLifetime: AsyncStream<Never>.Continuation
    let hasRun = Atomic(false)
    /// From the end of ``run()`` on: this process is out of the registry for good.
    let hasLeft = Atomic(false)
    /// The run marker this process registered under; `nil` before the first time.
    let runMarker = Mutex<ByteBuffer?>(nil)

    /// Makes a bus that connects when ``run()`` is called. It lives on one event loop of the group.
    package init(
        configuration: RedisConfiguration, address: InstanceAddress, eventLoopGroup: any EventLoopGroup, logger: Logger
    ) {
        self.configuration = configuration
        self.address = address
        self.logger = logger
        eventLoop = eventLoopGroup.next()
        let (arrivals, arrive) = AsyncStream.makeStream(of: ArrivedRequest.self)
        self.arrivals = arrivals
        (lifetime, endLifetime) = AsyncStream.makeStream(of: Never.self)
        loop = .makeBoxSendingValue(
            BusLoop(eventLoop: eventLoop, meters: meters, logger: logger, arrivals: arrive), eventLoop: eventLoop)
    }

    /// Whether both connections stand, all topics are subscribed and this process is registered.
    package var isConnected: Bool { meters.isConnected }

    /// What was counted so far.
    package var counters: RedisBusCounters { meters.snapshot }

    /// Returns when ``isConnected`` has become true.
    /// - Throws: `notConnected` after `deadline`.
    package func waitUntilReady(deadline: Duration) async throws(RedisError) {
        let result = await withCheckedContinuation { continuation in
            onLoop { $0.waitUntilReady(for: deadline, continuation) }
        }
        try result.get()
    }

    /// Adds a handler that runs on ``eventLoop`` after each connection, the first one too, once all topics are subscribed
    /// and this process is registered.
    package func onRestored(_ handler: @escaping @Sendable () -> Void) {
        onLoop { $0.addRestoredHandler(handler) }
    }

    // MARK: Commands

    /// Sends one command. Commands of many tasks share writes and never wait for each other's replies. Cancelling the task
    /// does not end the wait; ``Limits/redisCommandDeadline`` does.
    /// - Throws: `refused` when Redis answers with an error.
    package func send(_ command: RedisCommand) async throws(RedisError) -> RedisValue {
        var bytes = ByteBuffer()
        command.encode(into: &bytes)
        let value = await sendOne(bytes)
        if let withSource = command.withScriptSource, case .failure(.refused(let text)) = value,
            text.hasPrefix("NOSCRIPT")
        {
            return try await send(withSource)
        }
        return try value.get()
    }

    /// Sends several commands in one write and gives their replies in the same order. Those that Redis refused are
    /// ``RedisValue/error(_:)``; the others are done all the same. A script that Redis did not know is run by its source
    /// in a second round trip, after the commands behind it.
    /// - Throws: when the pipeline as a whole failed.
    package func send(pipeline commands: [RedisCommand]) async throws(RedisError) -> [RedisValue] {
        guard !commands.isEmpty else { return [] }
        var values = try await sendAll(commands)
        let unknown = values.indices.filter { values[$0].isUnknownScript && commands[$0].withScriptSource != nil }
        guard !unknown.isEmpty else { return values }
        let again = try await sendAll(unknown.compactMap { commands[$0].withScriptSource })
        for (index, value) in zip(unknown, again) { values[index] = value }
        return values
    }

    /// Runs a script by its digest, and by its source where Redis does not know it.
    /// - Precondition: all keys share one slot.
    package func evaluate(
        _ script: RedisScript, keys: [RedisKey], arguments: [RedisArgument] = []
    ) async throws(RedisError) -> RedisValue {
        try await send(.evaluate(script, keys: keys, arguments: arguments))
    }

    /// Publishes to a topic (`SPUBLISH`).
    /// - Returns: how many connections Redis has handed it to.
    package func publish(_ payload: ByteBuffer, to topic: Topic) async throws(RedisError) -> Int {
        meters.published.increment()
        let reply = try await send(RedisCommand("SPUBLISH", .topic(topic), .bytes(payload)))
        return Int(reply.integer ?? 0)
    }

    private func sendOne(_ bytes: ByteBuffer) async -> Result<RedisValue, RedisError> {
        await withCheckedContinuation { continuation in
            onLoop { $0.send(bytes, commandCount: 1, caller: .one(continuation)) }
        }
    }

    private func sendAll(_ commands: [RedisCommand]) async throws(RedisError) -> [RedisValue] {
        var encoded = ByteBuffer()
        for command in commands { command.encode(into: &encoded) }
        let (bytes, count) = (encoded, commands.count)
        let result = await withCheckedContinuation { continuation in
            onLoop { $0.send(bytes, commandCount: count, caller: .all(continuation)) }
        }
        return try result.get()
    }

    /// Runs a closure on the event loop: at once when called there, else in a later turn, in the order of the calls.
    func onLoop(_ body: @escaping @Sendable (BusLoop) -> Void) {
        if eventLoop.inEventLoop {
            body(loop.value)
        } else {
            eventLoop.execute { [loop] in body(loop.value) }
        }
    }
}
