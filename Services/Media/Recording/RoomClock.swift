import MediaSecurity

/// Turns the timestamps of all streams of a recording into times since it began, so that they line up: those of one person
/// by the clock that the sender reports name, so that lips and words agree, those of different people by when they arrived.
///
/// A person's clock is laid on the node's at the least delay seen: packets are late, never early. As the two clocks drift
/// apart by up to ``drift``, that moves along.
struct RoomClock: Sendable {
    /// How much faster than the node's clock another may be.
    private static let drift = 200.0 / 1_000_000

    /// A stream's timestamp and the sender's clock at one moment (RFC 3550 §6.4.1).
    private struct Report {
        /// Nanoseconds of the sender's clock, from any origin.
        let time: Int64
        let timestamp: UInt32
    }

    private struct Stream {
        let clockRate: Int64
        let owner: UInt64
        /// Until there is a report: the first packet's timestamp and arrival.
        var first: (timestamp: UInt32, arrival: Int64)
        var report: Report?
    }

    /// Node's clock less the person's.
    private struct Owner {
        var offset: Int64
        var seenAt: Int64
    }

    private let origin: Int64
    private var streams: [UInt32: Stream] = [:]
    private var owners: [UInt64: Owner] = [:]

    /// - Parameter origin: when the recording began, by the clock of arrivals.
    init(origin: MediaTime) { self.origin = origin.nanoseconds }

    /// A sender report of a stream.
    /// - Parameter ntp: seconds since 1900 in the upper half, 2^-32 s in the lower.
    mutating func receive(ntp: UInt64, timestamp: UInt32, of ssrc: UInt32, owner: UInt64, clockRate: Int64) {
        // 2036 wraps the seconds; a recording that goes over it is worth less than this line.
        let seconds = Int64(ntp >> 32) * 1_000_000_000
        let report = Report(time: seconds + Int64(((ntp & 0xFFFF_FFFF) * 1_000_000_000) >> 32), timestamp: timestamp)
        if streams[ssrc] == nil {
            streams[ssrc] = Stream(clockRate: clockRate, owner: owner, first: (timestamp, .min), report: report)
        } else {
            streams[ssrc]?.report = report
        }
    }

    /// When a packet's content was captured, since the recording began; never negative.
    mutating func time(
        of timestamp: UInt32, ssrc: UInt32, owner: UInt64, clockRate: Int64, arrival: MediaTime
    ) -> Duration {
        var stream =
            streams[ssrc]
            ?? Stream(clockRate: clockRate, owner: owner, first: (timestamp, arrival.nanoseconds), report: nil)
        if stream.first.arrival == .min { stream.first = (timestamp, arrival.nanoseconds) }
        defer { streams[ssrc] = stream }
        let captured: Int64
        if let report = stream.report {
            let senderTime = report.time + Self.elapsed(from: report.timestamp, to: timestamp, clockRate)
            captured = senderTime + offset(of: owner, sample: arrival.nanoseconds - senderTime, arrival.nanoseconds)
        } else {
            captured = stream.first.arrival + Self.elapsed(from: stream.first.timestamp, to: timestamp, clockRate)
        }
        return .nanoseconds(max(0, captured - origin))
    }

    private mutating func offset(of id: UInt64, sample: Int64, _ now: Int64) -> Int64 {
        guard var owner = owners[id] else {
            owners[id] = Owner(offset: sample, seenAt: now)
            return sample
        }
        let crept = owner.offset + Int64(Double(max(0, now - owner.seenAt)) * Self.drift)
        owner.offset = min(sample, crept)
        owner.seenAt = max(owner.seenAt, now)
        owners[id] = owner
        return owner.offset
    }

    /// Nanoseconds between two timestamps less than half their range apart: 6.6 h at 90 kHz.
    private static func elapsed(from first: UInt32, to second: UInt32, _ clockRate: Int64) -> Int64 {
        Int64(Int32(bitPattern: second &- first)) * 1_000_000_000 / clockRate
    }
}
