import Contracts
import GatewayDomain
import Logging
import NIOCore
import RedisBus
import ServiceKit

/// The call of one connection: hands its frames to the machine and asks the API and the media node what it says.
///
/// When the connection closes nothing is told to the node: the seat stays while its media lives, and the client may take
/// it again by another connection. Only a seat that is given afterwards, and was not there before, is given up.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on the connection's event loop only.
final class CallRelay: @unchecked Sendable {
    /// A failed update is sent again after this time.
    private static let updatePause = TimeAmount.milliseconds(500)

    /// For whom seats are asked.
    struct Holder: Sendable {
        let user: UserID
        let session: SessionID
    }

    private let connectionID: ConnectionID
    private let eventLoop: any EventLoop
    private let services: GatewayServices
    private let holder: Holder
    /// Writes to the connection; `nil` once it has gone.
    private var write: ((ServerFrame) -> Void)?
    private var machine = CallMachine()
    private var isListed = false
    /// Questions under way, which end with the connection.
    private var flows: [Int: Task<Void, Never>] = [:]
    private var lastFlow = 0
    /// The last seat to be given up. A seat is asked for only afterwards: they may be the same.
    private var leaving: Task<Void, Never>?

    init(
        connectionID: ConnectionID, holder: Holder, eventLoop: any EventLoop, services: GatewayServices,
        write: @escaping (ServerFrame) -> Void
    ) {
        self.connectionID = connectionID
        self.holder = holder
        self.eventLoop = eventLoop
        self.services = services
        self.write = write
    }

    // MARK: On the loop

    /// A frame of the client.
    func receive(_ frame: ClientCallFrame) { perform(machine.receive(frame)) }

    /// The connection has gone.
    func close() {
        for flow in flows.values { flow.cancel() }
        flows = [:]
        machine.close()
        write = nil
        if isListed { services.calls.remove(connectionID) }
        isListed = false
    }

    private func perform(_ actions: [CallMachine.Action]) {
        guard write != nil else { return performAfterClose(actions) }
        list()
        for action in actions {
            switch action {
            case .send(let frame): write?(frame)
            case .join(let join, let attempt):
                start { [self, leaving] in
                    await leaving?.value
                    await self.join(join, attempt)
                }
            case .offer(let offer, let seat): start { [self] in await ask(seat) { try await send(offer, seat) } }
            case .update(let update, let seat): start { [self] in await ask(seat) { try await send(update, seat) } }
            case .leave(let seat): leave(seat)
            case .pause(let seat):
                eventLoop.scheduleTask(in: Self.updatePause) { self.perform(self.machine.pauseEnded(of: seat)) }
            }
        }
    }

    /// A seat that came too late is given up; nothing else matters any more.
    private func performAfterClose(_ actions: [CallMachine.Action]) {
        for case .leave(let seat) in actions { leave(seat) }
    }

    /// Nodes reach the connection while it has a call.
    private func list() {
        guard isListed == machine.isIdle else { return }
        isListed.toggle()
        if isListed {
            services.calls.add(self, for: connectionID)
        } else {
            services.calls.remove(connectionID)
        }
    }

    private func start(_ flow: @escaping @Sendable () async -> Void) {
        lastFlow += 1
        let number = lastFlow
        flows[number] = Task { [self] in
            await flow()
            eventLoop.execute { [self] in flows[number] = nil }
        }
    }

    /// Not one of the flows: it is told to the node even if the connection closes meanwhile.
    private func leave(_ seat: CallSeat) {
        let request = SeatLeaveRequest(participantID: seat.participantID, connectionID: connectionID)
        leaving = Task { [services] in
            do {
                try await services.media.leave(request, on: seat.node)
            } catch {
                // The node finds out by itself: the client's media ends.
                services.logger.debug("leave not told", metadata: ["node": "\(seat.node)", "error": "\(error)"])
            }
        }
    }

    // MARK: From other threads

    /// A media node tells the holder of a seat something.
    func receive(_ notice: SeatNotice) { eventLoop.execute { [self] in perform(machine.receive(notice)) } }

    private func performLater(_ event: @escaping @Sendable (inout CallMachine) -> [CallMachine.Action]) {
        eventLoop.execute { [self] in perform(event(&machine)) }
    }

