import Contracts
import Logging
import MediaPeer
import MediaSecurity
import NIOCore
import NIOPosix
import RedisBus
import ServiceKit
import Synchronization

/// Seats on Roost's media nodes, had as a gateway has them: a grant of the API, then the node it names.
final class MediaSeats: MediaServerUnderTest {
    private struct Seat {
        let participant: ParticipantID
        let connection: ConnectionID
        let node: InstanceAddress
    }

    private let bus: RedisBus
    private let stack: Stack
    private let rooms: [MediaRoom]
    private let keys: KeyRing
    private var seats: [Seat] = []
    /// Seats asked for, by room.
    private var seatCounts: [Int]
    private let ends: EndedSeats

    private init(_ bus: RedisBus, _ stack: Stack, _ rooms: [MediaRoom], _ ends: EndedSeats) {
        self.bus = bus
        self.stack = stack
        self.rooms = rooms
        self.ends = ends
        seatCounts = Array(repeating: 0, count: rooms.count)
        keys = KeyRing(logger: quietLogger()) {
            String(buffer: try await bus.request(.keys, to: .api, body: ByteBuffer()))
        }
    }

    /// Connects to the bus as a gateway for as long as the body runs, and gives all seats up behind it.
    static func with<Value>(
        stack: Stack, rooms: [MediaRoom], _ body: (MediaSeats) async throws -> Value
    ) async throws -> Value {
        let bus = RedisBus(
            configuration: try RedisConfiguration(url: try stack.redisURL()),
            address: InstanceAddress(kind: .gateway, id: .fresh()),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: quietLogger())
        let ends = EndedSeats()
        bus.serve { kind, body in ends.handle(kind, body) }
        let running = Task { try await bus.run() }
        do {
            try await bus.waitUntilReady(deadline: .seconds(5))
            let seats = MediaSeats(bus, stack, rooms, ends)
            let value = try await body(seats)
            try await seats.leave()
            bus.shutdown()
            try await running.value
            return value
        } catch {
            bus.shutdown()
            throw error
        }
    }

    // MARK: MediaServerUnderTest

    func processes() throws -> [ProcessUsage] { try stack.processes("media") }
    func publish(_ peer: MediaPeer, in room: Int) async throws { try await sit(peer, in: room) }
    func publisherConnected(in room: Int) async throws {}
    func subscribe(_ peer: MediaPeer, to room: Int) async throws { try await sit(peer, in: room) }
    func fault() -> String? { ends.first }

    /// Who sits where, in the order in which they sat down.
    var participants: [ParticipantID] { seats.map(\.participant) }

    /// Tells what one of them shows, by that order.
    func view(_ tracks: [CallViewTrack], by index: Int) async throws {
        let seat = seats[index]
        let request = SeatViewRequest(
            participantID: seat.participant, connectionID: seat.connection, view: CallView(tracks: tracks))
        let _: Empty = try await ask(.seatView, request, seat.node)
    }

    private func sit(_ peer: MediaPeer, in room: Int) async throws {
        let member = rooms[room].members[seatCounts[room] / Limits.seatsPerUser]
        seatCounts[room] += 1
        let session = try await keys.verify(member.token).sessionID
        let grant: CallGrantReply = try await ask(
            .callGrant,
            CallGrantRequest(
                userID: member.user.id, sessionID: session, channelID: rooms[room].channel, participantID: nil,
                deadNode: nil)
        ) { try await self.bus.request($0, to: .api, body: $1) }
        let node = InstanceAddress(kind: .media, id: grant.node)
        let seat = Seat(participant: grant.participantID, connection: .fresh(), node: node)
        seats.append(seat)
        let join = SeatJoinRequest(grant: grant.grant, gateway: bus.address.id, connectionID: seat.connection)
        let _: SeatJoinReply = try await ask(.seatJoin, join, node)
        let offer = SeatOfferRequest(
            participantID: seat.participant, connectionID: seat.connection, offer: peer.offer(number: 1))
        let answer: CallAnswer = try await ask(.seatOffer, offer, node)
        try peer.accept(answer, now: .now)
    }

    private func leave() async throws {
        ends.expect()
        for seat in seats {
            let request = SeatLeaveRequest(participantID: seat.participant, connectionID: seat.connection)
            let _: Empty = try await ask(.seatLeave, request, seat.node)
        }
    }

    private func ask<Reply: WireObject>(
        _ kind: BusRequestKind, _ request: some WireObject, _ node: InstanceAddress
    ) async throws -> Reply {
        try await ask(kind, request) { try await self.bus.request($0, to: node, body: $1) }
    }

    private func ask<Reply: WireObject>(
        _ kind: BusRequestKind, _ request: some WireObject,
        _ send: (BusRequestKind, ByteBuffer) async throws -> ByteBuffer
    ) async throws -> Reply {
        let answer = try await send(kind, ByteBuffer(bytes: try WireJSON.encode(request)))
        return try WireJSON.decode(Reply.self, from: answer.readableBytesView)
    }
}

/// What media nodes tell the gateway that the load plays. Only the end of a seat matters here: it voids the measurement.
private final class EndedSeats: Sendable {
    private struct State {
        var first: String?
        var isExpected = false
    }

    private let state = Mutex(State())

    /// The first end that was not asked for.
    var first: String? { state.withLock { $0.first } }

    /// From now on seats may end.
    func expect() { state.withLock { $0.isExpected = true } }

    /// Bytes of the longest notice that is read: ends are short, states of hundreds would cost the load more than packets.
    private static let readByteCount = 2_048

    func handle(_ kind: BusRequestKind, _ body: ByteBuffer) -> Result<ByteBuffer, BusFailure> {
        guard kind == .seatNotice, let answer = try? WireJSON.encode(Empty()) else {
            return .failure(BusFailure(.notFound, "The load takes notices only."))
        }
        guard body.readableBytes <= Self.readByteCount else { return .success(ByteBuffer(bytes: answer)) }
        guard let notice = try? WireJSON.decode(SeatNotice.self, from: body.readableBytesView) else {
            return .failure(BusFailure(.malformedRequest, "The notice cannot be read."))
        }
        if case .callEnded(let end) = notice.frame {
            state.withLock { state in
                if !state.isExpected { state.first = state.first ?? "A seat ended: \(end.reason.rawValue)." }
            }
        }
        return .success(ByteBuffer(bytes: answer))
    }
}

private func quietLogger() -> Logger {
    var logger = Logger(label: "roost-load")
    logger.logLevel = .warning
    return logger
}
