package import Contracts
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
package import NIOWebSocket
import ServiceKit
import Synchronization

/// One device: it keeps its cursors over any number of WebSockets, and records every event that was not the next of its
/// stream as a violation of the delivery contract.
package final class GatewayClient: Sendable {
    /// Sockets that the tests of one process may hold open at once.
    private static let maximumOpenCount = 2_000
    private static let openCount = Atomic<Int>(0)

    /// What the device knows. Everything but `cursors`, `events`, `resets` and `violations` is of the latest socket.
    package struct State: Sendable {
        package var hello: Hello?
        package var ready: Ready?
        package var isCurrent = false
        package var heartbeatCount = 0
        /// The code of the gateway's close frame.
        package var closeCode: Int?
        /// Whether the TCP connection stands.
        package var isOpen = false
        package var cursors: [StreamID: StreamSequence] = [:]
        /// All events in the order of their arrival.
        package var events: [EventFrame] = []
        package var resets: [Reset] = []
        /// The gateway has asked the client to connect elsewhere.
        package var move: Move?
        package var call = CallFrames()
        package var presence = PresenceFrames()
        /// Events out of order, twice, or of streams that the device does not read; frames that could not be read.
        package var violations: [String] = []

        package func events(of stream: StreamID) -> [EventFrame] { events.filter { $0.stream == stream } }

        /// The texts of the messages created in a channel, in the order of arrival.
        package func messages(in channel: ChannelID) -> [String] {
            events.compactMap { frame in
                if case .messageCreated(let message) = frame.event, message.channelID == channel {
                    message.content
                } else {
                    nil
                }
            }
        }
    }

    private struct Waiter {
        let isSatisfied: @Sendable (State) -> Bool
        let continuation: CheckedContinuation<Void, any Error>
        let timer: Scheduled<Void>
    }

    private struct Storage {
        var state = State()
        var channel: (any NIOCore.Channel)?
        var waiters: [Int: Waiter] = [:]
        var waiterCount = 0
    }

    private let storage = Mutex(Storage())

    package init() {}

    deinit { storage.withLock { $0.channel }?.close(promise: nil) }

    package var state: State { storage.withLock { $0.state } }

    /// Begins at the places of a snapshot.
    package func start(at cursors: [Cursor]) {
        change { $0.cursors = Dictionary(cursors.map { ($0.stream, $0.seq) }, uniquingKeysWith: max) }
    }

    // MARK: Connection

    /// Connects, identifies with the cursors and waits until all that was missed has come.
    package func resume(at base: String, token: String, within limit: Duration = .seconds(10)) async throws {
        try await connect(to: base)
        try await identify(token: token)
        try await wait(for: "current, or closed", within: limit) { $0.isCurrent || !$0.isOpen }
        guard state.isCurrent else { throw Closed(code: state.closeCode) }
    }

    /// The gateway closed the connection instead of serving it.
    package struct Closed: Error { package let code: Int? }

    /// Opens a WebSocket at an address such as `http://127.0.0.1:8080`, and waits for hello.
    package func connect(to base: String, path: String = "/gateway") async throws {
        guard let address = URLComponents(string: base), let host = address.host, let port = address.port else {
            throw Timeout("\(base) is no address")
        }
        let open = Self.openCount.add(1, ordering: .relaxed).newValue
        precondition(open <= Self.maximumOpenCount, "a test opened more than \(Self.maximumOpenCount) sockets")
        await close()
        change { state in
            (state.hello, state.ready, state.closeCode) = (nil, nil, nil)
            (state.isCurrent, state.isOpen, state.heartbeatCount, state.move) = (false, false, 0, nil)
            (state.call, state.presence) = (CallFrames(), PresenceFrames())
        }
        let upgrade: EventLoopFuture<Bool>
        do {
            upgrade = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(5))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: host, port: port) { [self] channel in
                    channel.closeFuture.whenComplete { _ in Self.openCount.subtract(1, ordering: .relaxed) }
                    return channel.eventLoop.makeCompletedFuture {
                        try configure(channel, host: "\(host):\(port)", path: path)
                    }
                }
        } catch {
            Self.openCount.subtract(1, ordering: .relaxed)
            throw error
        }
        let isUpgraded: Bool
        do {
            isUpgraded = try await upgrade.get()
        } catch is ChannelError {
            // The server was faster: it has closed what is to be closed here.
            isUpgraded = false
        }
        guard isUpgraded else { throw Closed(code: nil) }
        try await wait(for: "hello, or closed") { $0.hello != nil || !$0.isOpen }
        guard state.hello != nil else { throw Closed(code: state.closeCode) }
    }

    private func configure(
        _ channel: any NIOCore.Channel, host: String, path: String
    ) throws -> EventLoopFuture<Bool> {
        let upgrader = NIOTypedWebSocketClientUpgrader<Bool>(
            maxFrameSize: 16 * 1024 * 1024,
            upgradePipelineHandler: { [self] channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    storage.withLock { storage in
                        storage.channel = channel
                        storage.state.isOpen = true
                    }
                    try channel.pipeline.syncOperations.addHandler(Inbox(client: self))
                    return true
                }
            })
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: ["Host": host])
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
            upgradeConfiguration: .init(
                upgradeRequestHead: head, upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in channel.close().map { false } }))
        // hello may come in one segment with the answer to the upgrade.
        configuration.leftOverBytesStrategy = .forwardBytes
        return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(configuration: configuration)
    }

    /// Closes the TCP connection without a word, and waits until it is closed.
    package func close() async {
        guard let channel = storage.withLock({ $0.channel.take() }) else { return }
        try? await channel.close()
    }

    /// Whether the client takes bytes from its socket. One that does not fills its own buffers, then the gateway's.
    package func setReading(_ isReading: Bool) async throws {
        guard let channel = storage.withLock({ $0.channel }) else { throw ChannelError.ioOnClosedChannel }
        try await channel.setOption(.autoRead, value: isReading).get()
    }

    // MARK: Sending

    package func identify(token: String) async throws {
        let cursors = state.cursors.map { Cursor(stream: $0.key, seq: $0.value) }
        try await send(.identify(Identify(token: token, cursors: cursors)))
    }

    package func send(_ frame: ClientFrame) async throws {
        try await send(.text, try WireJSON.encode(frame))
    }

    /// Sends any frame (RFC 6455 §5.2).
    package func send(_ opcode: WebSocketOpcode, _ bytes: [UInt8], isFinal: Bool = true) async throws {
        guard let channel = storage.withLock({ $0.channel }) else { throw ChannelError.ioOnClosedChannel }
        let frame = WebSocketFrame(fin: isFinal, opcode: opcode, maskKey: .random(), data: ByteBuffer(bytes: bytes))
        try await channel.writeAndFlush(frame)
    }

    // MARK: Waiting

    /// Returns as soon as the condition holds: it is checked after every frame and every change of the connection.
    package func wait(
        for what: String, within limit: Duration = .seconds(5), _ condition: @escaping @Sendable (State) -> Bool
    ) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let isSatisfied = storage.withLock { storage in
                if condition(storage.state) { return true }
                let id = storage.waiterCount
                storage.waiterCount += 1
                let loop = MultiThreadedEventLoopGroup.singleton.next()
                let timer = loop.scheduleTask(in: TimeAmount(limit)) { [self] in giveUp(id, what, limit) }
                storage.waiters[id] = Waiter(isSatisfied: condition, continuation: continuation, timer: timer)
                return false
            }
            if isSatisfied { continuation.resume() }
        }
    }

    private func giveUp(_ id: Int, _ what: String, _ limit: Duration) {
        let (waiter, state) = storage.withLock { ($0.waiters.removeValue(forKey: id), $0.state) }
        waiter?.continuation.resume(
            throwing: Timeout(
                """
                \(what): not within \(limit); \(state.events.count) events, the last \(state.events.suffix(3)), \
                current \(state.isCurrent), open \(state.isOpen), closed with \(state.closeCode ?? 0), \
                violations \(state.violations.prefix(3))
                """))
    }

    /// Waits until a stream has come as far as `seq`.
    package func wait(for stream: StreamID, at seq: StreamSequence, within limit: Duration = .seconds(5)) async throws {
        try await wait(for: "\(stream) at \(seq)", within: limit) { $0.cursors[stream, default: 0] >= seq }
    }

    /// Waits for an event and returns it.
    package func event(
        _ what: String, within limit: Duration = .seconds(5), _ isWanted: @escaping @Sendable (EventFrame) -> Bool
    ) async throws -> EventFrame {
        try await wait(for: what, within: limit) { $0.events.contains(where: isWanted) }
        guard let event = state.events.first(where: isWanted) else { throw Timeout("\(what) has gone again") }
        return event
    }

    /// Waits until the gateway has closed the connection; its close code, or `nil` if it had none.
    package func closeCode(within limit: Duration = .seconds(5)) async throws -> Int? {
        try await wait(for: "closed", within: limit) { !$0.isOpen }
        return state.closeCode
    }

    // MARK: State

    private func change(_ body: (inout State) -> Void) {
        let satisfied = storage.withLock { storage in
            body(&storage.state)
            let satisfied = storage.waiters.filter { $0.value.isSatisfied(storage.state) }
            for id in satisfied.keys { storage.waiters[id] = nil }
            return satisfied
        }
        for waiter in satisfied.values {
            waiter.timer.cancel()
            waiter.continuation.resume()
        }
    }

    fileprivate func receive(text: [UInt8]) {
        change { state in
            if let event = try? WireJSON.decode(EventFrame.self, from: text) {
                state.receive(event)
            } else if let frame = try? WireJSON.decode(ServerFrame.self, from: text) {
                state.receive(frame)
            } else {
                state.violations.append("unknown frame: \(String(decoding: text.prefix(300), as: UTF8.self))")
            }
        }
    }

    fileprivate func receive(closeCode: Int?) { change { $0.closeCode = closeCode } }
    fileprivate func becameInactive() { change { ($0.isOpen, $0.isCurrent) = (false, false) } }
}

