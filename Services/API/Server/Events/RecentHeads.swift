package import Contracts

/// The heads of streams that changed lately, to be told to gateways: whoever lost a publish notices by them. A value; its
/// owner gives the time.
package struct RecentHeads {
    private var heads: [StreamID: (seq: StreamSequence, at: ContinuousClock.Instant)] = [:]

    /// No stream was seen.
    package init() {}

    /// A stream was seen to stand here. Past ``Limits/recentHeadsCount`` streams a new one is not told: its next event, or
    /// the next resume, shows what was lost.
    package mutating func saw(_ seq: StreamSequence, of stream: StreamID, at now: ContinuousClock.Instant) {
        if let known = heads[stream] {
            heads[stream] = (max(known.seq, seq), now)
        } else if heads.count < Limits.recentHeadsCount {
            heads[stream] = (seq, now)
        }
    }

    /// What to tell now, in notices of at most ``Limits/headsPerNotice``; what is older than ``Limits/headsAge`` is
    /// forgotten.
    package mutating func notices(at now: ContinuousClock.Instant) -> [HeadsNotice] {
        heads = heads.filter { $0.value.at + Limits.headsAge >= now }
        var notices: [HeadsNotice] = []
        var cursors: [Cursor] = []
        for (stream, head) in heads {
            cursors.append(Cursor(stream: stream, seq: head.seq))
            guard cursors.count == Limits.headsPerNotice else { continue }
            notices.append(HeadsNotice(heads: cursors))
            cursors = []
        }
        if !cursors.isEmpty { notices.append(HeadsNotice(heads: cursors)) }
        return notices
    }
}
