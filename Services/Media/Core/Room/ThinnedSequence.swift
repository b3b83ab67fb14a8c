/// The numbers of a stream of which packets are left out on purpose: those behind them move up, so that a receiver misses
/// nothing. What is lost on the way in keeps its place. Numbers are unwrapped; owned by the send section.
///
/// Costs nothing, and numbers stay what they are, until the first packet is left out.
package struct ThinnedSequence: Sendable {
    /// As many numbers are remembered as a cache has packets.
    static let window = 512
    private static let countMask: Int64 = 1 << 29 - 1

    /// What is sent for a packet.
    package enum Outcome: Hashable, Sendable {
        /// The packet, under this number.
        case whole(Int64)
        /// A packet without payload, under this number: its place was kept open for one that is not wanted after all.
        case empty(Int64)
        case nothing
    }

    /// What was sent under a number.
    package struct Origin: Hashable, Sendable {
        /// The incoming number.
        package let sequence: Int64
        /// Whether it went without its payload.
        package let isEmpty: Bool
        /// Whether it was given a marker that it did not have.
        package let isMarked: Bool
    }

    private enum Fate: UInt32 {
        /// It did not come yet; its place is kept.
        case unknown
        case sent, emptied, leftOut
    }

    /// By incoming number modulo ``window``: how many were left out up to it, its fate (2 bits), and whether it was given a
    /// marker that it did not have (the lowest bit).
    private var entries: [UInt32] = []
    /// Numbers below stay what they are.
    private var first: Int64 = .max
    private var highest: Int64 = .min
    private var leftOutCount: Int64 = 0

    /// A stream of which all is sent so far.
    package init() {}

    /// Decides the number of a packet; the same packet again has the same fate.
    /// - Parameters:
    ///   - isWanted: whether it is to be sent.
    ///   - isMarked: whether it is given a marker that it does not have.
    package mutating func take(_ sequence: Int64, isWanted: Bool, isMarked: Bool = false) -> Outcome {
        if entries.isEmpty {
            if isWanted && !isMarked || sequence < highest {
                highest = max(highest, sequence)
                return .whole(sequence)
            }
            entries = Array(repeating: 0, count: Self.window)
            first = highest == .min ? sequence : highest + 1
            highest = first - 1
        }
        guard sequence >= first else { return .whole(sequence) }
        if sequence > highest {
            for missing in max(highest + 1, sequence - Int64(Self.window))..<sequence { set(missing, .unknown) }
            highest = sequence
            if !isWanted { leftOutCount += 1 }
            set(sequence, isWanted ? .sent : .leftOut, isMarked: isWanted && isMarked)
            return isWanted ? .whole(sequence - leftOutCount) : .nothing
        }
        guard sequence > highest - Int64(Self.window) else { return .nothing }
        let number = number(of: sequence)
        switch fate(of: sequence) {
        case .unknown:
            set(sequence, isWanted ? .sent : .emptied, leftOut: sequence - number, isMarked: isWanted && isMarked)
            return isWanted ? .whole(number) : .empty(number)
        case .sent: return .whole(number)
        case .emptied: return .empty(number)
        case .leftOut: return .nothing
        }
    }

    /// The outgoing number of an incoming one that was taken.
    package func number(of sequence: Int64) -> Int64 {
        guard sequence >= first, sequence <= highest, sequence > highest - Int64(Self.window) else {
            return sequence - (sequence > highest ? leftOutCount : 0)
        }
        // The entry has the lower bits of the count.
        let later = (leftOutCount - Int64(entry(sequence) >> 3)) & Self.countMask
        return sequence - (leftOutCount - later)
    }

    /// What was sent under an outgoing number; `nil` if nothing was, or it is forgotten.
    package func original(of number: Int64) -> Origin? {
        guard !entries.isEmpty, number >= first else {
            return Origin(sequence: number, isEmpty: false, isMarked: false)
        }
        guard let sequence = place(of: number) else { return nil }
        switch fate(of: sequence) {
        case .sent: return Origin(sequence: sequence, isEmpty: false, isMarked: entry(sequence) & 1 == 1)
        case .emptied: return Origin(sequence: sequence, isEmpty: true, isMarked: false)
        case .unknown, .leftOut: return nil
        }
    }

    /// The incoming number whose place is kept open under an outgoing one; `nil` if it is not, or not any more.
    package func awaited(under number: Int64) -> Int64? {
        guard !entries.isEmpty, number >= first, let sequence = place(of: number), fate(of: sequence) == .unknown
        else { return nil }
        return sequence
    }

    /// The incoming number that has an outgoing one: of those with it, the one that is not left out.
    private func place(of number: Int64) -> Int64? {
        var sequence = min(highest, number + leftOutCount)
        while sequence >= first, sequence > highest - Int64(Self.window) {
            let distance = self.number(of: sequence) - number
            guard distance >= 0 else { return nil }
            if distance == 0, fate(of: sequence) != .leftOut { return sequence }
            // A number falls by at most one from packet to packet.
            sequence -= max(1, distance)
        }
        return nil
    }

    private func entry(_ sequence: Int64) -> UInt32 {
        entries[Int(truncatingIfNeeded: sequence) & (Self.window - 1)]
    }

    private func fate(of sequence: Int64) -> Fate { Fate(rawValue: entry(sequence) >> 1 & 3) ?? .unknown }

    private mutating func set(_ sequence: Int64, _ fate: Fate, leftOut: Int64? = nil, isMarked: Bool = false) {
        let count = UInt32(truncatingIfNeeded: leftOut ?? leftOutCount) << 3
        entries[Int(truncatingIfNeeded: sequence) & (Self.window - 1)] =
            count | fate.rawValue << 1 | (isMarked ? 1 : 0)
    }
}
