/// Continues 16-bit sequence numbers past their wrap (RFC 3550 appendix A.1): of all numbers with those lower bits, the one
/// nearest to the last given.
package struct SequenceUnwrapper: Sendable {
    private var last: Int64?

    /// Begins a stream: the first number is yet to come.
    package init() {}

    /// The first number stands for itself; one that was sent before it and comes later is smaller, and so may be negative.
    /// A number exactly half the range away counts as older.
    package mutating func unwrap(_ number: UInt16) -> Int64 {
        let difference = Int16(bitPattern: number &- UInt16(truncatingIfNeeded: last ?? Int64(number)))
        let result = (last ?? Int64(number)) + Int64(difference)
        last = result
        return result
    }
}

/// Continues 32-bit RTP timestamps past their wrap, by the rule of ``SequenceUnwrapper``.
package struct TimestampUnwrapper: Sendable {
    private var last: Int64?

    /// Begins a stream: the first number is yet to come.
    package init() {}

    /// Ticks. The first timestamp stands for itself; an older one that comes later may be negative.
    package mutating func unwrap(_ timestamp: UInt32) -> Int64 {
        let difference = Int32(bitPattern: timestamp &- UInt32(truncatingIfNeeded: last ?? Int64(timestamp)))
        let result = (last ?? Int64(timestamp)) + Int64(difference)
        last = result
        return result
    }
}
