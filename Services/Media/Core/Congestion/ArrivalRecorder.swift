package import MediaSecurity

/// Notes when the packets of a publisher's transport arrived, and writes the feedback about them
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01). Owned by the participant; memory of a fixed size, and no allocation
/// per packet.
package struct ArrivalRecorder: Sendable {
    /// How many numbers are remembered. After a larger jump, either way, all before it is forgotten.
    package static let packetCount = 1_024
    /// How many numbers one feedback tells of, so that it fits in a datagram; the rest is due at once.
    package static let reportCount = 400
    /// Between two feedbacks.
    package static let interval = Duration.milliseconds(50)...Duration.milliseconds(250)
    /// What share of the bandwidth received feedback may take.
    package static let bandwidthShare = 0.05
    /// IPv4, UDP, SRTCP and the fixed part of a feedback.
    private static let overheadByteCount = 70

    /// When each number's packet arrived, in 250 µs, by the number modulo ``packetCount``; `absent` if it did not.
    private var arrivals = [Int64](repeating: Self.absent, count: Self.packetCount)
    private static let absent = Int64.min
    private var unwrapper = SequenceUnwrapper()
    /// The first number that the next feedback tells of.
    private var base: Int64 = 0
    private var highest: Int64?
    private var pendingCount = 0
    private var pendingByteCount = 0
    private var lastFeedback: MediaTime?
    private var currentInterval = Self.interval.lowerBound
    private var feedbackCount: UInt8 = 0
    /// For each packet that is being written, how its time is told (0, 1 or 2 bytes), and the time.
    private var symbols: [UInt8] = []
    private var deltas: [Int16] = []

    /// Nothing arrived yet.
    package init() {
        symbols.reserveCapacity(Self.reportCount)
        deltas.reserveCapacity(Self.reportCount)
    }

    /// A packet arrived.
    ///
    /// - Parameters:
    ///   - sequence: its transport-wide number.
    ///   - byteCount: its size, by which the time between feedbacks is chosen.
    package mutating func receive(_ sequence: UInt16, byteCount: Int, now: MediaTime) {
        let number = unwrapper.unwrap(sequence)
        if lastFeedback == nil { lastFeedback = now }
        guard let last = highest, abs(number - last) < Int64(Self.packetCount) else {
            forgetAll(beginningAt: number)
            note(number, byteCount: byteCount, now: now)
            return
        }
        if number > last {
            for skipped in (last + 1)...number { arrivals[Self.index(skipped)] = Self.absent }
            highest = number
            base = max(base, number - Int64(Self.packetCount) + 1)
        } else {
            // One that comes late is told again together with what follows; the sender knows the others already.
            guard last - number < Int64(Self.packetCount) / 2, arrivals[Self.index(number)] == Self.absent else {
                return
            }
            base = min(base, number)
        }
        note(number, byteCount: byteCount, now: now)
    }

    /// When feedback is due; `nil` while there is nothing to tell.
    package var due: MediaTime? {
        guard pendingCount > 0, let lastFeedback else { return nil }
        return pendingCount >= Self.reportCount ? lastFeedback : lastFeedback + currentInterval
    }

    /// Appends one feedback packet, if it is due. Call again until it answers `false`.
    ///
    /// - Parameters:
    ///   - ssrc: in whose name it is sent.
    ///   - media: any SSRC of the publisher.
    ///   - bytes: a compound of RTCP that it is appended to; at most 1,100 bytes.
    /// - Returns: whether something was appended.
    package mutating func write(now: MediaTime, sender ssrc: UInt32, media: UInt32, into bytes: inout [UInt8]) -> Bool {
        guard let due, now >= due, let highest, let lastFeedback else { return false }
        while base < highest, arrivals[Self.index(base)] == Self.absent, base < highest - Int64(Self.reportCount) {
            base += 1
        }
        guard let first = firstArrival(highest) else { return false }
        let reference = first >> 8
        collect(from: reference << 8, through: highest)
        let start = bytes.count
        writeHeader(ssrc, media, reference, into: &bytes)
        StatusChunkWriter.write(symbols, into: &bytes)
        writeDeltas(into: &bytes)
        while (bytes.count - start) % 4 != 0 { bytes.append(0) }
        bytes.overwrite(UInt16((bytes.count - start) / 4 - 1), at: start + 2)
        base += Int64(symbols.count)
        pace(written: bytes.count - start, after: now - lastFeedback)
        if base > highest {
            self.lastFeedback = now
            (pendingCount, pendingByteCount) = (0, 0)
        }
        return true
    }

    private static func index(_ number: Int64) -> Int { Int(number & Int64(packetCount - 1)) }

    private mutating func note(_ number: Int64, byteCount: Int, now: MediaTime) {
        arrivals[Self.index(number)] = now.nanoseconds / 250_000
        pendingCount += 1
        pendingByteCount += byteCount
    }

    private mutating func forgetAll(beginningAt number: Int64) {
        for index in arrivals.indices { arrivals[index] = Self.absent }
        (base, highest, pendingCount, pendingByteCount) = (number, number, 0, 0)
    }

    private func firstArrival(_ highest: Int64) -> Int64? {
        for number in base...max(base, highest) where arrivals[Self.index(number)] != Self.absent {
            return arrivals[Self.index(number)]
        }
        return nil
    }

    /// Fills `symbols` and `deltas` from the base on, up to a packet whose time is too far from the one before.
    private mutating func collect(from origin: Int64, through highest: Int64) {
        symbols.removeAll(keepingCapacity: true)
        deltas.removeAll(keepingCapacity: true)
        var last = origin
        for number in base...min(highest, base + Int64(Self.reportCount) - 1) {
            let arrival = arrivals[Self.index(number)]
            guard arrival != Self.absent else {
                symbols.append(0)
                deltas.append(0)
                continue
            }
            guard let delta = Int16(exactly: arrival - last) else { return }
            symbols.append((0...255).contains(delta) ? 1 : 2)
            deltas.append(delta)
            last = arrival
        }
    }

    private mutating func writeHeader(
        _ ssrc: UInt32, _ media: UInt32, _ reference: Int64, into bytes: inout [UInt8]
    ) {
        bytes.append(0x80 | TransportFeedback.format)
        bytes.append(RTCPType.transportFeedback)
        bytes.append(bigEndian: UInt16(0))
        bytes.append(bigEndian: ssrc)
        bytes.append(bigEndian: media)
        bytes.append(bigEndian: UInt16(truncatingIfNeeded: base))
        bytes.append(bigEndian: UInt16(symbols.count))
        bytes.append(bigEndian: UInt32(truncatingIfNeeded: reference) << 8 | UInt32(feedbackCount))
        feedbackCount &+= 1
    }

    private func writeDeltas(into bytes: inout [UInt8]) {
        for index in symbols.indices {
            switch symbols[index] {
            case 1: bytes.append(UInt8(truncatingIfNeeded: deltas[index]))
            case 2: bytes.append(bigEndian: deltas[index])
            default: break
            }
        }
    }

    /// Waits so long that feedback takes no more than its share of what is received.
    private mutating func pace(written: Int, after elapsed: Duration) {
        let received = max(Double(pendingByteCount) / max(elapsed / .seconds(1), 0.001), 1)
        let wait = Duration.seconds(Double(written + Self.overheadByteCount) / (Self.bandwidthShare * received))
        currentInterval = min(max(wait, Self.interval.lowerBound), Self.interval.upperBound)
    }
}

