package import Contracts
package import GatewayDomain
package import Logging
import NIOCore
package import RedisBus

/// The presence of the users of this gateway's connections, and of the people whom its connections watch.
///
/// What a connection says is a field with an end in its user's hash in Redis, beaten while the connection lives. Changes of
/// what the fields amount to are published by workspace; gateways on which somebody watches read the person anew.
/// Without Redis nothing is told and nobody is taken for offline.
///
/// Every method may be called from any thread; calls of one thread take effect in their order.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the bus's event loop only: what others call hops there,
/// and what is not `package` is called from there.
package final class PresenceBoard: @unchecked Sendable {
    let bus: RedisBus
    let gatewayID: InstanceID
    let timing: PresenceTiming
    let logger: Logger
    let eventLoop: any EventLoop

    var roster: PresenceRoster
    var watchers = PresenceWatchers()
    var batch = PresenceBatch()
    var clients: [ConnectionID: any PresenceClient] = [:]
    private var grace: PresenceGrace
    private var beatHandlers: [@Sendable () -> Void] = []
    private var ticker: RepeatedTask?
    private var tickCount = 0
    var isDraining = false

    // PresenceBoard+writes.swift
    var isWriting = false
    var isFlushDue = false
    var isPublishDue = false
    var writesEnded: EventLoopPromise<Void>?
    // PresenceBoard+watches.swift
    var isReading = false
    var topics: [WorkspaceID: WatchedTopic] = [:]
    var lastGeneration = 0
    // PresenceBoard+lease.swift
    var runMarker: ByteBuffer?
    var isBeating = false
    var hasLease = false
    /// Whether it is known if Redis has lost its memory while the link was down. Until then nothing is read or written.
    var isInformed = false
    /// Until then who cannot be found in Redis is not taken for offline.
    var settled: Duration = .zero
    var takeovers: [InstanceID: Task<Void, Never>] = [:]

    /// - Parameters:
    ///   - gatewayID: of this process; a later process has another.
    ///   - timing: tests make it shorter.
    package init(bus: RedisBus, gatewayID: InstanceID, logger: Logger, timing: PresenceTiming = .standard) {
        self.bus = bus
        self.gatewayID = gatewayID
        self.logger = logger
        self.timing = timing
        eventLoop = bus.eventLoop
        roster = PresenceRoster(ticksPerBeat: timing.ticksPerBeat)
        grace = PresenceGrace(tick: timing.tick)
    }

    deinit { ticker?.cancel() }

    // MARK: From any thread

    /// Begins to beat. Again does nothing.
    package func start() {
        eventLoop.execute { [self] in
            guard ticker == nil, !isDraining else { return }
            ticker = eventLoop.scheduleRepeatedTask(
                initialDelay: TimeAmount(timing.tick), delay: TimeAmount(timing.tick)
            ) { [weak self] _ in self?.tick() }
            bus.onRestored { [weak self] in self?.restored() }
            if bus.isConnected { beatLease(isRenewing: true) }
        }
    }

    /// A connection has identified. Until it says otherwise it counts as online. Once more for a connection that is known
    /// is ``accessChanged(_:workspaces:)``.
    package func connect(_ client: any PresenceClient, user: UserID, workspaces: Set<WorkspaceID>) {
        eventLoop.execute { [self] in
            guard !isDraining else { return }
            let connection = client.connectionID
            guard roster.user(of: connection) == nil else { return changeAccess(of: connection, to: workspaces) }
            clients[connection] = client
            roster.connect(connection, user: user, workspaces: workspaces)
            scheduleFlush()
        }
    }

    /// The user of a connection may see these workspaces from now on. A watch of another one ends.
    package func accessChanged(_ connection: ConnectionID, workspaces: Set<WorkspaceID>) {
        eventLoop.execute { [self] in changeAccess(of: connection, to: workspaces) }
    }

    /// The device says this of its user. A status past its bounds is cut.
    package func update(_ connection: ConnectionID, _ update: PresenceUpdate) {
        eventLoop.execute { [self] in
            do {
                let status = try (update.status?.bounded).map(presenceStatusText) ?? ""
                roster.update(connection, state: update.state, status: status)
                scheduleFlush()
            } catch {
                logger.error("a status could not be encoded", metadata: ["error": "\(error)"])
            }
        }
    }

    /// The device shows these people now, instead of those before. Ignored if the workspace is none of the user's; people
    /// past ``Limits/presenceWatchCount`` are left out.
    package func watch(_ connection: ConnectionID, _ watch: PresenceWatch) {
        eventLoop.execute { [self] in
            guard roster.workspaces(of: connection).contains(watch.workspaceID) else { return }
            let users = Array(watch.userIDs.prefix(Limits.presenceWatchCount))
            perform(watchers.watch(connection, watch.workspaceID, users))
            scheduleFlush()
        }
    }

    /// The connection was closed. The user counts as before for the grace, so that a reload shows nothing.
    /// - Parameter hasMoved: the client has its new connection already, so that staying longer shows nothing wrong, but
    ///   going before the other gateway has written it would. Then it is ``Limits/presenceMoveGrace``.
    package func disconnect(_ connection: ConnectionID, hasMoved: Bool) {
        eventLoop.execute { [self] in
            clients[connection] = nil
            perform(watchers.unwatch(connection))
            guard roster.close(connection) else { return }
            grace.add(connection, until: now + (hasMoved ? timing.moveGrace : timing.grace))
        }
    }

    /// Adds a handler that is called once a beat, on the bus's event loop. It must not block.
    package func onBeat(_ handler: @escaping @Sendable () -> Void) {
        eventLoop.execute { [self] in beatHandlers.append(handler) }
    }

    /// The process goes away: writes what is due, and gives its lease back, so that a survivor takes over the users at
    /// once instead of after the lease. What it said of them stays until then. Connections that come later are not counted.
    package func drain() async {
        do {
            try await eventLoop.flatSubmit { [self] in
                isDraining = true
                ticker?.cancel()
                for takeover in takeovers.values { takeover.cancel() }
                return finishWrites()
            }.get()
        } catch {
            logger.info("not all presence is written", metadata: ["error": "\(error)"])
        }
        await giveLeaseBack()
    }

    // MARK: On the loop

    /// Monotonic time, from any start.
    var now: Duration { .nanoseconds(Int64(NIODeadline.now().uptimeNanoseconds)) }

    private func changeAccess(of connection: ConnectionID, to workspaces: Set<WorkspaceID>) {
        roster.accessChanged(connection, workspaces: workspaces)
        if let watched = watchers.workspace(watchedBy: connection), !workspaces.contains(watched) {
            perform(watchers.unwatch(connection))
        }
        scheduleFlush()
    }

    private func tick() {
        tickCount += 1
        for connection in grace.take(now: now) { roster.endGrace(of: connection) }
        roster.tick()
        watchers.refresh(part: timing.ticksPerRefresh)
        if tickCount % timing.ticksPerBeat == 0 {
            for handler in beatHandlers { handler() }
        }
        guard bus.isConnected else { return }
        subscribeAgain()
        beatLease(isRenewing: tickCount % timing.ticksPerLeaseBeat == 0)
        flush()
    }

    /// What is due in this turn of the loop goes to Redis together.
    func scheduleFlush() {
        guard !isFlushDue else { return }
        isFlushDue = true
        eventLoop.execute { [self] in
            isFlushDue = false
            flush()
        }
    }

    private func flush() {
        flushWrites()
        flushReads()
    }
}
