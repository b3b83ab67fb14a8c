import Contracts
import Logging
import MediaCore
import NIOCore
import RedisBus
import ServiceKit

/// Who sits where on this node, and what the node says on the bus. Packets never come here: they stay in the workers.
actor MediaNode {
    /// A seat and the worker that serves it.
    private struct Taken {
        let seat: Seat
        let worker: Int
    }

    private struct Placed {
        let epoch: Int64
        let worker: Int
    }

    private let bus: RedisBus
    private let keys: KeyRing
    private let workers: [WorkerThread]
    private let logger: Logger
    private let id: InstanceID
    private var seats: [ParticipantID: Taken] = [:]
    private var rooms: [ChannelID: Placed] = [:]
    /// The events of each user who has a seat: they may end it.
    private var watches: [UserID: Task<BusSubscription, any Error>] = [:]
    /// The newest report of each call that no API instance has taken yet.
    private var reports: [ChannelID: CallReport] = [:]
    /// Calls whose reports are being sent: one at a time, so that they arrive in order.
    private var reporting: Set<ChannelID> = []
    private(set) var isDraining = false

    init(bus: RedisBus, keys: KeyRing, workers: [WorkerThread], logger: Logger) {
        self.bus = bus
        self.keys = keys
        self.workers = workers
        self.logger = logger
        id = bus.address.id
    }

    // MARK: Requests of gateways

    func join(_ request: SeatJoinRequest) async throws -> SeatJoinReply {
        guard !isDraining else { throw BusFailure(.unavailable, "The media node is going away; join again.") }
        let grant = try await verified(request.grant)
        let seat = Seat(
            participantID: grant.participantID, userID: grant.userID, sessionID: grant.sessionID,
            channelID: grant.channelID, epoch: grant.placement.epoch)
        let isNew = seats[seat.participantID] == nil
        let worker = place(seat)
        if isNew { seats[seat.participantID] = Taken(seat: seat, worker: worker) }
        do {
            // First the events that could end the right to the seat, then the seat.
            try await watch(seat.userID)
            let route = SeatRoute(gateway: request.gateway, connectionID: request.connectionID)
            let joinedAt = Timestamp.now
            let result = await workers[worker].perform { worker, now in
                Result { () throws(SeatError) in try worker.join(seat, route: route, joinedAt: joinedAt, now: now) }
            }
            let reply = try unwrap(result)
            // What ended between the grant and the watch is found now instead of at the next round.
            Task { await self.renew([seat]) }
            return reply
        } catch {
            if isNew { await forget(seat) }
            throw error
        }
    }

    /// A seat has gone, or was not had after all.
    private func forget(_ seat: Seat) async {
        // One that was taken anew since, in a later placement of the room, is another.
        if seats[seat.participantID]?.seat == seat { seats[seat.participantID] = nil }
        if !seats.values.contains(where: { $0.seat.userID == seat.userID }), let watch = watches[seat.userID] {
            watches[seat.userID] = nil
            (try? await watch.value)?.cancel()
        }
        if let room = rooms[seat.channelID], room.epoch == seat.epoch,
            !seats.values.contains(where: { $0.seat.channelID == seat.channelID })
        {
            rooms[seat.channelID] = nil
            await withdraw(seat.channelID, epoch: seat.epoch)
        }
    }

    private func verified(_ grant: String) async throws -> CallGrant {
        let claims: CallGrant
        do {
            claims = try await keys.verifyGrant(grant)
        } catch TokenError.expired {
            throw BusFailure(.unauthenticated, "The grant has expired; ask for a new one.")
        } catch is TokenError {
            throw BusFailure(.unauthenticated, "The grant is not signed by the API for a media node.")
        }
        guard claims.placement.node == id else {
            throw BusFailure(.unauthenticated, "The grant is for another media node.")
        }
        return claims
    }

    /// The worker of the seat's room: a new room goes where the fewest are.
    private func place(_ seat: Seat) -> Int {
        if let known = rooms[seat.channelID] {
            if seat.epoch > known.epoch { rooms[seat.channelID] = Placed(epoch: seat.epoch, worker: known.worker) }
            return known.worker
        }
        var load = [Int](repeating: 0, count: workers.count)
        for room in rooms.values { load[room.worker] += 1 }
        for taken in seats.values { load[taken.worker] += 1 }
        let worker = load.indices.min { load[$0] < load[$1] } ?? 0
        rooms[seat.channelID] = Placed(epoch: seat.epoch, worker: worker)
        return worker
    }

    func offer(_ request: SeatOfferRequest) async throws -> CallAnswer {
        let result = await worker(of: request.participantID)?.perform { worker, now in
            Result { () throws(SeatError) in try worker.offer(request, now: now) }
        }
        return try unwrap(result)
    }

    func update(_ request: SeatUpdateRequest) async throws {
        let result = await worker(of: request.participantID)?.perform { worker, now in
            Result { () throws(SeatError) in try worker.update(request, now: now) }
        }
        try unwrap(result)
    }

    func leave(_ request: SeatLeaveRequest) async {
        await worker(of: request.participantID)?.perform { worker, now in worker.leave(request, now: now) }
    }

    private func worker(of participant: ParticipantID) -> WorkerThread? {
        seats[participant].map { workers[$0.worker] }
    }

    @discardableResult
    private func unwrap<Value>(_ result: Result<Value, SeatError>?) throws -> Value {
        switch result {
        case .success(let value): return value
        case .failure(let error): throw BusFailure(error)
        case nil: throw BusFailure(.notFound, "There is no such seat; join again.")
        }
    }

    // MARK: What workers tell

    func take(_ notice: Notice) async {
        switch notice {
        case .frame(let frame, let participant, let route): send(frame, participant, route)
        case .report(let report): post(report)
        case .ended(let seat): await forget(seat)
        }
    }

    /// What is told while a gateway or Redis is busy is told again so often, a little later each time.
    private static let noticeTries = 5

    private func send(_ frame: ServerFrame, _ participant: ParticipantID, _ route: SeatRoute) {
        let notice = SeatNotice(participantID: participant, connectionID: route.connectionID, frame: frame)
        let gateway = InstanceAddress(kind: .gateway, id: route.gateway)
        Task {
            for attempt in 1...Self.noticeTries {
                do {
                    _ = try await bus.request(
                        .seatNotice, to: gateway, body: ByteBuffer(bytes: WireJSON.encode(notice)))
                    return
                } catch {
                    // Also when nobody listens: after a restart of Redis a gateway is deaf for a moment. One that is gone
                    // has no connection to tell, and its clients ask for the state when they are back.
                    // Who speaks has changed before it could be told again.
                    if case .callSpeakers = frame { return }
                    try? await Task.sleep(for: Self.reportRetry * attempt)
                }
            }
        }
    }

    private static let reportRetry = Duration.milliseconds(500)

    private func post(_ report: CallReport) {
        reports[report.channelID] = report
        guard reporting.insert(report.channelID).inserted else { return }
        Task { await sendReports(of: report.channelID) }
    }

    /// Until an API instance has committed the newest. A report says all, so those it overtakes are not missed.
    private func sendReports(of channel: ChannelID) async {
        while let report = reports.removeValue(forKey: channel) {
            do {
                let body = ByteBuffer(bytes: try WireJSON.encode(report))
                _ = try await bus.request(.callReport, to: .api, body: body)
            } catch BusError.failed(let failure) where failure.code != .unavailable {
                logger.warning("report refused", metadata: ["channel": "\(channel)", "why": "\(failure.detail)"])
            } catch {
                logger.debug("report waits", metadata: ["channel": "\(channel)", "error": "\(error)"])
                if reports[channel] == nil { reports[channel] = report }
                try? await Task.sleep(for: Self.reportRetry)
            }
        }
        reporting.remove(channel)
    }

    /// Whether everything that was to be said has been said.
    var isQuiet: Bool { seats.isEmpty && reporting.isEmpty }

    // MARK: Rights

    /// Follows a user's events, once however many seats the user has.
    private func watch(_ user: UserID) async throws {
        let watch = watches[user] ?? beginWatch(user)
        watches[user] = watch
        do {
            _ = try await watch.value
        } catch {
            if watches[user] == watch { watches[user] = nil }
            throw BusFailure(.unavailable, "The media node has no Redis; try again.")
        }
    }

    private func beginWatch(_ user: UserID) -> Task<BusSubscription, any Error> {
        // The node lives as long as the process: nothing is kept alive that would end.
        Task { [bus] in
            try await bus.subscribe(to: .stream(.user(user))) { message in
                guard let header = message.readableBytesView.split(separator: UInt8(ascii: "\n"), maxSplits: 1).first,
                    let envelope = StreamEnvelope(header: String(decoding: header, as: UTF8.self)),
                    !envelope.effects.isEmpty
                else { return }
                Task { await self.apply(envelope.effects, of: user) }
            }
        }
    }

    private func apply(_ effects: [AccessEffect], of user: UserID) {
        for taken in seats.values where taken.seat.userID == user {
            let ends = effects.contains {
                $0 == .leave(.channel(taken.seat.channelID)) || $0 == .revoke(taken.seat.sessionID)
            }
            if ends { remove(taken) }
        }
    }

    private func remove(_ taken: Taken) {
        let participant = taken.seat.participantID
        workers[taken.worker].post { worker, now in worker.remove(participant, .removed, now: now) }
    }

    /// After Redis was away: what ended meanwhile is found, and what may not have been told is told.
    func catchUp() async {
        for worker in workers { worker.post { worker, now in worker.tellAgain(now: now) } }
        await beat()
        await renewAll()
    }

    /// Asks the API which seats may stay. Without an answer all stay: losing the bus ends no call.
    func renewAll() async { await renew(seats.values.map(\.seat)) }

    private func renew(_ all: [Seat]) async {
        var rest = all[...]
        while !rest.isEmpty {
            let page = rest.prefix(Limits.callLeasesPerRequest)
            rest = rest.dropFirst(page.count)
            let leases = page.map {
                CallLease(
                    participantID: $0.participantID, userID: $0.userID, sessionID: $0.sessionID, channelID: $0.channelID
                )
            }
            do {
                let body = ByteBuffer(bytes: try WireJSON.encode(CallRenewRequest(leases: leases)))
                let answer = try await bus.request(.callRenew, to: .api, body: body)
                let reply = try WireJSON.decode(CallRenewReply.self, from: answer.readableBytesView)
                for refused in reply.refused { seats[refused].map(remove) }
            } catch {
                logger.debug("leases not renewed", metadata: ["error": "\(error)"])
            }
        }
    }

    // MARK: Placement

    /// Tells Redis that this node lives and has these rooms, and learns which were placed elsewhere with a higher epoch.
    func beat() async {
        let load = MediaNodeLoad(participants: isDraining ? .max : seats.count, rooms: rooms.count)
        let placed = rooms
        var commands = [
            RedisCommand(
                "SET", .key(.mediaNode(id)), .text(load.description), "PX", .milliseconds(Limits.mediaNodeLease))
        ]
        let channels = Array(placed.keys)
        for channel in channels {
            let placement = RoomPlacement(epoch: placed[channel]?.epoch ?? 0, node: id)
            commands.append(PlacementScript.beat(placement, of: channel))
        }
        do {
            let replies = try await bus.send(pipeline: commands)
            for (channel, reply) in zip(channels, replies.dropFirst()) {
                guard let text = reply.text, let other = RoomPlacement(text),
                    rooms[channel]?.epoch == placed[channel]?.epoch
                else { continue }
                logger.notice("a room is placed elsewhere", metadata: ["channel": "\(channel)", "by": "\(other)"])
                endRoom(channel)
            }
        } catch {
            logger.debug("beat failed", metadata: ["error": "\(error)"])
        }
    }

    private func endRoom(_ channel: ChannelID) {
        guard let placed = rooms[channel] else { return }
        workers[placed.worker].post { worker, now in worker.end(room: channel, .moved, now: now) }
    }

    private func withdraw(_ channel: ChannelID, epoch: Int64) async {
        _ = try? await bus.send(pipeline: [
            PlacementScript.withdraw(RoomPlacement(epoch: epoch, node: id), of: channel)
        ])
    }

    /// Sends everyone to other nodes.
    func drain() async {
        isDraining = true
        await beat()
        for channel in rooms.keys { endRoom(channel) }
    }

}

extension BusFailure {
    fileprivate init(_ error: SeatError) { self.init(error.code, error.detail) }
}
