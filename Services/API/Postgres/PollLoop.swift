import Glibc
import Logging

/// The one thread that owns all sockets of a pool. NIO cannot watch descriptors that belong to libpq.
///
/// A turn: take what was given, send it, wait, read every readable connection. PQpipelineSync writes each batch as it is
/// sent, so PQflush is needed only for what the kernel did not take.
final class PollLoop {
    private typealias Instant = ContinuousClock.Instant
    private struct Place {
        var lane: Lane
        var slot: Int
    }

    private let configuration: PostgresConfiguration
    private let inbox: Inbox
    private let logger: Logger
    // Indexed by Lane.rawValue, then by slot.
    private var lanes: [LaneMachine<Batch>]
    private var connections: [[PipelineConnection?]]
    private var descriptors: [pollfd] = []
    private var places: [Place] = []

    init(configuration: PostgresConfiguration, inbox: Inbox, logger: Logger) {
        self.configuration = configuration
        self.inbox = inbox
        self.logger = logger
        let limits = LaneMachine<Batch>.Limits(
            inFlightPerConnection: configuration.batchesInFlightPerConnection, queued: configuration.queuedBatches,
            queueTimeout: configuration.queueTimeout, backoff: configuration.backoff)
        let counts = Lane.allCases.map { $0 == .work ? configuration.connections : configuration.snapshotConnections }
        lanes = counts.map { LaneMachine(slots: $0, limits: limits, now: .now) }
        connections = counts.map { Array(repeating: nil, count: $0) }
    }

    /// Returns after `Inbox.shutDown`, when no batch waits or is in flight.
    func run() {
        while true {
            let turn = inbox.take()
            let now = Instant.now
            for (lane, slot, result) in turn.connections { connected(Place(lane: lane, slot: slot), result, now: now) }
            for batch in turn.batches { submit(batch, now: now) }
            serveTimers(now: now)
            for lane in Lane.allCases { sendWaiting(lane, now: now) }
            if turn.isShutDown, lanes.allSatisfy(\.isIdle) { return }
            connectWhereDue(now: now)
            wait(mayWait: inbox.sleepIfEmpty(), now: now)
        }
    }

    private func submit(_ batch: Batch, now: Instant) {
        switch lanes[batch.lane.rawValue].submit(batch, now: now) {
        case .send(let slot): send(batch, on: Place(lane: batch.lane, slot: slot), now: now)
        case .queued: break
        case .refused: batch.finish(.failure(.queueFull))
        }
    }

    private func sendWaiting(_ lane: Lane, now: Instant) {
        while let (slot, batch) = lanes[lane.rawValue].dequeue() {
            send(batch, on: Place(lane: lane, slot: slot), now: now)
        }
    }

    private func send(_ batch: Batch, on place: Place, now: Instant) {
        guard let connection = self[place] else {
            preconditionFailure("a lane chose a slot without a connection")
        }
        if !connection.send(batch, now: now) {
            lose(place, reason: connection.errorMessage, now: now)
        } else if case .closed = connection.flush() {
            lose(place, reason: connection.errorMessage, now: now)
        }
    }

    private func connected(_ place: Place, _ result: Result<Connection, ConnectFailure>, now: Instant) {
        switch result {
        case .success(let connection):
            self[place] = PipelineConnection(connection, configuration: configuration, now: now)
            lanes[place.lane.rawValue].connected(slot: place.slot)
        case .failure(let failure):
            lose(place, reason: failure.message, now: now)
        }
    }

    private func lose(_ place: Place, reason: String, now: Instant) {
        self[place]?.loseAll()
        self[place] = nil
        let failures = lanes[place.lane.rawValue].lost(slot: place.slot, now: now, jitter: .random(in: 0..<1))
        // The first failure says it; repeating it for each attempt would drown the log.
        logger.log(
            level: failures == 1 ? .warning : .debug, "PostgreSQL connection lost",
            metadata: ["lane": "\(place.lane)", "slot": "\(place.slot)", "reason": "\(reason)"])
    }

    private func serveTimers(now: Instant) {
        for lane in Lane.allCases {
            for batch in lanes[lane.rawValue].expire(now: now) { batch.finish(.failure(.unavailable)) }
        }
        forEachConnection { place, connection in
            if let deadline = connection.stallDeadline, deadline <= now {
                lose(place, reason: "the server stopped answering", now: now)
            }
        }
    }

    private func connectWhereDue(now: Instant) {
        for lane in Lane.allCases {
            for slot in lanes[lane.rawValue].connectsDue(now: now) { connect(Place(lane: lane, slot: slot), now: now) }
        }
    }

    /// Opens a connection on a thread of its own, at most one for each slot. It outlives the loop by a connect timeout
    /// at most, and its connection then closes with the inbox.
    private func connect(_ place: Place, now: Instant) {
        do throws(ThreadFailure) {
            try startBlockingThread { [configuration, inbox, logger] in
                let result = Result { () throws(ConnectFailure) in
                    let connection = try Connection.open(configuration, session: .lane(place.lane), logger: logger)
                    try connection.enterPipelineMode()
                    return connection
                }
                inbox.connected(lane: place.lane, slot: place.slot, result)
            }
        } catch {
            lose(place, reason: "no thread to connect on: errno \(error.code)", now: now)
        }
    }

    private func wait(mayWait: Bool, now: Instant) {
        var deadline = lanes.compactMap { $0.nextDeadline() }.min()
        descriptors.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        descriptors.append(pollfd(fd: inbox.wakeDescriptor, events: Int16(POLLIN), revents: 0))
        var hidesInput = false
        forEachConnection { place, connection in
            let events = connection.hasUnsentBytes ? POLLIN | POLLOUT : POLLIN
            descriptors.append(pollfd(fd: connection.socket, events: Int16(events), revents: 0))
            places.append(place)
            if let stall = connection.stallDeadline { deadline = deadline.map { min($0, stall) } ?? stall }
            if connection.mayHideInput { hidesInput = true }
        }
        if hidesInput { deadline = min(deadline ?? now + .milliseconds(20), now + .milliseconds(20)) }
        let timeout = mayWait ? deadline.map { now.duration(to: $0).roundedUpMilliseconds } ?? -1 : 0
        // An interrupted wait leaves all `revents` at 0, and the loop simply goes on.
        _ = poll(&descriptors, nfds_t(descriptors.count), timeout)
        if descriptors[0].revents != 0 { inbox.clearWakeUp() }
        serveSockets(now: .now)
    }

    private func serveSockets(now: Instant) {
        for (index, place) in places.enumerated() {
            let ready = Int32(descriptors[index + 1].revents)
            guard let connection = self[place], ready != 0 || connection.mayHideInput else { continue }
            if ready & POLLOUT != 0, case .closed = connection.flush() {
                lose(place, reason: connection.errorMessage, now: now)
                continue
            }
            switch connection.receive(now: now) {
            case .open(let answered):
                for _ in 0..<answered { lanes[place.lane.rawValue].finished(slot: place.slot) }
            case .closed: lose(place, reason: connection.errorMessage, now: now)
            }
        }
    }

    private subscript(place: Place) -> PipelineConnection? {
        get { connections[place.lane.rawValue][place.slot] }
        set { connections[place.lane.rawValue][place.slot] = newValue }
    }

    private func forEachConnection(_ body: (Place, PipelineConnection) -> Void) {
        for lane in Lane.allCases {
            for slot in connections[lane.rawValue].indices {
                if let connection = connections[lane.rawValue][slot] { body(Place(lane: lane, slot: slot), connection) }
            }
        }
    }
}
