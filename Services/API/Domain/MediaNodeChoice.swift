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
}
