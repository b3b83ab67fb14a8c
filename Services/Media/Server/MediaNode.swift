import Contracts
import Logging
import MediaCore
import NIOCore
import RedisBus
import ServiceKit

/// Who sits where on this node, by which right, and where its rooms are placed. Packets never come here: they stay in the
/// workers, whose word on who is there is the truth; what is kept here is compared with it at each beat.
actor MediaNode {
    /// A seat, the worker that serves it, and when the API last said that it may stay.
    struct Taken {
        let seat: Seat
        let number: Int
        let worker: Int
        var renewedAt: ContinuousClock.Instant?
    }

    /// A relay by the room and the worker that it goes to.
    struct Opening: Hashable {
        let channelID: ChannelID
        let worker: Int
    }

    let bus: RedisBus
    private let keys: KeyRing
    let workers: [WorkerThread]
    private let notices: NoticeBoard
    private let reporter: CallReporter
    private let recordings: RecordingDesk
    let courier: RelayCourier
    /// Where other nodes reach each worker.
    let relayAddresses: [TransportAddress]
    /// Of all rooms together, before other nodes help.
    let seatCount: Int
    let logger: Logger
    let id: InstanceID
    var seats: [ParticipantID: Taken] = [:]
    /// The workers of each room, from the first who joins on.
    var spread: RoomSpread
    /// Relays that are being opened: seats wait for them.
    var openings: [Opening: Task<Void, any Error>] = [:]
    /// Joins under way in each room, which keep it and its users' events.
    var joining: [ParticipantID: Seat] = [:]
    /// The events of each user who has a seat: they may end it.
    var watches: [UserID: Task<BusSubscription, any Error>] = [:]
    var recentJoins: [UserID: [ContinuousClock.Instant]] = [:]
    var busyness: WorkerBusyness
    let state: MediaNodeState

    init(
        bus: RedisBus, keys: KeyRing, workers: [WorkerThread], spread: RoomSpread, relayAddresses: [TransportAddress],
        seatCount: Int, recordings: RecordingDesk, state: MediaNodeState, encoder: CallStateEncoder, logger: Logger
    ) {
        self.spread = spread
        self.relayAddresses = relayAddresses
        self.seatCount = seatCount
        courier = RelayCourier(bus: bus, logger: logger)
        self.recordings = recordings
        self.bus = bus
        self.state = state
        busyness = WorkerBusyness(workerCount: workers.count)
        self.keys = keys
        self.workers = workers
        self.logger = logger
        notices = NoticeBoard(bus: bus, encoder: encoder, logger: logger)
        reporter = CallReporter(bus: bus, logger: logger)
        id = bus.address.id
    }

    // MARK: Requests of gateways

    func join(_ request: SeatJoinRequest) async throws -> SeatJoinReply {
        try refuseIfDraining()
        let grant = try await verified(request.grant)
        let seat = Seat(grant)
        try admit(seat)
        joining[seat.participantID] = seat
        defer {
            joining[seat.participantID] = nil
            forgetUnused(seat)
        }
        // First the events that could end the right to the seat, then the seat.
        try await watch(seat.userID)
        try refuseIfDraining()
        try settle(grant.placement, of: seat.channelID)
        let worker = place(seat)
        try await openings[Opening(channelID: seat.channelID, worker: worker)]?.value
        try refuseIfDraining()
        let isHome = spread.homeWorker(of: seat.channelID) == worker
        let route = SeatRoute(gateway: request.gateway, connectionID: request.connectionID)
        let joinedAt = Timestamp.now
        await notices.forget(seat.participantID)
        let taken = try await workers[worker].perform { worker, now in
            Result { () throws(SeatError) in
                try worker.join(
                    seat, rights: grant.rights, route: route, isHome: isHome, joinedAt: joinedAt, now: now)
            }
        }.mapError(BusFailure.init).get()
        seats[seat.participantID] = Taken(seat: seat, number: taken.number, worker: worker)
        if taken.isFirst { try await announce(seat) } else if seats.count == seatCount { await tellLoad() }
        // What ended between the grant and the watch is found now instead of at the next round.
        Task { await renew([seat]) }
        return taken.reply
    }

    func refuseIfDraining() throws {
        // A conflict with where the room is now: the gateway asks for another place.
        if state.isDraining { throw BusFailure(.conflict, "The media node is going away; join again.") }
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
        guard claims.seatNode == id else {
            throw BusFailure(.unauthenticated, "The grant is for another media node.")
        }
        return claims
    }

    /// A seat's id is one person's in one call, and nobody joins without end: each join is an event in the channel.
    private func admit(_ seat: Seat) throws {
        if let other = joining[seat.participantID] ?? seats[seat.participantID]?.seat, !other.isSame(as: seat) {
            throw BusFailure(.conflict, "The seat is taken.")
        }
        let now = ContinuousClock.now
        var joins = recentJoins[seat.userID, default: []].filter { now < $0 + Limits.callJoinWindow }
        defer { recentJoins[seat.userID] = joins }
        guard joins.count < Limits.callJoinsPerUser else {
            throw BusFailure(.rateLimited, "Too many attempts to join; wait a moment.")
        }
        joins.append(now)
    }

    nonisolated func offer(_ request: SeatOfferRequest) async throws -> CallAnswer {
        // Read here: it is too much work for the thread of the packets.
        let session: NegotiatedSession
        do {
            session = try NegotiatedSession(offer: request.offer.sdp)
        } catch {
            throw BusFailure(.validationFailed, "\(error)")
        }
        let named = request.naming(session)
        return try await worker(of: request.participantID).perform { worker, now in
            Result { () throws(SeatError) in try worker.offer(named, session, now: now) }
        }.mapError(BusFailure.init).get()
    }

    nonisolated func ice(_ request: SeatIceRequest) async throws -> SeatIceReply {
        try await worker(of: request.participantID).perform { worker, _ in
            Result { () throws(SeatError) in try worker.ice(request) }
        }.mapError(BusFailure.init).get()
    }

    func update(_ request: SeatUpdateRequest) async throws {
        try await worker(of: request.participantID).perform { worker, now in
            Result { () throws(SeatError) in try worker.update(request, now: now) }
        }.mapError(BusFailure.init).get()
    }

    func view(_ request: SeatViewRequest) async throws {
        try await worker(of: request.participantID).perform { worker, now in
            Result { () throws(SeatError) in try worker.view(request, now: now) }
        }.mapError(BusFailure.init).get()
    }

    func leave(_ request: SeatLeaveRequest) async {
        guard let taken = seats[request.participantID] else { return }
        await workers[taken.worker].perform { worker, now in worker.leave(request, now: now) }
    }

    // MARK: Requests of the API

    func moderate(_ request: SeatModerateRequest) async throws {
        let indices = spread.workers(of: request.channelID)
        guard !indices.isEmpty else { throw BusFailure(.notFound, "The call is not on this node.") }
        var refusal: BusFailure?
        var isFollowed = false
        // Those that the call has left too: there it goes on for some seconds.
        for (index, worker) in workers.enumerated() {
            let result = await worker.perform { worker, now in
                Result { () throws(SeatError) in try worker.moderate(request, now: now) }
            }
            switch result {
            case .success: isFollowed = true
            case .failure(let error): if indices.contains(index) { refusal = BusFailure(error) }
            }
        }
        for failure in await askHelpers(.seatModerate, request, of: request.channelID) {
            // A node that could not be asked may have the seat.
            if let failure, failure.code != .notFound { throw failure }
            isFollowed = isFollowed || failure == nil
        }
        if let refusal, !isFollowed { throw refusal }
    }

    func remove(_ request: SeatRemoveRequest) async throws {
        for worker in workers {
            await worker.perform { worker, now in
                worker.remove(request.userID, from: request.channelID, now: now)
            }
        }
        for case let failure? in await askHelpers(.seatRemove, request, of: request.channelID) { throw failure }
    }

    // MARK: Recordings

    func startRecording(_ request: RecordingStartRequest) async throws -> CallRecording {
        try refuseIfDraining()
        guard let worker = spread.homeWorker(of: request.channelID) else {
            throw BusFailure(.notFound, "There is no such call on this media node.")
        }
        return try await recordings.start(request, on: workers[worker])
    }

    func stopRecording(_ request: RecordingStopRequest) async throws -> CallRecording {
        try await recordings.stop(request.channelID)
    }

    private func worker(of participant: ParticipantID) throws -> WorkerThread {
        guard let taken = seats[participant] else {
            throw BusFailure(.notFound, "There is no such seat; join again.")
        }
        return workers[taken.worker]
    }

    // MARK: What workers tell

    func take(_ notice: Notice) async {
        switch notice {
        case .frame(let frame, let participant, let route): await notices.post(frame, to: participant, by: route)
        case .recordingOver(let id): await recordings.roomOver(id)
        case .report(let report): await reporter.post(report)
        case .relay(let message, let id, let toHome): await pass(message, of: id, toHome: toHome)
        case .ended(let seat, let number):
            guard seats[seat.participantID]?.number == number else { return }
            seats[seat.participantID] = nil
            forgetUnused(seat)
            if seats.count == seatCount - 1 { await tellLoad() }
        }
    }

    /// Ends what was kept only for this seat.
    func forgetUnused(_ seat: Seat) {
        let others = seats.values.map(\.seat) + joining.values
        if !others.contains(where: { $0.userID == seat.userID }), let watch = watches.removeValue(forKey: seat.userID) {
            Task { (try? await watch.value)?.cancel() }
        }
        forgetIfUnused(seat.channelID, epoch: seat.epoch)
    }

    /// Ends what was kept of a room in which nobody sits here, and with which no other node helps.
    func forgetIfUnused(_ channel: ChannelID, epoch: Int64) {
        guard !(seats.values.map(\.seat) + joining.values).contains(where: { $0.channelID == channel }),
            spread.helpers(of: channel).isEmpty
        else { return }
        let isHome = spread.homeWorker(of: channel) != nil
        guard spread.remove(channel), isHome else { return }
        let withdraw = PlacementScript.withdraw(RoomPlacement(epoch: epoch, node: id), of: channel)
        // If Redis is away, the placement ends by itself.
        Task { [bus] in _ = try? await bus.send(withdraw) }
    }

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

    /// Asks the API which seats may stay, of those it was not asked about lately. Without an answer all stay, and it is
    /// asked again at the next call: losing the bus ends no call.
    func renewDue() async {
        let due = ContinuousClock.now - Limits.callRenewInterval
        await renew(seats.values.filter { $0.renewedAt.map { $0 <= due } ?? true }.map(\.seat))
    }

    private func renew(_ all: [Seat]) async {
        var rest = all[...]
        while !rest.isEmpty {
            let page = rest.prefix(Limits.callLeasesPerRequest)
            rest = rest.dropFirst(page.count)
            do {
                let body = ByteBuffer(bytes: try WireJSON.encode(CallRenewRequest(leases: page.map(CallLease.init))))
                let answer = try await bus.request(.callRenew, to: .api, body: body)
                let reply = try WireJSON.decode(CallRenewReply.self, from: answer.readableBytesView)
                for seat in page { seats[seat.participantID]?.renewedAt = .now }
                for refused in reply.refused { seats[refused].map(remove) }
                for worker in workers { worker.post { worker, now in worker.follow(reply.rulings, now: now) } }
            } catch {
                logger.debug("leases not renewed", metadata: ["error": "\(error)"])
            }
        }
    }

    // MARK: Beginning anew, and the end

    /// After Redis was away: what ended meanwhile is found, and what may not have been told is told.
    func catchUp() async {
        for worker in workers { worker.post { worker, now in worker.tellAgain(now: now) } }
        await beat()
        for id in seats.keys { seats[id]?.renewedAt = nil }
        await renewDue()
    }

    /// Whether nobody is here, and everything that was to be said has been said.
    var isQuiet: Bool {
        get async {
            guard seats.isEmpty, joining.isEmpty, !spread.isHelped else { return false }
            let (isTold, isReported, isWritten) = await (notices.isEmpty, reporter.isEmpty, recordings.isWritten)
            guard isTold, isReported, isWritten else { return false }
            return await courier.isEmpty
        }
    }
}

extension Seat {
    fileprivate init(_ grant: CallGrant) {
        self.init(
            participantID: grant.participantID, userID: grant.userID, sessionID: grant.sessionID,
            channelID: grant.channelID, epoch: grant.placement.epoch)
    }
}

extension CallLease {
    fileprivate init(_ seat: Seat) {
        self.init(
            participantID: seat.participantID, userID: seat.userID, sessionID: seat.sessionID, channelID: seat.channelID
        )
    }
}

extension BusFailure {
    init(_ error: SeatError) { self.init(error.code, error.detail) }
}
