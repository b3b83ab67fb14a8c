package import Contracts

/// Which media node a new room goes to.
package enum MediaNodeChoice {
    /// The less loaded of two that are drawn at random among the nodes that take rooms: what nodes say of their load is
    /// seconds old, and if everybody took the one that was least loaded then, the rooms of those seconds would all be there.
    /// `nil` when every node is full or going away, or there is none.
    /// - Parameter loads: a node that has not said how busy it is counts as idle.
    package static func leastLoaded(
        of nodes: [InstanceID], loads: [InstanceID: MediaNodeLoad], using generator: inout some RandomNumberGenerator
    ) -> InstanceID? {
        func load(_ node: InstanceID) -> MediaNodeLoad { loads[node] ?? MediaNodeLoad(participants: 0, rooms: 0) }
        let drawn = nodes.filter { load($0).takesRooms }.shuffled(using: &generator).prefix(2)
        return drawn.min { load($0) < load($1) }
    }

    /// The node of a new seat: the room's, as long as that takes seats, else one that helps it. All APIs choose the same
    /// one, until it is full too, so that a room is on as few nodes as it needs (rendezvous hashing). Where none takes seats
    /// it stays with the room's.
    package static func seat(
        in channel: ChannelID, at home: InstanceID, of nodes: [InstanceID], loads: [InstanceID: MediaNodeLoad]
    ) -> InstanceID {
        func takesSeats(_ node: InstanceID) -> Bool { loads[node]?.takesRooms ?? true }
        if takesSeats(home) { return home }
        return nodes.filter { $0 != home && takesSeats($0) }.max { weight(of: $0, channel) < weight(of: $1, channel) }
            ?? home
    }

    /// Another number for each pair, the same in each process (FNV-1a).
    private static func weight(of node: InstanceID, _ channel: ChannelID) -> UInt64 {
        "\(channel) \(node)".utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
