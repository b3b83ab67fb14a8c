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

/// How busy a media node is. The text `<participants> <rooms>` in Redis.
package struct MediaNodeLoad: Hashable, Sendable, CustomStringConvertible {
    package let participants: Int
    package let rooms: Int

    package init(participants: Int, rooms: Int) {
        self.participants = participants
        self.rooms = rooms
    }

    package init?(_ text: some StringProtocol) {
        let words = text.split(separator: " ").compactMap { Int($0) }
        guard words.count == 2 else { return nil }
        self.init(participants: words[0], rooms: words[1])
    }

    package var description: String { "\(participants) \(rooms)" }
}
