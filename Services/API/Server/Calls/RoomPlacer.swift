import APIDomain
import Contracts
import RedisBus

/// Where a room is, and the node that is to give the next seat: the room's, or one that helps it.
struct SeatPlace {
    let placement: RoomPlacement
    let node: InstanceID
}

/// Places the room of a call on a media node, by compare-and-set on one key of Redis, so that all who ask at once are sent
/// to one node. While that is full or busy, it sends them to others, which help it.
struct RoomPlacer {
    let bus: RedisBus
    let settling: BusSettling

    /// Puts a placement where the expected one, or none, is. KEYS: room. ARGV: expected text, empty for none; node; the
    /// least epoch; lease in milliseconds. Answers the text that is there now, or nothing if what was expected has gone.
    static let script = RedisScript(
        """
        local found = redis.call('GET', KEYS[1])
        if found ~= (ARGV[1] ~= '' and ARGV[1]) then return found end
        local time = redis.call('TIME')
        local epoch = math.max(time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[3]))
        local placement = string.format('%.0f', epoch) .. ' ' .. ARGV[2]
        redis.call('SET', KEYS[1], placement, 'PX', ARGV[4])
        return placement
        """)

    /// How often a placement is tried that others move at the same time.
    private static let attemptCount = 5

    private static let noNode = APIError(
        .unavailable, "No media node takes calls at the moment.", retryAfter: .seconds(1))

    /// Where the room is: where it was, if that node lives and stays, else on one that is little loaded.
    /// - Parameters:
    ///   - deadNode: a node that does not answer, whatever the registry says.
    ///   - lastEpoch: the last one that PostgreSQL knows; a new placement is above it even if Redis has forgotten.
    ///   - isOpen: whether people are in the call, as far as PostgreSQL knows. Then its node is given time to say so again.
    ///   - findSeat: answers which node has the seat, if it is taken again, when it is told the room's.
    /// - Throws: `unavailable` without a node that takes rooms; ``RedisBus/RedisError``.
    func place(
        _ channel: ChannelID, avoiding deadNode: InstanceID?, after lastEpoch: Int64, isOpen: Bool,
        findSeat: (InstanceID) async -> InstanceID?
    ) async throws -> SeatPlace {
        if isOpen, deadNode == nil { try await awaitPlacement(of: channel) }
        var deadNodes = Set([deadNode].compactMap(\.self))
        var known = try await bus.send(RedisCommand("GET", .key(.mediaRoom(channel)))).text
        for _ in 0..<Self.attemptCount {
            let nodes = try await bus.instances(of: .media).map(\.id).filter { !deadNodes.contains($0) }
            let loads = try await loads(of: nodes)
            let standing = known.flatMap { RoomPlacement($0) }
            if let standing, nodes.contains(standing.node), loads[standing.node]?.isDraining != true {
                let held = await findSeat(standing.node).flatMap { node in
                    nodes.contains(node) && loads[node]?.isDraining != true ? node : nil
                }
                let node = held ?? MediaNodeChoice.seat(in: channel, at: standing.node, of: nodes, loads: loads)
                if node != standing.node, try await isDead(standing.node) {
                    // It could help nobody, and no gateway asks the home, which would find out.
                    deadNodes.insert(standing.node)
                    continue
                }
                return SeatPlace(placement: standing, node: node)
            }
            var generator = SystemRandomNumberGenerator()
            guard let node = MediaNodeChoice.leastLoaded(of: nodes, loads: loads, using: &generator) else {
                throw Self.noNode
            }
            let answer = try await bus.evaluate(
                Self.script, keys: [.mediaRoom(channel)],
                arguments: [
                    .text(known ?? ""), .text(node.description),
                    .integer(max(standing?.epoch ?? 0, lastEpoch) + 1), .milliseconds(Limits.mediaNodeLease),
                ])
            // Ours, or that of whoever was faster: the next round looks whether its node lives.
            known = answer.text
            if let placed = known.flatMap({ RoomPlacement($0) }), placed.node == node {
                return SeatPlace(placement: placed, node: node)
            }
        }
        throw APIError(.unavailable, "The call is being moved. Try again.")
    }

    /// Longer than nodes take to tell a Redis that has lost its memory where their rooms are.
    private static let patience = Limits.mediaNodeBeat + .milliseconds(500)
    private static let look = Duration.milliseconds(200)

    /// Waits until a live node says that it has the room of a running call. Redis may have lost its memory: placing the room
    /// anew then would tear the call up. In vain if no node has it.
    private func awaitPlacement(of channel: ChannelID) async throws {
        let end = ContinuousClock.now + Self.patience
        while true {
            let text = try await bus.send(RedisCommand("GET", .key(.mediaRoom(channel)))).text
            if let standing = text.flatMap({ RoomPlacement($0) }),
                try await bus.instances(of: .media).contains(where: { $0.id == standing.node })
            {
                return
            }
            guard ContinuousClock.now < end else { return }
            try await Task.sleep(for: Self.look)
        }
    }

    /// How often and how far apart it is looked for a node that nobody listens for.
    private static let looks = 4
    private static let lookPause = Duration.milliseconds(250)

    /// Whether nobody has listened at a node's address for about a second, whatever the registry says.
    private func isDead(_ node: InstanceID) async throws -> Bool {
        let address = Topic.instance(InstanceAddress(kind: .media, id: node))
        for look in 0..<Self.looks {
            if look > 0 { try await Task.sleep(for: Self.lookPause) }
            let reply = try await bus.send(RedisCommand("PUBSUB", "SHARDNUMSUB", .topic(address)))
            guard reply.array?.last?.integer == 0, !settling.isSettling else { return false }
        }
        return true
    }

    private func loads(of nodes: [InstanceID]) async throws -> [InstanceID: MediaNodeLoad] {
        guard !nodes.isEmpty else { return [:] }
        let texts = try await bus.send(pipeline: nodes.map { RedisCommand("GET", .key(.mediaNode($0))) }).map(\.text)
        return Dictionary(
            zip(nodes, texts).compactMap { node, text in text.flatMap { MediaNodeLoad($0) }.map { (node, $0) } },
            uniquingKeysWith: { first, _ in first })
    }
}
