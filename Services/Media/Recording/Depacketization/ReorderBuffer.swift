package import MediaSecurity

/// Puts the packets of one stream in order, and waits a while for those that are missing: they may come late, or again.
package struct ReorderBuffer: Sendable {
    /// How long a packet waits for those before it.
    package static let patience = Duration.milliseconds(500)
    /// Packets that wait at once; with more the missing ones are given up.
    package static let packetCount = 2_048

    /// What comes out, in order.
    package enum Output: Hashable, Sendable {
        case packet(RecordedPacket)
        /// So many were given up.
        case lost(Int)
    }

    private struct Waiting: Sendable {
        let packet: RecordedPacket
        let since: MediaTime
    }

    /// In the order of their numbers, from the next on.
    private var waiting: [Waiting] = []
    private var next: Int64?

    /// Begins with the first packet it gets.
    package init() {}

    package mutating func receive(_ packet: RecordedPacket, now: MediaTime) {
        if next == nil { next = packet.sequence }
        guard let next, packet.sequence >= next else { return }
        // Nearly always behind all others.
        var index = waiting.count
        while index > 0, waiting[index - 1].packet.sequence > packet.sequence { index -= 1 }
        if index > 0, waiting[index - 1].packet.sequence == packet.sequence { return }
        waiting.insert(Waiting(packet: packet, since: now), at: index)
    }

    /// What can go on now. With `isEnd` nothing is waited for any more.
    package mutating func take(now: MediaTime, isEnd: Bool = false) -> [Output] {
        var outputs: [Output] = []
        var taken = 0
        while taken < waiting.count, let expected = next {
            let first = waiting[taken]
            if first.packet.sequence > expected {
                let isGivenUp =
                    isEnd || waiting.count - taken > Self.packetCount || now >= first.since + Self.patience
                guard isGivenUp else { break }
                outputs.append(.lost(Int(first.packet.sequence - expected)))
            }
            outputs.append(.packet(first.packet))
            next = first.packet.sequence + 1
            taken += 1
        }
        waiting.removeFirst(taken)
        return outputs
    }
}