/// Chooses the chunks that tell of packets in the fewest bytes, one after the other.
enum StatusChunkWriter {
    static func write(_ symbols: [UInt8], into bytes: inout [UInt8]) {
        var index = 0
        while index < symbols.count {
            let rest = symbols.count - index
            let run = runLength(symbols, index)
            let isNarrow = !symbols[index..<(index + min(rest, StatusChunk.narrowCount))].contains(2)
            let vectorCount = isNarrow ? StatusChunk.narrowCount : StatusChunk.wideCount
            if run >= min(vectorCount, rest) {
                bytes.append(bigEndian: UInt16(symbols[index]) << 13 | UInt16(run))
                index += run
            } else {
                bytes.append(bigEndian: vector(symbols, index, isNarrow: isNarrow))
                index += min(vectorCount, rest)
            }
        }
    }

    private static func runLength(_ symbols: [UInt8], _ start: Int) -> Int {
        var end = start + 1
        while end < symbols.count, symbols[end] == symbols[start], end - start < StatusChunk.runLimit { end += 1 }
        return end - start
    }

    /// What is beyond the end counts as not received.
    private static func vector(_ symbols: [UInt8], _ start: Int, isNarrow: Bool) -> UInt16 {
        let (count, width) = isNarrow ? (StatusChunk.narrowCount, 1) : (StatusChunk.wideCount, 2)
        var bits: UInt16 = 0
        for index in start..<(start + count) {
            bits = bits << UInt16(width) | UInt16(index < symbols.count ? symbols[index] : 0)
        }
        return bits | (isNarrow ? 0x8000 : 0xC000)
    }
}
