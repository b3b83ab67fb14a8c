import APIDomain
import Contracts
import RedisBus

/// Places the room of a call on a media node, by compare-and-set on one key of Redis, so that all who ask at once are sent
/// to one node.
struct RoomPlacer {
    let bus: RedisBus

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
    /// - Throws: `unavailable` without a node that takes rooms; ``RedisBus/RedisError``.
    func place(
        _ channel: ChannelID, avoiding deadNode: InstanceID?, after lastEpoch: Int64, isOpen: Bool
    ) async throws -> RoomPlacement {
        if isOpen, deadNode == nil { try await awaitPlacement(of: channel) }
        var known = try await bus.send(RedisCommand("GET", .key(.mediaRoom(channel)))).text
        for _ in 0..<Self.attemptCount {
            let nodes = try await bus.instances(of: .media).map(\.id).filter { $0 != deadNode }
            let loads = try await loads(of: nodes)
            let standing = known.flatMap { RoomPlacement($0) }
            if let standing, nodes.contains(standing.node), loads[standing.node]?.isDraining != true { return standing }
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
            if let placed = known.flatMap({ RoomPlacement($0) }), placed.node == node { return placed }
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

    private func loads(of nodes: [InstanceID]) async throws -> [InstanceID: MediaNodeLoad] {
        guard !nodes.isEmpty else { return [:] }
        let texts = try await bus.send(pipeline: nodes.map { RedisCommand("GET", .key(.mediaNode($0))) }).map(\.text)
        return Dictionary(
            zip(nodes, texts).compactMap { node, text in text.flatMap { MediaNodeLoad($0) }.map { (node, $0) } },
            uniquingKeysWith: { first, _ in first })
    }
}