extension GatewayClient.State {
    fileprivate mutating func receive(_ frame: ServerFrame) {
        switch frame {
        case .hello(let hello): self.hello = hello
        case .ready(let ready):
            self.ready = ready
            // The gateway says from where each stream goes on; a cursor that it does not name is void.
            cursors = Dictionary(ready.streams.map { ($0.stream, $0.seq) }, uniquingKeysWith: max)
        case .reset(let reset):
            resets.append(reset)
            cursors[reset.stream] = reset.seq
        case .current: isCurrent = true
        case .heartbeat: heartbeatCount += 1
        case .move(let move): self.move = move
        case .presence, .typing: presence.receive(frame)
        case .callJoined, .callFailed, .callAnswer, .callState, .callSpeakers, .callLayers,
            .callEnded:
            call.receive(frame)
        }
    }

    fileprivate mutating func receive(_ frame: EventFrame) {
        events.append(frame)
        guard let last = cursors[frame.stream] else {
            violations.append("\(frame.event.name) \(frame.seq) of \(frame.stream), which the device does not read")
            return
        }
        if frame.seq != last + 1 {
            violations.append("\(frame.event.name) \(frame.seq) of \(frame.stream) after \(last)")
        }
        cursors[frame.stream] = max(last, frame.seq)
        switch frame.event {
        case .channelJoined(let joined): begin(.channel(joined.channel.id), at: joined.seq)
        case .workspaceJoined(let joined): begin(.workspace(joined.workspace.id), at: joined.seq)
        // In a replay an old departure changes nothing: `ready` has said what is read now.
        case .channelLeft(let left): if isCurrent { cursors[.channel(left.channelID)] = nil }
        case .workspaceLeft(let left): if isCurrent { cursors[.workspace(left.workspaceID)] = nil }
        default: break
        }
    }

    private mutating func begin(_ stream: StreamID, at seq: StreamSequence) {
        if cursors[stream] == nil { cursors[stream] = seq }
    }
}

/// Hands the frames of one socket to its device.
private final class Inbox: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame

    private let client: GatewayClient

    init(client: GatewayClient) { self.client = client }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        var bytes = frame.unmaskedData
        switch frame.opcode {
        case .text: client.receive(text: Array(bytes.readableBytesView))
        case .connectionClose:
            client.receive(closeCode: bytes.readInteger(as: UInt16.self).map(Int.init))
            context.close(promise: nil)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        client.becameInactive()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
