package import Contracts
import Foundation
import NIOCore

/// Keeps a connection to the gateways: connects, identifies with its cursors, resumes after any interruption, moves to
/// another gateway before its own goes away, and checks that of each stream every event comes once and in order.
///
/// Its user reads ``updates`` while ``run()`` runs. Updates that nobody reads are bounded by ``Limits/clientUpdateCount``:
/// past it the client disconnects, and resumes with the last update that was taken.
package actor RoostClient {
    /// What happened, in order. To be read by one task; it ends when ``run()`` returns.
    package nonisolated let updates: AsyncStream<Update>
    private let continuation: AsyncStream<Update>.Continuation
    private let credentials: Credentials
    private let gateways: [ServerAddress]
    private var turn: Int

    private var table: CursorTable
    private var plan = ReconnectPlan()
    private var links: [Int: Link] = [:]
    private var lastLink = 0
    private let intents: AsyncStream<Intent>
    private let intend: AsyncStream<Intent>.Continuation
    private var hasEnded = false

    /// What ``run()`` is asked to do.
    private enum Intent {
        /// - Parameter renewing: whether the access token was refused.
        case connect(after: Duration, renewing: Bool)
        case end
    }

    /// - Parameters:
    ///   - gateways: tried in turn, from a random one on; one behind a proxy is enough.
    ///   - cursors: of a snapshot, or those that were kept when the last client ended.
    /// - Precondition: at least one gateway.
    package init(credentials: Credentials, gateways: [ServerAddress], cursors: [Cursor]) {
        precondition(!gateways.isEmpty, "a client needs the address of a gateway")
        self.credentials = credentials
        self.gateways = gateways
        turn = Int.random(in: gateways.indices)
        table = CursorTable(cursors)
        (updates, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Limits.clientUpdateCount))
        (intents, intend) = AsyncStream.makeStream()
    }

    // MARK: For its user

    /// Where the client stands: what a later one continues from. Updates that were not read yet are counted as known.
    package var cursors: [Cursor] { table.cursors }

    /// Connects and stays connected, until the session ends, the gateway refuses for good, ``stop()``, or cancellation.
    package func run() async {
        intend.yield(.connect(after: .zero, renewing: false))
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await intent in intents {
                    guard case .connect(let pause, let renewing) = intent else { break }
                    lastLink += 1
                    let number = lastLink
                    links[number] = Link()
                    group.addTask { await self.link(number, after: pause, renewing: renewing) }
                }
                group.cancelAll()
            }
        } onCancel: {
            intend.yield(.end)
        }
        end(.stopped)
        continuation.finish()
    }

    /// Ends the client.
    package func stop() { end(.stopped) }

    /// The network may be back: whoever waits to connect again connects now.
    package func wake() { for number in links.keys { links[number]?.connectBy = .now } }

    /// Sends a frame, if there is a current connection. What is lost with the connection is lost: nothing that is stored
    /// goes this way.
    /// - Returns: whether it was handed to a socket.
    package func send(_ frame: ClientFrame) async -> Bool {
        guard let link = links.values.first(where: { $0.phase == .current }), let socket = link.socket else {
            return false
        }
        do {
            try await socket.send(text: try encoded(frame))
            return true
        } catch {
            return false
        }
    }

    /// Closes the socket as a lost network does; the client connects again at once. For tests.
    package func dropConnection() { for link in links.values { link.socket?.abort() } }

    // MARK: Links

    private func link(_ number: Int, after pause: Duration, renewing: Bool) async {
        do {
            try await wait(number, for: pause)
            if renewing { try await credentials.refresh(expired: await credentials.token) }
            tell(.state(.connecting(attempt: plan.attempt)))
            turn += 1
            try await GatewaySocket.connect(to: gateways[turn % gateways.count]) { socket, inbound in
                opened(number, socket)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await self.keepAlive(number) }
                    for try await frame in inbound {
                        guard let arrival = try await socket.read(frame) else { continue }
                        if try await !receive(arrival, on: number) { break }
                    }
                    group.cancelAll()
                }
            }
        } catch let error as ProblemError where renewing {
            if error.problem.status == 401 { end(.signedOut) }
        } catch {
            // Whatever broke the connection, the next one resumes.
        }
        ended(number)
    }

    /// Waits in steps, because ``wake()`` may end it, and the end of another link make it shorter.
    private func wait(_ number: Int, for pause: Duration) async throws {
        let end = ContinuousClock.now + pause
        while let link = links[number],
            case let rest = ContinuousClock.now.duration(to: min(end, link.connectBy ?? end)), rest > .zero
        {
            try await Task.sleep(for: min(rest, .milliseconds(100)))
        }
    }

    private func opened(_ number: Int, _ socket: GatewaySocket) {
        links[number]?.socket = socket
        links[number]?.lastHeard = .now
    }

    /// A link has ended: whether another is wanted depends on whether it was still the one that counts.
    private func ended(_ number: Int) {
        guard let link = links.removeValue(forKey: number), !hasEnded else { return }
        switch LinkSuccession(after: link.phase, others: links.values.map(\.phase)) {
        case .none: break
        case .hurry: hurry()
        case .connect(let isMoving):
            switch plan.ended(
                closeCode: link.closeCode, isMoving: isMoving, now: .now, fraction: .random(in: 0...1))
            {
            case .retry(let pause): connect(after: pause, renewing: false, isAlone: !isMoving)
            case .refresh(let pause): connect(after: pause, renewing: true, isAlone: !isMoving)
            case .end(let reason): end(reason)
            }
        }
    }

    /// What served has gone before what was to take over from it was current. That one connects within the shortest wait: with
    /// its gateway many may have lost theirs.
    private func hurry() {
        guard !links.values.contains(where: { $0.phase == .replaying }) else {
            tell(.state(.replaying))
            return
        }
        let pause = Limits.reconnectFirst * .random(in: 0...1)
        for number in links.keys { links[number]?.connectBy = .now + pause }
        tell(.state(.waiting(pause)))
    }

    private func connect(after pause: Duration, renewing: Bool, isAlone: Bool) {
        if isAlone { tell(.state(.waiting(pause))) }
        intend.yield(.connect(after: pause, renewing: renewing))
    }

    private func end(_ reason: EndReason) {
        guard !hasEnded else { return }
        hasEnded = true
        tell(.state(.ended(reason)))
        for link in links.values { link.socket?.close() }
        intend.yield(.end)
    }

    /// Sends heartbeats while the link stands, and gives it up when nothing comes any more.
    private func keepAlive(_ number: Int) async throws {
        var nextBeat = ContinuousClock.now
        while let link = links[number] {
            let now = ContinuousClock.now
            if now >= link.deadline { return link.socket?.abort() ?? () }
            if let interval = link.heartbeatInterval, now >= nextBeat {
                nextBeat = now + interval
                try await link.socket?.send(text: try encoded(ClientFrame.heartbeat(Heartbeat())))
            }
            try await Task.sleep(for: .milliseconds(250))
        }
    }

    // MARK: Frames

    /// Takes what arrived. `false` when nothing more is wanted from this socket.
    private func receive(_ arrival: GatewaySocket.Arrival, on number: Int) async throws -> Bool {
        guard links[number] != nil, links[number]?.phase != .retired else { return false }
        links[number]?.lastHeard = .now
        switch arrival {
        case .close(let code):
            links[number]?.closeCode = code
            return false
        case .text(let text): return try await receive(Data(text.readableBytesView), on: number)
        }
    }

    private func receive(_ text: Data, on number: Int) async throws -> Bool {
        let decoder = JSONDecoder()
        if let event = try? decoder.decode(EventFrame.self, from: text) { return receive(event, on: number) }
        if let frame = try? decoder.decode(ServerFrame.self, from: text) { return try await receive(frame, on: number) }
        // A later version of Roost may have events that this one does not know.
        if let place = try? decoder.decode(Cursor.self, from: text) { return skip(place, on: number) }
        return true
    }

    private func receive(_ frame: ServerFrame, on number: Int) async throws -> Bool {
        switch frame {
        case .hello(let hello): try await identify(on: number, hello)
        case .ready(let ready):
            links[number]?.note("ready")
            return self.ready(ready, on: number)
        case .reset(let reset): return self.reset(reset, on: number)
        case .current:
            links[number]?.note("current")
            return current(number)
        case .move: move(from: number)
        case .heartbeat: break
        case .presence(let states): tell(.presence(states))
        case .typing(let state): tell(.typing(state))
        case .callJoined, .callFailed, .callAnswer, .callState, .callSpeakers, .callLayers,
            .callEnded:
            tell(.call(frame))
        }
        return true
    }

    private func identify(on number: Int, _ hello: Hello) async throws {
        let token = await credentials.token
        let cursors = table.cursors
        links[number]?.heartbeatInterval = .milliseconds(hello.heartbeatIntervalMilliseconds)
        links[number]?.sent = cursors
        links[number]?.table = CursorTable(cursors)
        let frame = ClientFrame.identify(Identify(token: token, cursors: cursors))
        try await links[number]?.socket?.send(text: try encoded(frame))
    }

    private func ready(_ ready: Ready, on number: Int) -> Bool {
        guard var link = links[number] else { return false }
        _ = link.table.ready(ready.streams, sent: link.sent)
        link.phase = .replaying
        links[number] = link
        var next = table
        let change = next.ready(ready.streams, sent: link.sent)
        if !isMoving(to: number) { tell(.state(.replaying)) }
        return commit(next, change.isEmpty ? nil : .streams(change), on: number)
    }

    private func reset(_ reset: Reset, on number: Int) -> Bool {
        guard links[number]?.table.reset(reset) == true else {
            return broken("reset of \(reset.stream), which is not read", on: number)
        }
        var next = table
        // While moving, the other socket may have gone further already; its events are no less true.
        guard next.reset(reset) else { return true }
        return commit(next, .reset(reset), on: number)
    }

    private func current(_ number: Int) -> Bool {
        _ = links[number]?.table.current()
        links[number]?.phase = .current
        var next = table
        let change = next.current()
        guard commit(next, change.isEmpty ? nil : .streams(change), on: number) else { return false }
        for (other, link) in links where other != number && link.phase != .connecting { retire(other) }
        plan.becameCurrent(now: .now)
        tell(.state(.current))
        return true
    }

    /// Make before break: the old socket goes on until the new one is current.
    private func move(from number: Int) {
        guard !links.values.contains(where: { $0.phase == .connecting || $0.phase == .replaying }) else { return }
        tell(.state(.moving))
        intend.yield(.connect(after: .zero, renewing: false))
    }

    private func isMoving(to number: Int) -> Bool {
        links.contains { $0.key != number && $0.value.phase == .current }
    }

    private func retire(_ number: Int) {
        links[number]?.phase = .retired
        links[number]?.socket?.close()
    }

    // MARK: Events

    private func receive(_ event: EventFrame, on number: Int) -> Bool {
        let isReplay = links[number]?.phase != .current
        defer { links[number]?.note(name(of: event)) }
        // What this socket may send is one thing …
        switch links[number]?.table.receive(event, isReplay: isReplay) {
        case .next, nil: break
        case .duplicate: return broken("\(name(of: event)) came twice", on: number)
        case .gap(let expected): return broken("\(name(of: event)) came when \(expected) was next", on: number)
        case .unfollowed: return broken("\(name(of: event)) of a stream that is not read", on: number)
        }
        // … and what is new to us another, while there are two.
        var next = table
        switch next.receive(event, isReplay: isReplay) {
        case .next(let change): return commit(next, .event(event, change), on: number)
        case .duplicate, .unfollowed: return true
        case .gap(let expected): return broken("\(name(of: event)) came when \(expected) was missing", on: number)
        }
    }

    private func skip(_ place: Cursor, on number: Int) -> Bool {
        let isReplay = links[number]?.phase != .current
        _ = links[number]?.table.receive(place, isReplay: isReplay)
        _ = table.receive(place, isReplay: isReplay)
        return true
    }

    private func name(of event: EventFrame) -> String { "\(event.event.name.rawValue) \(event.seq) of \(event.stream)" }

    /// The cursors move only with an update that was taken. `false` when its user is too far behind: the socket is given
    /// up, and a later one resumes.
    private func commit(_ next: CursorTable, _ update: Update?, on number: Int) -> Bool {
        if let update, !tell(update) { return false }
        table = next
        return true
    }

    /// The gateway broke the contract: says so, and resumes on another socket.
    private func broken(_ what: String, on number: Int) -> Bool {
        let link = links[number]
        let before = link?.recent.joined(separator: ", ") ?? ""
        tell(.violation("\(what), \(link.map { "\($0.phase)" } ?? "gone"); before it: \(before)"))
        links[number]?.phase = .retired
        return false
    }

    @discardableResult
    private func tell(_ update: Update) -> Bool {
        if case .enqueued = continuation.yield(update) { true } else { false }
    }

    private func encoded(_ frame: ClientFrame) throws -> ByteBuffer {
        ByteBuffer(bytes: try JSONEncoder().encode(frame))
    }
}
