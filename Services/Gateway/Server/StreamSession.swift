import Contracts
import GatewayDomain
import Logging
import NIOCore
import RedisBus
import ServiceKit

/// One reader of streams from its token on: who it is, what it reads, and how far behind it is. The dialect it speaks is the
/// reader's business.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the registry's event loop only.
final class StreamSession: @unchecked Sendable {
    /// A replay that could not be finished in this time is given up: the client resumes elsewhere.
    private static let patience = Duration.seconds(30)
    /// So often a list of what may be seen may turn out to be old.
    private static let accessAttempts = 40

    let registry: LoopRegistry
    let services: GatewayServices
    let reader: any StreamReader
    private let slot: Int32
    private(set) var userID: UserID?
    private(set) var sessionID: SessionID?
    /// Events of the user's own stream up to here are part of what was answered at the beginning: their effects are done.
    private var effectsDoneThrough = StreamSequence.max
    private var places: ContiguousArray<LoopRegistry.Place> = []
    private var isOver = false
    /// When it must be known who it is.
    private let beginDeadline = Timestamp.now + StreamSession.patience
    /// The flows under way: the beginning, and the catch-up of streams joined later.
    private var flows: [Int32: Task<Void, Never>] = [:]
    private var lastFlow: Int32 = 0

    /// On the loop. The reader has a slot, from which the session gets what is live.
    init(reader: any StreamReader, slot: Int32, registry: LoopRegistry, services: GatewayServices) {
        self.reader = reader
        self.slot = slot
        self.registry = registry
        self.services = services
    }

    // MARK: On the loop

    /// Begins: whatever fails closes the reader with a code that says what to do.
    func open(token: String, cursors: [Cursor]) {
        registry.attach(self, to: slot)
        start { session, flow in try await session.begin(token, cursors, flow) }
    }

    /// Time has passed: called every few seconds by the registry. Who cannot be served does better elsewhere.
    func check(now: Timestamp) {
        if !isOver, userID == nil, now >= beginDeadline { reader.close(.unavailable) }
    }

    /// The reader has gone.
    func end() {
        isOver = true
        for flow in flows.values { flow.cancel() }
        flows = [:]
        registry.letGo(places)
        places = []
    }

    /// Another reader of a row has gone, and this one has taken its position.
    func moved(in row: Int32, to position: Int32) {
        if let index = places.firstIndex(where: { $0.row == row }) { places[index].position = position }
    }

    /// The workspaces it reads.
    var workspaces: Set<WorkspaceID> {
        Set(
            places.compactMap { place in
                if case .workspace(let id) = registry.stream(of: place) { id } else { nil }
            })
    }

    func reads(_ stream: StreamID) -> Bool { index(of: stream) != nil }

    /// A live event of the user's own stream.
    func receive(_ event: PreparedEvent, _ stream: StreamID, _ seq: StreamSequence) {
        guard !isOver else { return }
        reader.receive(event, stream, seq)
        apply(event.effects, seq)
    }

    private func apply(_ effects: [AccessEffect], _ seq: StreamSequence) {
        guard !effects.isEmpty, !isOver, seq > effectsDoneThrough else { return }
        for effect in effects {
            switch effect {
            case .join(let place): join(place)
            case .leave(let stream): leave(stream)
            case .revoke(let session): if session == sessionID { reader.close(.sessionRevoked) }
            }
        }
        reader.accessChanged()
    }

    private func join(_ place: Cursor) {
        guard index(of: place.stream) == nil else { return }
        // In this turn: the next effect may be to leave it again.
        hold([place.stream], lastFlow + 1)
        start { session, flow in try await session.catchUp([place], flow) }
    }

    private func leave(_ stream: StreamID) {
        guard let index = index(of: stream) else { return }
        registry.letGo(CollectionOfOne(places.remove(at: index)))
    }

    private func hold(_ streams: [StreamID], _ flow: Int32) {
        places += registry.hold(streams.filter { index(of: $0) == nil }, flow: flow)
    }

    private func index(of stream: StreamID) -> Int? {
        places.firstIndex { registry.stream(of: $0) == stream }
    }

    private func index(ofRow row: Int32, near index: Int) -> Int? {
        index < places.count && places[index].row == row ? index : places.firstIndex { $0.row == row }
    }

    /// What the stream table found in one turn. Streams that were left meanwhile, or left and joined again, are passed over.
    func receive(_ joined: StreamTable.Joined) {
        guard !isOver else { return joined.done.fail(CancellationError()) }
        reader.beginBatch()
        defer { reader.endBatch() }
        if let claims = joined.claims, let access = joined.access {
            userID = claims.userID
            sessionID = claims.sessionID
            effectsDoneThrough = access.seq
            let all = joined.streams.map(\.place) + joined.behind
            reader.begin(SessionStart(userID: claims.userID, sessionID: claims.sessionID, places: all))
        }
        let indexOfRow = Dictionary(uniqueKeysWithValues: places.indices.map { (places[$0].row, $0) })
        for (place, events) in joined.streams {
            guard let row = registry.row(of: place.stream), let known = indexOfRow[row] else { continue }
            registry.writeWaiting(in: row)
            // Only now: what was written may have ended sockets, and that changes places.
            guard let index = index(ofRow: row, near: known), places[index].flow == joined.flow,
                places[index].position < 0
            else { continue }
            places[index].position = registry.addReader(slot, to: row)
            for (seq, event) in events { reader.receive(event, place.stream, seq) }
        }
        for (place, events) in joined.streams {
            if case .user = place.stream {
                for (seq, event) in events { apply(event.effects, seq) }
            }
        }
        if joined.claims != nil, joined.behind.isEmpty { reader.becomeCurrent() }
        joined.done.succeed(joined.behind)
    }

