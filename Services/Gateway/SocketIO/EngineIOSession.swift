package import Contracts

/// One session of Engine.IO, revision 4, over its two transports: what is answered to polls, the upgrade to a
/// WebSocket, heartbeats and bounds. Owned by one event loop; time is given.
///
/// Polling carries at most one poll and one post at a time (engine.io-protocol, "HTTP long-polling"): a second one ends
/// the session. What waits for the client is bounded, and a client that takes nothing is found by its missing pong.
package struct EngineIOSession {
    /// What is the same for all sessions.
    package struct Settings: Hashable, Sendable {
        package let pingInterval: Duration
        package let pingTimeout: Duration
        /// Bytes of one packet, one post and one answer to a poll.
        package let maximumPayload: Int

        package init(
            pingInterval: Duration = Limits.socketIOPingInterval, pingTimeout: Duration = Limits.socketIOPingTimeout,
            maximumPayload: Int = Limits.socketIOPayloadByteCount
        ) {
            self.pingInterval = pingInterval
            self.pingTimeout = pingTimeout
            self.maximumPayload = maximumPayload
        }
    }

    /// What the caller does now, in this order.
    package enum Action: Hashable, Sendable {
        /// The poll that waits, or came now, is answered with 200 and this payload.
        case answerPoll(String)
        /// The poll that came now, or the one that waits if none did, is answered with 400.
        case refusePoll
        /// The post that came now is answered with 200 and `ok`.
        case acceptPost
        /// It is answered with 400.
        case refusePost
        /// Goes out on the WebSocket, that of the upgrade or the one that the session has.
        case write(EngineIOMessage)
        /// A message for the layer above.
        case deliver(EngineIOMessage)
        /// The WebSocket that wanted to take the session over is closed; the session goes on.
        case dropWebSocket
        /// The session is over: the WebSocket is closed, the layer above is told, the id is forgotten soon.
        case end(Reason)
    }

    /// Why a session is over.
    package enum Reason: String, Hashable, Sendable {
        case closedByClient
        case closedByServer
        /// The client is to connect again, to any gateway. Its poll is refused: after a close packet some libraries
        /// stay away.
        case mustReconnect
        case malformed
        case pingTimeout
        /// The WebSocket or the waiting poll was cut.
        case transportClosed
        /// Two polls or two posts at once.
        case overlap
        /// More than ``Limits/socketIOQueueByteCount`` waited for a client that did not poll.
        case tooSlow
        /// More than ``Limits/socketIOPacketRate`` packets and frames came in one window.
        case tooManyPackets
    }

    private enum Transport {
        case polling
        /// A WebSocket is there and may take over; polling goes on until the client says `5`.
        case upgrading(until: Timestamp, isProbed: Bool)
        case webSocket
        case ended
    }

    private enum Heartbeat {
        case idle(until: Timestamp)
        case pinged(until: Timestamp)
    }

    private let settings: Settings
    private var transport: Transport
    private var heartbeat: Heartbeat
    private var queue: [EngineIOPacket] = []
    private var queuedByteCount = 0
    private var isPollWaiting = false
    private var isPosting = false
    /// The client has ended the session by a post that overtook its poll on another connection.
    private var owesNoop = false
    private var windowStart: Timestamp
    private var packetsInWindow = 0

    // MARK: Opening

    /// A session that begins by polling, and the payload that answers the request that opened it.
    package static func polling(
        _ id: EngineIOSessionID, _ settings: Settings, now: Timestamp
    ) -> (session: EngineIOSession, answer: String) {
        let session = EngineIOSession(settings: settings, transport: .polling, now: now)
        return (session, EngineIOPacket.open(session.handshake(id, upgrades: #""websocket""#)).pollingText)
    }

    /// A session that begins on a WebSocket, and the first message on it.
    package static func webSocket(
        _ id: EngineIOSessionID, _ settings: Settings, now: Timestamp
    ) -> (session: EngineIOSession, first: EngineIOMessage) {
        let session = EngineIOSession(settings: settings, transport: .webSocket, now: now)
        return (session, EngineIOPacket.open(session.handshake(id, upgrades: "")).frame)
    }

    private init(settings: Settings, transport: Transport, now: Timestamp) {
        self.settings = settings
        self.transport = transport
        heartbeat = .idle(until: now + settings.pingInterval)
        windowStart = now
    }

    private func handshake(_ id: EngineIOSessionID, upgrades: String) -> String {
        #"{"sid":"\#(id)","upgrades":[\#(upgrades)],"pingInterval":\#(milliseconds(settings.pingInterval)),"#
            + #""pingTimeout":\#(milliseconds(settings.pingTimeout)),"maxPayload":\#(settings.maximumPayload)}"#
    }

    /// Whether nothing more will happen.
    package var hasEnded: Bool { if case .ended = transport { true } else { false } }

    /// Whether nothing waits for a poll.
    package var isDrained: Bool { queue.isEmpty }

    /// When ``check(now:)`` has to be called next.
    package var deadline: Timestamp {
        let beat: Timestamp =
            switch heartbeat {
            case .idle(let until), .pinged(let until): until
            }
        if case .upgrading(let until, _) = transport { return min(beat, until) }
        return beat
    }

    // MARK: Polling

    /// A poll came.
    package mutating func poll(now: Timestamp) -> [Action] {
        if owesNoop {
            owesNoop = false
            return [.answerPoll(EngineIOPacket.noop.pollingText)]
        }
        let actions = check(now: now)
        switch transport {
        case .ended, .webSocket: return actions + [.refusePoll]
        case .polling, .upgrading: break
        }
        if isPollWaiting {
            isPollWaiting = false
            return actions + [.answerPoll(EngineIOPacket.close.pollingText), .refusePoll] + end(.overlap)
        }
        isPollWaiting = true
        return actions + flush()
    }

    /// The connection of the waiting poll was cut: what it was to carry could not be told from what arrived.
    package mutating func pollCut() -> [Action] {
        guard isPollWaiting, !hasEnded else { return [] }
        isPollWaiting = false
        return end(.transportClosed)
    }

    /// The head of a post came; ``post(_:now:)`` or ``postCut()`` follows if it is accepted.
    package mutating func beginPost() -> [Action] {
        switch transport {
        case .ended, .webSocket: return [.refusePost]
        case .polling, .upgrading: break
        }
        guard !isPosting else { return [.refusePost] + end(.overlap) }
        isPosting = true
        return []
    }

    /// A post has come as a whole: its packets, or `nil` if they cannot be read.
    package mutating func post(_ packets: [EngineIOPacket]?, now: Timestamp) -> [Action] {
        isPosting = false
        let actions = check(now: now)
        switch transport {
        case .ended, .webSocket: return actions + [.refusePost]
        case .polling, .upgrading: break
        }
        guard let packets else { return actions + [.refusePost] + end(.malformed) }
        var received: [Action] = []
        for packet in packets where !hasEnded {
            received += count(now) ? receive(packet, now: now) : end(.tooManyPackets)
        }
        if case .end(.malformed)? = received.last { return actions + [.refusePost] + received }
        return actions + [.acceptPost] + received
    }

    /// The connection of a post was cut before all of it had come.
    package mutating func postCut() -> [Action] {
        guard isPosting, !hasEnded else { return [] }
        isPosting = false
        return end(.transportClosed)
    }

    // MARK: WebSocket

    /// A WebSocket came for this session. Whether it may try to take it over; if not, it is closed and nothing else
    /// changes.
    package mutating func attachWebSocket(now: Timestamp) -> Bool {
        guard case .polling = transport else { return false }
        transport = .upgrading(until: now + Limits.socketIOUpgradeTimeout, isProbed: false)
        return true
    }

    /// A message came on the WebSocket: that of the upgrade or the one that the session has.
    package mutating func receive(_ message: EngineIOMessage, now: Timestamp) -> [Action] {
        guard count(now) else { return end(.tooManyPackets) }
        let packet: EngineIOPacket?
        switch message {
        case .text(let text): packet = EngineIOPacket(text: text)
        case .binary(let bytes): packet = .message(.binary(bytes))
        }
        switch (transport, packet) {
        case (.webSocket, let packet?): return receive(packet, now: now)
        case (.webSocket, nil): return end(.malformed)
        case (.upgrading(let until, false), .ping("probe")):
            transport = .upgrading(until: until, isProbed: true)
            // The client waits for its poll to end before it goes on.
            return [.write(EngineIOPacket.pong("probe").frame)] + flush()
        case (.upgrading(_, true), .upgrade): return upgrade()
        case (.upgrading, _):
            transport = .polling
            return [.dropWebSocket]
        case (.polling, _), (.ended, _): return []
        }
    }

    /// A ping or a pong of the WebSocket's own protocol came.
    package mutating func receiveControlFrame(now: Timestamp) -> [Action] { count(now) ? [] : end(.tooManyPackets) }

    private mutating func upgrade() -> [Action] {
        transport = .webSocket
        var actions: [Action] = []
        if isPollWaiting {
            isPollWaiting = false
            actions.append(.answerPoll(EngineIOPacket.noop.pollingText))
        }
        return actions + flush()
    }

    /// The WebSocket has gone: that of the upgrade or the one that the session had.
    package mutating func webSocketClosed() -> [Action] {
        switch transport {
        case .upgrading:
            transport = .polling
            return []
        case .webSocket: return end(.transportClosed)
        case .polling, .ended: return []
        }
    }

    // MARK: Both

    /// Counts a packet or frame of whatever kind: each costs work. Whether there may be so many.
    private mutating func count(_ now: Timestamp) -> Bool {
        if now >= windowStart + Limits.clientFrameWindow {
            windowStart = now
            packetsInWindow = 0
        }
        packetsInWindow += 1
        return packetsInWindow <= Limits.socketIOPacketRate
    }

    /// A packet of the client.
    private mutating func receive(_ packet: EngineIOPacket, now: Timestamp) -> [Action] {
        switch packet {
        case .pong:
            if case .pinged = heartbeat { heartbeat = .idle(until: now + settings.pingInterval) }
            return []
        case .message(let message):
            return message.byteCount <= settings.maximumPayload + 1 ? [.deliver(message)] : end(.malformed)
        case .close:
            guard isPollWaiting else {
                if case .webSocket = transport {} else { owesNoop = true }
                return end(.closedByClient)
            }
            isPollWaiting = false
            return [.answerPoll(EngineIOPacket.noop.pollingText)] + end(.closedByClient)
        case .noop, .upgrade: return []
        // Only the server opens, and only the server asks for a heartbeat.
        case .open, .ping: return end(.malformed)
        }
    }

    /// Sends messages, all of them or none.
    package mutating func send(_ messages: [EngineIOMessage]) -> [Action] {
        guard !hasEnded else { return [] }
        if case .webSocket = transport { return messages.map { .write(EngineIOPacket.message($0).frame) } }
        for message in messages { enqueue(.message(message)) }
        guard queuedByteCount <= Limits.socketIOQueueByteCount, queue.count <= Limits.socketIOQueueCount else {
            return end(.tooSlow)
        }
        return flush()
    }

    private mutating func enqueue(_ packet: EngineIOPacket) {
        queue.append(packet)
        if case .message(let message) = packet { queuedByteCount += message.byteCount }
    }

    /// Lets what waits go out: on the WebSocket all of it, to a waiting poll as much as a payload may have.
    private mutating func flush() -> [Action] {
        switch transport {
        case .ended: return []
        case .webSocket:
            let frames = queue.map { Action.write($0.frame) }
            queue = []
            queuedByteCount = 0
            return frames
        case .polling:
            guard isPollWaiting, !queue.isEmpty else { return [] }
        case .upgrading(_, let isProbed):
            guard isPollWaiting, !queue.isEmpty || isProbed else { return [] }
        }
        isPollWaiting = false
        let packets = takePayload()
        return [.answerPoll(EngineIOPayload.encode(packets.isEmpty ? [.noop] : packets))]
    }

    /// Takes packets for one payload: at least one, and no more than fit.
    private mutating func takePayload() -> [EngineIOPacket] {
        var room = settings.maximumPayload
        var count = 0
        for packet in queue {
            // Base64 makes four bytes of three; the separator is one more.
            if case .message(let message) = packet { room -= message.byteCount * 4 / 3 + 8 } else { room -= 16 }
            if room < 0, count > 0 { break }
            count += 1
        }
        let packets = Array(queue.prefix(count))
        queue.removeFirst(count)
        for case .message(let message) in packets { queuedByteCount -= message.byteCount }
        return packets
    }

    /// Time has passed.
    package mutating func check(now: Timestamp) -> [Action] {
        guard !hasEnded else { return [] }
        var actions: [Action] = []
        if case .upgrading(let until, _) = transport, now >= until {
            transport = .polling
            actions.append(.dropWebSocket)
        }
        switch heartbeat {
        case .idle(let until) where now >= until:
            heartbeat = .pinged(until: until + settings.pingTimeout)
            if case .webSocket = transport {
                actions.append(.write(EngineIOPacket.ping("").frame))
            } else {
                enqueue(.ping(""))
                actions += flush()
            }
            // A timer that came late may have both to do.
            return actions + check(now: now)
        case .pinged(let until) where now >= until: return actions + end(.pingTimeout)
        case .idle, .pinged: return actions
        }
    }

    // MARK: Ending

    /// Ends the session at once.
    package mutating func end(_ reason: Reason) -> [Action] {
        guard !hasEnded else { return [] }
        transport = .ended
        queue = []
        queuedByteCount = 0
        if isPollWaiting {
            isPollWaiting = false
            let answer = reason == .mustReconnect ? .refusePoll : Action.answerPoll(EngineIOPacket.close.pollingText)
            return [answer, .end(reason)]
        }
        return [.end(reason)]
    }
}

private func milliseconds(_ duration: Duration) -> Int64 {
    let parts = duration.components
    return parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000
}
