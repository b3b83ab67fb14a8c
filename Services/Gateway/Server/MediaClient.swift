import Contracts
import NIOCore
import RedisBus
import ServiceKit

/// Asks media nodes over the bus.
final class MediaClient: Sendable {
    /// How long a node may take to give a seat before it is asked again.
    private static let joinDeadline = Duration.seconds(2)
    private static let leaveDeadline = Duration.seconds(2)

    private let bus: RedisBus
    /// Whether nodes that cannot be heard may live all the same.
    let settling: BusSettling

    init(bus: RedisBus) {
        self.bus = bus
        settling = BusSettling(bus: bus)
    }

    func join(_ request: SeatJoinRequest, on node: InstanceID) async throws -> SeatJoinReply {
        try await ask(.seatJoin, request, node, Self.joinDeadline)
    }

    func offer(_ request: SeatOfferRequest, on node: InstanceID) async throws -> CallAnswer {
        try await ask(.seatOffer, request, node, Limits.busRequestDeadline)
    }

    func update(_ request: SeatUpdateRequest, on node: InstanceID) async throws {
        let _: Empty = try await ask(.seatUpdate, request, node, Limits.busRequestDeadline)
    }

    func view(_ request: SeatViewRequest, on node: InstanceID) async throws {
        let _: Empty = try await ask(.seatView, request, node, Limits.busRequestDeadline)
    }

    func leave(_ request: SeatLeaveRequest, on node: InstanceID) async throws {
        let _: Empty = try await ask(.seatLeave, request, node, Self.leaveDeadline)
    }

    private func ask<Reply: WireObject>(
        _ kind: BusRequestKind, _ request: some WireObject, _ node: InstanceID, _ deadline: Duration
    ) async throws -> Reply {
        let body = ByteBuffer(bytes: try WireJSON.encode(request))
        let address = InstanceAddress(kind: .media, id: node)
        do {
            let reply = try await bus.request(kind, to: address, body: body, deadline: deadline)
            return try WireJSON.decode(Reply.self, from: reply.readableBytesView)
        } catch BusError.noInstance where settling.isSettling {
            // A node that has not subscribed again yet looks like a dead one, and its calls would be placed elsewhere.
            throw BusError.redis(.notConnected)
        }
    }
}