    // MARK: Flows

    private func start(_ body: @escaping @Sendable (StreamSession, Int32) async throws -> Void) {
        lastFlow += 1
        let flow = lastFlow
        // On the loop, so that most steps need no other thread to wake.
        flows[flow] = Task(executorPreference: registry.executor) { [self] in
            do {
                try await body(self, flow)
            } catch {
                registry.eventLoop.execute { [self] in if !isOver { reader.close(closeCode(for: error)) } }
            }
            registry.eventLoop.execute { [self] in flows[flow] = nil }
        }
    }

    private func onLoop<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws -> Value {
        if registry.eventLoop.inEventLoop {
            guard !isOver else { throw CancellationError() }
            return work()
        }
        return try await registry.eventLoop.submit { [self] in
            guard !isOver else { throw CancellationError() }
            return work()
        }.get()
    }

    /// What the user may see, then all of it, from the client's places on. A change of access meanwhile shows by the user's
    /// stream: it has come further than the access says, which is asked for again then.
    private func begin(_ token: String, _ cursors: [Cursor], _ flow: Int32) async throws {
        let claims = try await claims(of: token)
        let session = SessionOfUser(userID: claims.userID, sessionID: claims.sessionID)
        let own = StreamID.user(claims.userID)
        let known = Dictionary(cursors.map { ($0.stream, $0.seq) }, uniquingKeysWith: min)
        var access = try await services.access.access(of: session)
        for _ in 0..<Self.accessAttempts {
            let streams = [own] + access.streams
            try await onLoop { [self] in
                for stale in places.map(registry.stream(of:)) where !streams.contains(stale) { leave(stale) }
                hold(streams, flow)
            }
            let wants = streams.map { (stream: $0, cursor: known[$0]) }
            let joining = StreamTable.Joining(session: self, flow: flow, claims: claims, access: access, wants: wants)
            switch try await services.streams.join(joining) {
            case .joined(let behind):
                guard !behind.isEmpty else { return }
                try await catchUp(behind, flow)
                return try await onLoop { [self] in reader.becomeCurrent() }
            case .accessIsOld: access = try await services.access.ask(session)
            case .accessIsAhead: try await Task.sleep(for: Limits.gapHold)
            }
        }
        throw BusError.timedOut
    }

    /// A signature that must be checked is checked beside the loop, which has others to serve.
    private func claims(of token: String) async throws -> AccessToken {
        if let known = try services.keys.remembered(token) { return known }
        let keys = services.keys
        return try await Task(executorPreference: globalConcurrentExecutor) { try await keys.verify(token) }.value
    }

    /// Joins streams where the windows reach back to the places. Where they do not, gives what was missed in pages, each
    /// after the socket has taken the one before, until they do.
    private func catchUp(_ cursors: [Cursor], _ flow: Int32) async throws {
        var behind = try await join(cursors, flow)
        var round = 0
        let end = ContinuousClock.now + Self.patience
        while !behind.isEmpty {
            guard ContinuousClock.now < end else { throw BusError.timedOut }
            try await reader.drained()
            behind = try await onLoop { [self, behind] in behind.filter { isBehind(in: $0.stream, flow) } }
            // The streams' windows first; one that fills faster than it is read goes by pages.
            let far = round < 3 ? try await services.streams.fill(behind) : behind
            if !far.isEmpty { behind = try await page(after: far, of: behind, flow) }
            behind = try await join(behind, flow)
            round += 1
        }
    }

    private func join(_ places: [Cursor], _ flow: Int32) async throws -> [Cursor] {
        let wants = places.map { (stream: $0.stream, cursor: Optional($0.seq)) }
        let joining = StreamTable.Joining(session: self, flow: flow, claims: nil, access: nil, wants: wants)
        guard case .joined(let behind) = try await services.streams.join(joining) else { return [] }
        return behind
    }

    private func isBehind(in stream: StreamID, _ flow: Int32) -> Bool {
        index(of: stream).map { places[$0].flow == flow && places[$0].position < 0 } ?? false
    }

    /// Gives one page of what PostgreSQL has after the cursors, and answers where that leaves those who are behind.
    private func page(after far: [Cursor], of behind: [Cursor], _ flow: Int32) async throws -> [Cursor] {
        let user = try await onLoop { [self] in userID }
        let page = try await services.replays.page(for: user, after: far)
        let places = page.reply.covered + page.reply.resets
        services.streams.noteLater(places)
        try await onLoop { [self] in
            reader.beginBatch()
            for place in page.reply.resets where isBehind(in: place.stream, flow) { reader.sendReset(place) }
            for (stream, seq, event) in page.events where isBehind(in: stream, flow) {
                reader.receive(event, stream, seq)
                if case .user = stream { apply(event.effects, seq) }
            }
            reader.endBatch()
        }
        // Nothing to give: the stream is ahead of what this gateway has delivered, which is on its way.
        if page.events.isEmpty, page.reply.resets.isEmpty { try await Task.sleep(for: Limits.gapHold) }
        let moved = Dictionary(places.map { ($0.stream, $0.seq) }, uniquingKeysWith: max)
        let asked = Set(far.map(\.stream))
        // What was not answered may not be seen any more.
        return behind.compactMap { cursor in
            asked.contains(cursor.stream) ? moved[cursor.stream].map { Cursor(stream: cursor.stream, seq: $0) } : cursor
        }
    }

    private func closeCode(for error: any Error) -> CloseCode {
        switch error {
        case TokenError.expired: return .tokenExpired
        case TokenError.invalid: return .unauthenticated
        case is SessionEnded: return .sessionRevoked
        default:
            services.logger.info("session not served", metadata: ["error": "\(error)"])
            return .unavailable
        }
    }
}
