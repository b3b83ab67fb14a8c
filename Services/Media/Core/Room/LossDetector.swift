package import MediaSecurity

/// Which packets of a publication are missing, and when to ask for them (RFC 4585 §6.2.1). Owned by the publication.
package struct LossDetector {
    /// Packets may be this late without being asked for.
    package static let reorderHold = Duration.milliseconds(10)
    package static let retryInterval = Duration.milliseconds(60)
    package static let tries = 8
    /// Missing packets looked after at once; with more the stream is better begun anew by a key frame.
    package static let missingCount = 128

    private struct Missing {
        let sequence: Int64
        var due: MediaTime
        var tries = 0
    }

    private var missing: [Missing] = []
    private var first: Int64?
    private var highest: Int64?

    package init() {}

    package var isWaiting: Bool { !missing.isEmpty }

    package func isMissing(_ sequence: Int64) -> Bool { missing.contains { $0.sequence == sequence } }

    /// Whether an original is of use: it is new, or missing. One that came too late was repaired or given up, and may have
    /// been forwarded as its retransmission: a second time, with other extensions, would be another packet under the same
    /// number of SRTP, which gives its key away (RFC 7714 §8.4).
    package func awaits(_ sequence: Int64) -> Bool {
        guard let first, let highest else { return true }
        // From before the first is what that has overtaken: nobody asked for it, so that it comes once.
        return sequence > highest || sequence < first || isMissing(sequence)
    }

    /// A packet arrived. Answers `false` when so much is missing that only a key frame helps.
    package mutating func receive(_ sequence: Int64, now: MediaTime) -> Bool {
        guard let last = highest else {
            first = sequence
            highest = sequence
            return true
        }
        if sequence <= last {
            if !missing.isEmpty { missing.removeAll { $0.sequence == sequence } }
            return true
        }
        highest = sequence
        guard sequence > last + 1 else { return true }
        guard missing.count + Int(sequence - last - 1) <= Self.missingCount else {
            missing.removeAll(keepingCapacity: true)
            return false
        }
        for lost in (last + 1)..<sequence { missing.append(Missing(sequence: lost, due: now + Self.reorderHold)) }
        return true
    }

    /// The numbers to ask for now, ascending. One that was asked for too often is given up.
    package mutating func due(now: MediaTime, into numbers: inout [UInt16]) {
        guard !missing.isEmpty else { return }
        missing.removeAll { $0.tries >= Self.tries && $0.due <= now }
        for index in missing.indices where missing[index].due <= now {
            numbers.append(UInt16(truncatingIfNeeded: missing[index].sequence))
            missing[index].tries += 1
            missing[index].due = now + Self.retryInterval
        }
    }
}
