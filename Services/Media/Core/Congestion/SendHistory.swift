package import MediaSecurity

/// What became of one packet.
package struct PacketResult: Hashable, Sendable {
    /// Its transport-wide number, continued past the wrap.
    package let number: Int64
    /// As it was sent, all headers of RTP included.
    package let byteCount: Int
    /// When it was sent, on our clock.
    package let sent: MediaTime
    /// When it arrived, on the receiver's clock: only differences mean something. `nil` if it had not when that was reported.
    package let arrival: MediaTime?
    /// Of which cluster of the ``Prober`` it was.
    package let cluster: Int32?
    /// Whether an earlier feedback reported it lost: it came late.
    package let wasReportedLost: Bool

    /// What became of one packet, as ``SendHistory`` or a test tells it.
    package init(
        number: Int64, byteCount: Int, sent: MediaTime, arrival: MediaTime?, cluster: Int32? = nil,
        wasReportedLost: Bool = false
    ) {
        self.number = number
        self.byteCount = byteCount
        self.sent = sent
        self.arrival = arrival
        self.cluster = cluster
        self.wasReportedLost = wasReportedLost
    }
}

/// Packets that no feedback told of, because one was lost on its way.
package struct FeedbackGap: Hashable, Sendable {
    /// Of all those packets.
    package let byteCount: Int
    /// When the packets around them arrived, on the receiver's clock.
    package let from: MediaTime
    package let to: MediaTime
}

