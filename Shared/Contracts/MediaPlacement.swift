/// Where the room of a call is: which node, since which epoch. The text `<epoch> <node>` in Redis.
///
/// Of two placements of one room the one with the higher epoch counts.
package struct RoomPlacement: Hashable, Sendable, CustomStringConvertible {
    /// The Redis time of the placement in milliseconds, or one more than the epoch before it, whichever is more.
    package let epoch: Int64
    package let node: InstanceID

    package init(epoch: Int64, node: InstanceID) {
        self.epoch = epoch
        self.node = node
    }

    package init?(_ text: some StringProtocol) {
        let words = text.split(separator: " ")
        guard words.count == 2, let epoch = Int64(words[0]), let node = InstanceID(words[1]) else { return nil }
        self.init(epoch: epoch, node: node)
    }

    package var description: String { "\(epoch) \(node)" }
}

/// How busy a media node is. The text `<participants> <rooms> <busy> <packets> <draining> <full>` in Redis, of which the
/// last four may be missing.
package struct MediaNodeLoad: Hashable, Sendable, CustomStringConvertible {
    package let participants: Int
    package let rooms: Int
    /// How much of the time its workers work, on average, in thousandths.
    package let busyPermille: Int
    /// Datagrams that it sends a second.
    package let packetsPerSecond: Int
    /// It is going away: its rooms are to be placed anew.
    package let isDraining: Bool
    /// It has as many seats as it was given.
    package let isFull: Bool

    package init(
        participants: Int, rooms: Int, busyPermille: Int = 0, packetsPerSecond: Int = 0, isDraining: Bool = false,
        isFull: Bool = false
    ) {
        self.participants = participants
        self.rooms = rooms
        self.busyPermille = busyPermille
        self.packetsPerSecond = packetsPerSecond
        self.isDraining = isDraining
        self.isFull = isFull
    }

    package init?(_ text: some StringProtocol) {
        let words = text.split(separator: " ").map { Int($0) }
        guard words.count >= 2, let participants = words[0], let rooms = words[1] else { return nil }
        func word(_ index: Int) -> Int { words.indices.contains(index) ? words[index] ?? 0 : 0 }
        self.init(
            participants: participants, rooms: rooms, busyPermille: word(2), packetsPerSecond: word(3),
            isDraining: word(4) == 1, isFull: word(5) == 1)
    }

    package var description: String {
        "\(participants) \(rooms) \(busyPermille) \(packetsPerSecond) \(isDraining ? 1 : 0) \(isFull ? 1 : 0)"
    }

    /// Whether new rooms, and new seats, may be placed on it.
    package var takesRooms: Bool { !isDraining && !isFull && busyPermille < Limits.mediaNodeFullPermille }
}

extension MediaNodeLoad: Comparable {
    /// Steps of busyness below which nodes count as equally busy: measured over seconds, it is never the same twice.
    private static let stepPermille = 100

    /// By how busy it is, then by its participants, then by its rooms.
    package static func < (left: Self, right: Self) -> Bool {
        (left.busyPermille / stepPermille, left.participants, left.rooms)
            < (right.busyPermille / stepPermille, right.participants, right.rooms)
    }
}
