import MediaSecurity

/// Packets of video that wait until a peer's link has room for them, the first to leave first. Their payloads are where those
/// that are sent again come from, in the encoding's cache. Owned by the peer.
///
/// Takes memory with the first packet that waits, and more only when more wait than ever before.
struct PacedQueue {
    /// Packets at most: of more, the cache of a highest encoding would not have the first any more. One that a cache has not
    /// any more, as of an encoding that begins anew, is lost.
    static let packetCount = PacketCache.packetCount
    private static let firstPacketCount = 32

    struct Entry {
        let section: SendSection
        /// Of the encoding it came from, which need not be the section's present one any more.
        let cache: PacketCache
        /// The number in that cache; `nil` for a packet without payload.
        let sequence: Int64?
        let numbers: OutgoingNumbers
        /// With its header, roughly.
        let byteCount: Int
    }

    /// A ring.
    private var entries: [Entry?] = []
    private var head = 0
    private(set) var count = 0
    /// Of all that wait.
    private(set) var byteCount = 0
    /// Whether the worker knows that something waits.
    var isListed = false

    var isFull: Bool { count == Self.packetCount }

    mutating func append(_ entry: Entry) {
        precondition(!isFull, "Who appends has made room.")
        if count == entries.count { grow() }
        entries[(head + count) & (entries.count - 1)] = entry
        count += 1
        byteCount += entry.byteCount
    }

    /// The one that has waited longest; `nil` if none waits.
    mutating func removeFirst() -> Entry? {
        guard count > 0, let first = entries[head] else { return nil }
        // Lets go of the cache.
        entries[head] = nil
        head = (head + 1) & (entries.count - 1)
        count -= 1
        byteCount -= first.byteCount
        return first
    }

    private mutating func grow() {
        let more = [Entry?](repeating: nil, count: max(Self.firstPacketCount, entries.count))
        entries = Array(entries[head...]) + Array(entries[..<head]) + more
        head = 0
    }
}