    // MARK: Joining

    /// Gets a grant from the API and a seat from the node it names, as often as ``SeatPlan`` says.
    private func join(_ join: CallJoin, _ attempt: Int) async {
        var plan = SeatPlan()
        do {
            var grant = try await grant(join, participant: join.participantID)
            while let error = try await failureToSeat(grant, join, attempt) {
                switch plan.next(after: SeatFailure(error)) {
                case .askAgain(let pause): try await Task.sleep(for: pause)
                case .grantAgain(let isDead):
                    grant = try await self.grant(
                        join, participant: grant.participantID, deadNode: isDead ? grant.node : nil)
                case .giveUp: throw error
                }
            }
        } catch {
            let failure = callFailure(of: error)
            performLater { $0.joinFailed(attempt, failure.code, failure.detail) }
        }
    }

    private func grant(
        _ join: CallJoin, participant: ParticipantID?, deadNode: InstanceID? = nil
    ) async throws -> CallGrantReply {
        try await services.api.callGrant(
            CallGrantRequest(
                userID: holder.user, sessionID: holder.session, channelID: join.channelID, participantID: participant,
                deadNode: deadNode))
    }

    /// Asks the node for the seat. Answers why it gave none; `nil` when it did, or when nobody wants it any more.
    private func failureToSeat(
        _ grant: CallGrantReply, _ join: CallJoin, _ attempt: Int
    ) async throws -> BusError? {
        let seat = CallSeat(
            participantID: grant.participantID, channelID: join.channelID, node: grant.node, attempt: attempt)
        guard try await eventLoop.submit({ [self] in machine.granted(seat) }).get() else { return nil }
        let request = SeatJoinRequest(
            grant: grant.grant, gateway: services.bus.address.id, connectionID: connectionID)
        // Not a part of the flow, which ends with the connection: a seat that is given afterwards has to be given up.
        let asking = Task { [services] in try await services.media.join(request, on: grant.node) }
        do {
            let reply = try await asking.value
            performLater {
                $0.joined(seat, reply, iceServers: grant.iceServers, isModerator: grant.isModerator)
            }
            return nil
        } catch let error as BusError {
            return error
        }
    }

    // MARK: Seated

    private func send(_ offer: CallOffer, _ seat: CallSeat) async throws -> CallMachine.NodeReply {
        let request = SeatOfferRequest(participantID: seat.participantID, connectionID: connectionID, offer: offer)
        return .answer(try await services.media.offer(request, on: seat.node))
    }

    private func send(_ update: CallUpdate, _ seat: CallSeat) async throws -> CallMachine.NodeReply {
        let request = SeatUpdateRequest(participantID: seat.participantID, connectionID: connectionID, update: update)
        try await services.media.update(request, on: seat.node)
        return .updated
    }

    private func ask(_ seat: CallSeat, _ question: () async throws -> CallMachine.NodeReply) async {
        let reply: CallMachine.NodeReply
        do {
            reply = try await question()
        } catch BusError.failed(let failure) where failure.code == .notFound {
            reply = .gone
        } catch {
            // A node that nobody listens for may have lost the bus only. If it is dead the client misses its media.
            let failure = callFailure(of: error)
            reply = .failed(failure.code, failure.detail)
        }
        performLater { $0.receive(reply, of: seat) }
    }
}

/// How a client is told of an error. What another process answered is passed on; a broken way to it may be mended soon.
private func callFailure(of error: any Error) -> BusFailure {
    switch error as? BusError {
    // A client's sign-in is not at fault when a node cannot verify a grant.
    case .failed(let failure) where failure.code == .unauthenticated: BusFailure(.unavailable, failure.detail)
    case .failed(let failure): failure
    case nil: BusFailure(.internalError, "The answer could not be read.")
    default: BusFailure(.unavailable, "The call cannot be reached at the moment.")
    }
}

extension SeatFailure {
    fileprivate init(_ error: BusError) {
        switch error {
        case .noInstance: self = .nobodyListens
        case .timedOut: self = .silence
        case .failed(let failure): self = .refused(failure.code)
        default: self = .other
        }
    }
}
