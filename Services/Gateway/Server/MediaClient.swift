import Contracts
import NIOCore
import RedisBus
import ServiceKit
import Synchronization

/// Asks media nodes over the bus.
final class MediaClient: Sendable {
    /// How long a node may take to give a seat before it is asked again.
    private static let joinDeadline = Duration.seconds(2)
    private static let leaveDeadline = Duration.seconds(2)
    /// For so long after a lost link to Redis the others may not be back yet.
    private static let settleTime = Duration.seconds(3)

    private let bus: RedisBus
    /// When the link to Redis was restored; the first link restores nothing and is long ago.
    private let restoredAt = Mutex<ContinuousClock.Instant?>(nil)

    init(bus: RedisBus) {
        self.bus = bus
        bus.onRestored { [self] in
            restoredAt.withLock { $0 = $0 == nil ? .now - Self.settleTime : .now }
        }
    }

    /// Whether the link is not whole, or has been for a moment only.
    private var isSettling: Bool {
        !bus.isConnected
            || restoredAt.withLock { $0.map { ContinuousClock.now < $0 + Self.settleTime } ?? false }
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
        } catch BusError.noInstance where isSettling {
            // A node that has not subscribed again yet looks like a dead one, and its calls would be placed elsewhere.
            throw BusError.redis(.notConnected)
        }
    }
}
