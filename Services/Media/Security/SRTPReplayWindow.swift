/// Which of the last indices of a stream have come (RFC 3711 §3.3.2). The index of an RTP packet is roll-over counter ‖
/// sequence number, 48 bits; that of an RTCP packet has 31.
struct SRTPReplayWindow {
    /// Whether an index may be accepted.
    enum Verdict {
        case new
        case repeated
        /// Further behind the newest than is remembered.
        case tooOld
    }

    static let packetCount = 16 * 64

    /// The highest that was accepted; 0 before the first.
    private(set) var highest: UInt64 = 0
    /// Bit `index mod packetCount`, for those from `highest` down.
    private var bits = InlineArray<16, UInt64>(repeating: 0)

    func check(_ index: UInt64) -> Verdict {
        if index > highest { return .new }
        if highest - index >= UInt64(Self.packetCount) { return .tooOld }
        let (word, bit) = Self.place(index)
        return bits[word] & bit == 0 ? .new : .repeated
    }

    /// The packet with this index, found ``Verdict/new``, is authentic.
    mutating func accept(_ index: UInt64) {
        if index > highest {
            forget(upTo: index)
            highest = index
        }
        let (word, bit) = Self.place(index)
        bits[word] |= bit
    }

    /// The places of those that are skipped belonged to older ones.
    private mutating func forget(upTo index: UInt64) {
        guard index - highest < UInt64(Self.packetCount) else {
            bits = InlineArray(repeating: 0)
            return
        }
        for skipped in (highest + 1)...index {
            let (word, bit) = Self.place(skipped)
            bits[word] &= ~bit
        }
    }

    private static func place(_ index: UInt64) -> (word: Int, bit: UInt64) {
        let position = Int(index % UInt64(packetCount))
        return (position / 64, 1 << UInt64(position % 64))
    }
}

/// Continues sequence numbers to indices.
enum SRTPIndex {
    /// The largest of an RTP packet; past it the keys are used up (RFC 3711 §9.2).
    static let last: UInt64 = (1 << 48) - 1
    /// The largest of an RTCP packet (§3.4).
    static let lastReport: UInt64 = (1 << 31) - 1

    /// Of the indices with this sequence number the one nearest to the highest seen, which is 0 before the first
    /// (RFC 3711 §3.3.1 and appendix A). In the first half of the first cycle it is that of this cycle, whatever the
    /// distance: there is none before it.
    @inline(__always)
    static func guess(_ sequence: UInt16, highest: UInt64) -> UInt64 {
        let cycle = highest & ~0xFFFF
        let index = cycle | UInt64(sequence)
        let newest = highest & 0xFFFF
        if newest < 0x8000 {
            return cycle > 0 && UInt64(sequence) > newest + 0x8000 ? index - 0x1_0000 : index
        }
        return highest > 0x8000 && newest - 0x8000 > UInt64(sequence) ? index + 0x1_0000 : index
    }
}
