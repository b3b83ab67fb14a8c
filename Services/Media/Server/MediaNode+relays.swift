import Contracts
import Logging
import MediaCore
import MediaSecurity
import NIOCore
import RedisBus
import ServiceKit

// Relays between the workers of a room, of this node or of two.
extension MediaNode {
    // MARK: Within the node

    /// Opens a relay to a worker that is to have its first seat of a room.
    /// - Throws: `conflict` when the home is elsewhere, `unavailable` when it cannot be reached.
    func open(to away: Int, from home: RelayPlace, of seat: Seat) async throws {
        switch home {
        case .worker(let home):
            var random = SystemRandomNumberGenerator()
            let relay = spread.relay(seat.channelID, from: home, to: away, using: &random)
            try await open(relay, from: workers[home], to: workers[away], epoch: seat.epoch)
        case .node(let node): try await open(to: workers[away], at: away, from: node, of: seat)
        }
    }

    /// The home's end first, so that the other knows of everybody before its first seat is taken.
    private func open(
        _ relay: (home: RelayEnd, away: RelayEnd), from home: WorkerThread, to away: WorkerThread, epoch: Int64
    ) async throws {
        do {
            let roster = try await home.open(relay.home, epoch: epoch)
            _ = try await away.open(relay.away, epoch: epoch, telling: roster)
            spread.noteOpen(relay.home.id)
        } catch {
            logger.error("no relay", metadata: ["channel": "\(relay.home.channelID)", "error": "\(error)"])
            spread.remove(relay.home.id)
            home.post { worker, now in worker.receive(.close, of: relay.home.id, now: now) }
            throw error
        }
    }

    // MARK: Between nodes

    /// Asks the home's node for a relay, and holds the other end of it.
    private func open(to away: WorkerThread, at index: Int, from node: InstanceID, of seat: Seat) async throws {
        var random = SystemRandomNumberGenerator()
        let id = RelayID(high: random.next(), low: random.next())
        let agreement = RelayKeyAgreement()
        let reporter = UInt32.random(in: 1 ... .max)
        spread.add(id, seat.channelID, from: .node(node), to: .worker(index))
        do {
            let request = RelayOpenRequest(
                relayID: id, channelID: seat.channelID, epoch: seat.epoch, node: self.id,
                end: relayedEnd(of: index, agreement, reporter))
            let reply: RelayOpenReply = try await ask(.relayOpen, request, of: node)
            let end = try end(
                id, seat.channelID, isHome: false, at: reply.end, agreement: agreement, reporter: reporter)
            _ = try await away.open(end, epoch: seat.epoch, telling: reply.roster)
            spread.noteOpen(id)
        } catch {
            spread.remove(id)
            logger.warning(
                "no relay", metadata: ["channel": "\(seat.channelID)", "home": "\(node)", "error": "\(error)"])
            // What the home may have opened ends there when it hears nothing.
            throw error
        }
    }

    /// Another node is to help with a room whose home is here.
    func open(_ request: RelayOpenRequest) async throws -> RelayOpenReply {
        try refuseIfDraining()
        let home = try await home(of: request)
        try refuseIfDraining()
        let agreement = RelayKeyAgreement()
        let reporter = UInt32.random(in: 1 ... .max)
        spread.add(request.relayID, request.channelID, from: .worker(home), to: .node(request.node))
        do {
            let end = try end(
                request.relayID, request.channelID, isHome: true, at: request.end, agreement: agreement,
                reporter: reporter)
            let roster = try await workers[home].open(end, epoch: request.epoch)
            spread.noteOpen(request.relayID)
            return RelayOpenReply(end: relayedEnd(of: home, agreement, reporter), roster: roster)
        } catch {
            self.end(request.relayID)
            throw error
        }
    }

    /// The worker that is a room's home. One that nobody is in yet, or any more, is opened if the room is placed here, and
    /// that is kept in Redis from now on.
    private func home(of request: RelayOpenRequest) async throws -> Int {
        let moved = BusFailure(.conflict, "The call has moved; join again.")
        let beat = PlacementScript.beat(RoomPlacement(epoch: request.epoch, node: id), of: request.channelID)
        guard let reply = try? await bus.send(pipeline: [beat]).first else {
            throw BusFailure(.unavailable, "The media node has no Redis; try again.")
        }
        if let other = reply.text.flatMap({ RoomPlacement($0) }), other.node != id { throw moved }
        if spread.homes[request.channelID] == nil { _ = place(request.channelID, epoch: request.epoch) }
        guard let home = spread.homeWorker(of: request.channelID) else { throw moved }
        return home
    }

    private func relayedEnd(of worker: Int, _ agreement: RelayKeyAgreement, _ reporter: UInt32) -> RelayedEnd {
        let address = relayAddresses[worker]
        return RelayedEnd(
            host: address.host, port: Int(address.port), publicKey: agreement.publicKey, reporter: Int(reporter))
    }

    private func end(
        _ id: RelayID, _ channel: ChannelID, isHome: Bool, at other: RelayedEnd, agreement: RelayKeyAgreement,
        reporter: UInt32
    ) throws(BusFailure) -> RelayEnd {
        guard let port = UInt16(exactly: other.port), let address = TransportAddress(host: other.host, port: port),
            let remoteReporter = UInt32(exactly: other.reporter),
            let keys = agreement.keys(with: other.publicKey, of: id, isHome: isHome)
        else { throw BusFailure(.validationFailed, "The other end of the relay says no address or key.") }
        return RelayEnd(
            id: id, channelID: channel, isHome: isHome, address: address, keys: keys, reporter: reporter,
            remoteReporter: remoteReporter, patience: RelayEnd.nodePatience)
    }

