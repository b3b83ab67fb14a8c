package import Contracts

/// Tells calls whose media node has died from calls whose place Redis has only forgotten.
///
/// A node beats the place of each of its rooms. A call is abandoned when its place was missing in two looks one after the
/// other, nothing was reported of it between them, and Redis has kept its memory for long enough that every living node
/// has beaten since. It belongs to the one task that looks.
package struct AbandonedCalls {
    /// The time from one look to the next.
    package static let interval = Duration.seconds(5)
    /// How long Redis must have had the same memory.
    package static let patience = Duration.seconds(15)

    /// A call that is open, with the last report of it that was accepted.
    package struct OpenCall: Hashable, Sendable {
        package let channelID: ChannelID
        package let epoch: Int64
        package let revision: Int64

        package init(channelID: ChannelID, epoch: Int64, revision: Int64) {
            self.channelID = channelID
            self.epoch = epoch
            self.revision = revision
        }
    }

    private var missing: Set<OpenCall> = []
    private var memory: (marker: String, since: ContinuousClock.Instant)?

    package init() {}

    /// Takes in one look, and answers the calls to end.
    /// - Parameters:
    ///   - open: all open calls.
    ///   - placed: the channels among them whose room has a place.
    ///   - marker: Redis's run marker; another one means another memory.
    package mutating func look(
        at open: [OpenCall], placed: Set<ChannelID>, marker: String?, now: ContinuousClock.Instant
    ) -> [OpenCall] {
        guard let marker else {
            reset()
            return []
        }
        let since = memory?.marker == marker ? memory?.since ?? now : now
        memory = (marker, since)
        let unplaced = open.filter { !placed.contains($0.channelID) }
        let again = unplaced.filter(missing.contains)
        missing = Set(unplaced)
        return since.duration(to: now) >= Self.patience ? again : []
    }

    /// Forgets all looks: there was nothing to look at, or Redis could not be asked. Nodes may not have reached it either.
    package mutating func reset() { self = AbandonedCalls() }
}
