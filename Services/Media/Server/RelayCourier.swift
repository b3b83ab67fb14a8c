import Contracts
import Logging
import MediaCore
import NIOCore
import RedisBus
import ServiceKit

/// Brings what the ends of relays tell each other from this node to others. Of what waits for one end only the newest is
/// kept, because each tells everything; so a node or Redis that is away costs one roster a relay, however long it takes.
actor RelayCourier {
    private struct Pending {
        let node: InstanceID
        let toHome: Bool
        var roster: RelayRoster?
        var demand: Set<UInt32>?
        var isMoving = false
        var isClosed = false

        var isEmpty: Bool { roster == nil && demand == nil && !isMoving && !isClosed }

        mutating func add(_ message: RelayMessage) {
            switch message {
            case .roster(let roster): self.roster = roster
            case .demand(let ssrcs): demand = ssrcs
            case .move: isMoving = true
            case .close: isClosed = true
            }
        }

        func request(_ id: RelayID) -> RelayTellRequest {
            RelayTellRequest(
                relayID: id, toHome: toHome, roster: roster, demand: demand?.map { Int($0) }, isMoving: isMoving,
                isClosed: isClosed)
        }

        /// What could not be told waits, unless something newer does.
        mutating func putBack(_ told: Pending) {
            roster = roster ?? told.roster
            demand = demand ?? told.demand
            isMoving = isMoving || told.isMoving
            isClosed = isClosed || told.isClosed
        }
    }

    /// Between two tries.
    private static let pause = Duration.milliseconds(250)
    /// The end of a relay is no longer told after so many: the other end has heard nothing for long enough.
    private static let closeTries = 8

    private let bus: RedisBus
    private let logger: Logger
    private var pending: [RelayID: Pending] = [:]
    /// Relays whose other end is being told something.
    private var telling: Set<RelayID> = []

    init(bus: RedisBus, logger: Logger) {
        self.bus = bus
        self.logger = logger
    }

    var isEmpty: Bool { pending.isEmpty && telling.isEmpty }

    /// Tells the end of a relay on another node something.
    /// - Parameter whenUnknown: is called if that node knows no such relay any more.
    func post(
        _ message: RelayMessage, of id: RelayID, toHome: Bool, on node: InstanceID,
        whenUnknown: @escaping @Sendable () async -> Void
    ) {
        pending[id, default: Pending(node: node, toHome: toHome)].add(message)
        guard telling.insert(id).inserted else { return }
        Task { await tell(id, whenUnknown) }
    }

    /// A relay has ended here: what its other end was to be told is worthless.
    func forget(_ id: RelayID) { pending[id] = nil }

    private func tell(_ id: RelayID, _ whenUnknown: @Sendable () async -> Void) async {
        defer { telling.remove(id) }
        var tries = 0
        while let told = pending[id] {
            pending[id] = Pending(node: told.node, toHome: told.toHome)
            do {
                let body = ByteBuffer(bytes: try WireJSON.encode(told.request(id)))
                _ = try await bus.request(.relayTell, to: InstanceAddress(kind: .media, id: told.node), body: body)
                tries = 0
            } catch BusError.failed(let failure) where failure.code == .notFound {
                pending[id] = nil
                if !told.isClosed { await whenUnknown() }
            } catch {
                tries += 1
                logger.trace("relay message waits", metadata: ["relay": "\(id)", "error": "\(error)"])
                pending[id]?.putBack(told)
                if told.isClosed, tries >= Self.closeTries { pending[id] = nil }
                try? await Task.sleep(for: Self.pause)
            }
            if pending[id]?.isEmpty == true { pending[id] = nil }
        }
    }
}
