import MediaCore
import MediaSecurity

/// Which packets of a stream have not arrived, and when to ask for them (RFC 4585 §6.2.1).
struct GapTracker {
    static let hold = Duration.milliseconds(10)
    static let interval = Duration.milliseconds(60)
    static let tries = 8
    /// A step of the sequence number beyond this is no loss but a new beginning.
    static let jump: Int64 = 1000

    enum Arrival {
        case next
        /// The numbers between the last and this one are missing.
        case gap
        case late
        case recovered
        case duplicate
        case jump
    }

    private struct Missing {
        let sequence: Int64
        /// When to ask; `nil` when it was asked for often enough.
        var due: MediaTime?
        var tries = 0
    }

    private var unwrapper = SequenceUnwrapper()
    private var first: Int64 = 0
    private var highest: Int64?
    private var missing: [Missing] = []
    /// Missing ones too old to arrive any more.
    private var lostCount = 0

    var missingCount: Int { missing.count + lostCount }

    mutating func receive(_ number: UInt16, now: MediaTime) -> Arrival {
        let sequence = unwrapper.unwrap(number)
        guard let highest else {
            first = sequence
            self.highest = sequence
            return .next
        }
        guard abs(sequence - highest) <= Self.jump else {
            first = sequence
            self.highest = sequence
            lostCount += missing.count
            missing = []
            return .jump
        }
        guard sequence > highest else { return receiveOld(sequence, now: now) }
        self.highest = sequence
        for lost in (highest + 1)..<sequence { missing.append(Missing(sequence: lost, due: now + Self.hold)) }
        while let first = missing.first, first.sequence < sequence - Self.jump {
            missing.removeFirst()
            lostCount += 1
        }
        return sequence == highest + 1 ? .next : .gap
    }

    private mutating func receiveOld(_ sequence: Int64, now: MediaTime) -> Arrival {
        if sequence < first {
            // It was overtaken by what seemed to be the first.
            let between = ((sequence + 1)..<first).map { Missing(sequence: $0, due: now + Self.hold) }
            missing.insert(contentsOf: between, at: 0)
            first = sequence
            return .late
        }
        guard let index = missing.firstIndex(where: { $0.sequence == sequence }) else { return .duplicate }
        return missing.remove(at: index).tries > 0 ? .recovered : .late
    }

    mutating func takeDue(now: MediaTime) -> (numbers: [UInt16], next: MediaTime?) {
        var numbers: [UInt16] = []
        var next: MediaTime?
        for index in missing.indices {
            guard let due = missing[index].due else { continue }
            if due <= now {
                numbers.append(UInt16(truncatingIfNeeded: missing[index].sequence))
                missing[index].tries += 1
                missing[index].due = missing[index].tries < Self.tries ? now + Self.interval : nil
            }
            next = [next, missing[index].due].compactMap(\.self).min()
        }
        return (numbers, next)
    }
}

/// What a receiver report says of one stream (RFC 3550 §6.4.1, appendix A.3 and A.8).
struct ArrivalStatistics {
    private var unwrapper = SequenceUnwrapper()
    private var first: Int64?
    private var highest: Int64 = 0
    private var received: Int64 = 0
    private var reportedExpected: Int64 = 0
    private var reportedReceived: Int64 = 0
    private var lastTransit: Int64?
    private var jitter = 0.0

    mutating func receive(_ number: UInt16, _ timestamp: UInt32, clockRate: Int64, now: MediaTime) {
        let sequence = unwrapper.unwrap(number)
        first = first ?? sequence
        highest = received == 0 ? sequence : max(highest, sequence)
        received += 1
        let arrival = now.nanoseconds / 1000 * clockRate / 1_000_000
        let transit = Int64(UInt32(truncatingIfNeeded: arrival) &- timestamp)
        if let lastTransit {
            let difference = Int32(truncatingIfNeeded: transit - lastTransit)
            jitter += (Double(difference.magnitude) - jitter) / 16
        }
        lastTransit = transit
    }

    mutating func report(ssrc: UInt32, lastSenderReport: (ntp: UInt64, at: MediaTime)?, now: MediaTime) -> ReportBlock {
        let expected = highest - (first ?? highest) + 1
        let expectedSince = expected - reportedExpected
        let lostSince = expectedSince - (received - reportedReceived)
        (reportedExpected, reportedReceived) = (expected, received)
        let fraction = expectedSince > 0 ? min(255, max(0, lostSince * 256 / expectedSince)) : 0
        let delay = lastSenderReport.map { (now - $0.at).wholeNanoseconds * 65_536 / 1_000_000_000 } ?? 0
        return ReportBlock(
            ssrc: ssrc, fractionLost: UInt8(fraction), cumulativeLost: Int32(clamping: expected - received),
            extendedHighestSequence: UInt32(truncatingIfNeeded: highest), jitter: UInt32(min(jitter, 1e9)),
            lastSenderReport: UInt32(truncatingIfNeeded: (lastSenderReport?.ntp ?? 0) >> 16),
            delaySinceLastSenderReport: UInt32(clamping: delay))
    }
}