    // MARK: What the ends tell

    /// One end of a relay on this node tells the other, here or on another node.
    func pass(_ message: RelayMessage, of id: RelayID, toHome: Bool) async {
        let receiver = spread.receiver(id, toHome: toHome)
        if case .close = message { end(id) }
        switch receiver {
        case .worker(let index): workers[index].post { worker, now in worker.receive(message, of: id, now: now) }
        case .node(let node):
            await courier.post(message, of: id, toHome: toHome, on: node) { [weak self] in
                await self?.otherEndIsGone(id, isHome: !toHome)
            }
        case nil: await courier.forget(id)
        }
    }

    /// The end of a relay on another node tells the one on this.
    /// - Throws: `not_found` for a relay that is not here; `unavailable` while its end is being opened or closed.
    func hear(_ request: RelayTellRequest) async throws {
        guard case .worker(let index) = spread.receiver(request.relayID, toHome: request.toHome) else {
            throw BusFailure(.notFound, "There is no such relay.")
        }
        let isOpen = await workers[index].perform { worker, now in
            request.messages.allSatisfy { worker.receive($0, of: request.relayID, now: now) }
        }
        if request.isClosed { end(request.relayID) }
        if !isOpen { throw BusFailure(.unavailable, "The relay is not open; tell it again.") }
    }

    private func otherEndIsGone(_ id: RelayID, isHome: Bool) {
        guard case .worker(let index) = spread.receiver(id, toHome: isHome) else { return }
        end(id)
        workers[index].post { worker, now in worker.receive(.close, of: id, now: now) }
    }

    private func end(_ id: RelayID) {
        guard let channel = spread.remove(id), let epoch = spread.homes[channel]?.epoch else { return }
        forgetIfUnused(channel, epoch: epoch)
    }

    // MARK: The rest of a room

    /// Asks the nodes that help with a room the same, all at once. Answers why each did not do it; `nil` for each that did.
    func askHelpers(
        _ kind: BusRequestKind, _ request: some WireObject & Sendable, of channel: ChannelID
    ) async -> [BusFailure?] {
        await withTaskGroup(of: BusFailure?.self) { group in
            for node in spread.helpers(of: channel) {
                group.addTask { [self] in
                    do {
                        let _: Empty = try await ask(kind, request, of: node, within: Self.helperDeadline)
                        return nil
                    } catch {
                        return error as? BusFailure
                            ?? BusFailure(.internalError, "A media node's answer cannot be read.")
                    }
                }
            }
            var outcomes: [BusFailure?] = []
            for await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
    }

    /// Shorter than whoever asks the home waits for it.
    private static let helperDeadline = Duration.seconds(2)

    /// Which node has a seat.
    func find(_ request: SeatFindRequest) async -> SeatFindReply {
        if seats[request.participantID] != nil { return SeatFindReply(node: id) }
        guard let home = spread.homeWorker(of: request.channelID) else { return SeatFindReply(node: nil) }
        let relay = await workers[home].perform { worker, _ in worker.relay(of: request.participantID) }
        guard let relay, case .node(let node) = spread.receiver(relay, toHome: false) else {
            return SeatFindReply(node: nil)
        }
        return SeatFindReply(node: node)
    }

    private nonisolated func ask<Reply: WireObject>(
        _ kind: BusRequestKind, _ request: some WireObject, of node: InstanceID,
        within deadline: Duration = Limits.busRequestDeadline
    ) async throws -> Reply {
        do {
            let body = ByteBuffer(bytes: try WireJSON.encode(request))
            let reply = try await bus.request(
                kind, to: InstanceAddress(kind: .media, id: node), body: body, deadline: deadline)
            return try WireJSON.decode(Reply.self, from: reply.readableBytesView)
        } catch BusError.failed(let failure) {
            throw failure
        } catch is BusError {
            throw BusFailure(.unavailable, "The media node of the call does not answer. Try again.")
        }
    }
}

extension WorkerThread {
    /// Holds one end of a relay. Answers what the other is to be told first.
    /// - Parameter roster: what the other end has told, before anything newer that it tells.
    fileprivate func open(_ end: RelayEnd, epoch: Int64, telling roster: RelayRoster? = nil) async throws -> RelayRoster
    {
        let openedAt = Timestamp.now
        return try await perform { worker, now in
            Result { () throws(SeatError) in
                let own = try worker.open(end, epoch: epoch, openedAt: openedAt, now: now)
                if let roster { worker.receive(.roster(roster), of: end.id, now: now) }
                return own
            }
        }.mapError(BusFailure.init).get()
    }
}

extension RelayTellRequest {
    /// What it tells, in the order in which it is to be followed.
    fileprivate var messages: [RelayMessage] {
        var messages: [RelayMessage] = []
        if let roster { messages.append(.roster(roster)) }
        if let demand { messages.append(.demand(Set(demand.compactMap { UInt32(exactly: $0) }))) }
        if isMoving { messages.append(.move) }
        if isClosed { messages.append(.close) }
        return messages
    }
}