/// What was sent on one transport, until feedback tells what became of it. Owned by what sends; its memory grows by doubling
/// with the packets of ``memory``, and nothing is allocated per packet.
package struct SendHistory: Sendable {
    /// How many packets are remembered at most: 4 s at 10 Mbit/s.
    package static let packetCount = 4_096
    /// How many are from the first on. Most receive little: each is 16 bytes, for each participant.
    private static let leastPacketCount = 256
    /// How long each is remembered, as long as it is not more than ``packetCount``: feedback comes much sooner.
    private static let memory = Duration.seconds(2)

    private enum Fate: UInt8 { case unknown, lost, received }

    private struct Entry {
        var sent = MediaTime(nanoseconds: 0)
        var cluster: Int32 = -1
        var byteCount: UInt16 = 0
        var fate = Fate.received
    }

    /// A packet's place is its number, as far as it goes: a power of two of them.
    private var entries = [Entry](repeating: Entry(), count: Self.leastPacketCount)
    private var next: Int64 = 0
    private var referenceTime: Int64?
    /// The newest packet that feedback has told of, and the newest arrival.
    private var reported: (number: Int64, arrival: MediaTime)?
    /// From the newest packet's sending to the feedback that told of it, the wait of the receiver included: the least of
    /// the last seconds, roughly. `nil` until feedback came.
    package private(set) var roundTrip: Duration?

    /// Nothing was sent yet; numbers begin at 0.
    package init() {}

    /// A packet leaves now.
    ///
    /// - Parameters:
    ///   - byteCount: with all headers of RTP.
    ///   - isProbe: the id of the prober's cluster, 0 or more, if one is running.
    /// - Returns: the transport-wide sequence number to write into it.
    package mutating func sent(byteCount: Int, now: MediaTime, isProbe: Int32? = nil) -> UInt16 {
        let number = next
        if number >= entries.count, entries.count < Self.packetCount,
            now < entries[place(of: number)].sent + Self.memory
        {
            grow()
        }
        next += 1
        entries[place(of: number)] = Entry(
            sent: now, cluster: isProbe ?? -1, byteCount: UInt16(clamping: byteCount), fate: .unknown)
        return UInt16(truncatingIfNeeded: number)
    }

    private func place(of number: Int64) -> Int { Int(number) & (entries.count - 1) }

    /// Twice the places; what is remembered goes to its new one.
    private mutating func grow() {
        let former = entries
        entries = [Entry](repeating: Entry(), count: former.count * 2)
        for number in (next - Int64(former.count))..<next {
            entries[place(of: number)] = former[Int(number) & (former.count - 1)]
        }
    }

    /// Feedback came. Gives what is news: each packet once when it is reported received or lost, and once more when one that
    /// was reported lost did arrive. Packets that were never sent or are long forgotten are passed over.
    ///
    /// - Parameter compound: the very bytes that `feedback` was read from.
    /// - Returns: what the feedback before this one would have told, if it was lost.
    @discardableResult
    package mutating func receive(
        _ feedback: TransportFeedback, in compound: Span<UInt8>, now: MediaTime, _ body: (PacketResult) -> Void
    ) -> FeedbackGap? {
        let reference = unwrap(feedback.referenceTime)
        var newest: MediaTime?
        var arrivals: (first: MediaTime, last: MediaTime)?
        feedback.forEachTick(in: compound) { wire, ticks in
            guard let number = self.number(wire) else { return }
            let index = place(of: number)
            let entry = entries[index]
            guard entry.fate != .received, ticks != nil || entry.fate == .unknown else { return }
            entries[index].fate = ticks == nil ? .lost : .received
            let arrival = ticks.map {
                MediaTime(nanoseconds: (reference * TransportFeedback.ticksOfReference + $0) * 250_000)
            }
            if let arrival {
                newest = max(newest ?? entry.sent, entry.sent)
                arrivals = (arrivals?.first ?? arrival, max(arrivals?.last ?? arrival, arrival))
            }
            body(
                PacketResult(
                    number: number, byteCount: Int(entry.byteCount), sent: entry.sent, arrival: arrival,
                    cluster: entry.cluster < 0 ? nil : entry.cluster, wasReportedLost: entry.fate == .lost))
        }
        if let newest { noteRoundTrip(now - newest) }
        guard let arrivals else { return nil }
        return noteReported(feedback, arrivals)
    }

    private mutating func noteReported(
        _ feedback: TransportFeedback, _ arrivals: (first: MediaTime, last: MediaTime)
    ) -> FeedbackGap? {
        guard let first = number(feedback.baseSequence) else { return nil }
        let last = min(first + Int64(feedback.packetCount), next) - 1
        defer { if last > reported?.number ?? -1 { reported = (last, arrivals.last) } }
        guard let before = reported, first > before.number + 1 else { return nil }
        var byteCount = 0
        for number in max(before.number + 1, next - Int64(entries.count))..<first {
            byteCount += Int(entries[place(of: number)].byteCount)
        }
        return FeedbackGap(byteCount: byteCount, from: before.arrival, to: arrivals.first)
    }

    /// The packet that a number on the wire means: the newest sent with these lower bits, if it is remembered.
    private func number(_ wire: UInt16) -> Int64? {
        guard next > 0 else { return nil }
        let age = Int64(UInt16(truncatingIfNeeded: next - 1) &- wire)
        guard age < Int64(entries.count), age < next else { return nil }
        return next - 1 - age
    }

    /// The least seen, forgotten by a tenth of the difference at each feedback.
    private mutating func noteRoundTrip(_ sample: Duration) {
        guard let last = roundTrip else {
            roundTrip = sample
            return
        }
        roundTrip = sample < last ? sample : last + (sample - last) / 10
    }

    /// Continues the 24 bits of the reference time past their wrap, every 12 days. A jump of hours is another clock, which
    /// begins anew; so does one that was driven to where times of 64 bits end.
    private mutating func unwrap(_ time: Int32) -> Int64 {
        let last = referenceTime ?? Int64(time)
        let difference = ((time &- Int32(truncatingIfNeeded: last)) << 8) >> 8
        let result = last + Int64(difference)
        guard abs(difference) < Self.clockJump, abs(result) < Self.clockEnd else {
            referenceTime = Int64(time)
            return Int64(time)
        }
        referenceTime = max(last, result)
        return result
    }

    /// In 64 ms.
    private static let clockJump: Int32 = 100_000
    private static let clockEnd: Int64 = 1 << 34
}
