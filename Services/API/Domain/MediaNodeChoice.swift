package import Contracts

/// Which media node a new room goes to.
package enum MediaNodeChoice {
    /// The node with the fewest participants; among equals the one with the fewest rooms, then any of them at random, so
    /// that rooms that are placed at one moment spread. `nil` if there is none.
    /// - Parameter loads: a node that has not said how busy it is counts as idle.
    package static func leastLoaded(
        of nodes: [InstanceID], loads: [InstanceID: MediaNodeLoad], using generator: inout some RandomNumberGenerator
    ) -> InstanceID? {
        func load(_ node: InstanceID) -> (Int, Int) {
            (loads[node]?.participants ?? 0, loads[node]?.rooms ?? 0)
        }
        guard let least = nodes.map(load).min(by: <) else { return nil }
        return nodes.filter { load($0) == least }.randomElement(using: &generator)
    }
}
