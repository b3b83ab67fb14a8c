package import Contracts

/// Tells media nodes that have died from those that were not heard for a moment: one at whose address nobody listens in
/// several looks in a row is dead. Owned by the one task that looks.
package struct NodeSilence: Sendable {
    private var missed: [InstanceID: Int] = [:]

    package init() {}

    /// Takes in one look, and answers the nodes that are dead since this one.
    /// - Parameter listeners: how many listen at the address of each node that matters. Others are forgotten.
    package mutating func look(at listeners: [InstanceID: Int]) -> [InstanceID] {
        missed = Dictionary(
            uniqueKeysWithValues: listeners.compactMap { node, count in
                count == 0 ? (node, min(missed[node, default: 0] + 1, Limits.mediaNodeLooks + 1)) : nil
            })
        return missed.filter { $0.value == Limits.mediaNodeLooks }.map(\.key)
    }

    /// Whether nobody has listened at its address for that many looks.
    package func isDead(_ node: InstanceID) -> Bool { missed[node, default: 0] >= Limits.mediaNodeLooks }

    /// Forgets all looks: Redis could not be asked, or the nodes may not have reached it either.
    package mutating func reset() { missed = [:] }
}
