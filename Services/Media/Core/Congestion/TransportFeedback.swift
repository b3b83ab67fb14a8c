/// One RTCP packet of transport-wide feedback: which packets of a transport arrived, and when
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1). It holds offsets into the compound it was read from, and so
/// nothing is copied.
///
/// | offset | size | after the RTCP header (type 205, format 15) |
/// |---|---|---|
/// | 0 | 4 | SSRC of the sender of this packet |
/// | 4 | 4 | SSRC of a media source |
/// | 8 | 2 | base sequence number |
/// | 10 | 2 | how many packets are told of |
/// | 12 | 3 | reference time in 64 ms, signed |
/// | 15 | 1 | number of this feedback, modulo 256 |
/// | 16 | 2 each | chunks: a run length, or a vector of 14 one-bit or 7 two-bit symbols |
/// | | 1 or 2 each | for each packet that arrived, the time since the one before (the first: since the reference) in 250 µs |
/// | | 0–3 | zeros up to a whole word |
package struct TransportFeedback: Hashable, Sendable {
    /// What the reference time counts.
    package static let referenceUnit = Duration.milliseconds(64)
    /// What the times between packets count.
    package static let deltaUnit = Duration.microseconds(250)
    /// Feedback about more packets is malformed: nobody waits so long, and a few bytes would cost much time.
    package static let packetLimit = 8_192
    /// With RTCP type 205.
    static let format: UInt8 = 15
    /// Bytes before the first chunk, after the RTCP header.
    static let fixedByteCount = 16
    /// 64 ms in 250 µs.
    static let ticksOfReference: Int64 = 256

    /// The SSRC that sends this feedback.
    package let sender: UInt32
    /// An SSRC of the transport reported on; which one means nothing.
    package let media: UInt32
    /// The transport-wide sequence number of the first packet told of.
    package let baseSequence: UInt16
    /// How many consecutive numbers from the base on are told of, at most ``packetLimit``.
    package let packetCount: Int
    /// Of the receiver's clock, in ``referenceUnit``: 24 bits with sign, it wraps.
    package let referenceTime: Int32
    /// Counts the feedback packets modulo 256, so that a lost one is noticed.
    package let feedbackCount: UInt8

    private let chunks: Int
    private let deltas: Int

    /// Gives the feedback packets of a compound in their order; RTCP of other types is passed over.
    ///
    /// - Returns: `false` when the compound or a feedback packet in it is malformed; what was given before stands.
    @discardableResult
    package static func forEach(in compound: Span<UInt8>, _ body: (TransportFeedback) -> Void) -> Bool {
        var offset = 0
        repeat {
            guard let header = RTCPHeader(compound, at: offset) else { return false }
            if header.type == RTCPType.transportFeedback, header.format == format {
                guard let feedback = TransportFeedback(compound, content: header.content) else { return false }
                body(feedback)
            }
            offset = header.end
        } while offset < compound.count
        return true
    }

    /// Reads the fixed part and checks that chunks and deltas are all there.
    private init?(_ compound: Span<UInt8>, content: Range<Int>) {
        guard content.count >= Self.fixedByteCount else { return nil }
        let start = content.lowerBound
        sender = compound.uint32(at: start)
        media = compound.uint32(at: start + 4)
        baseSequence = compound.uint16(at: start + 8)
        packetCount = Int(compound.uint16(at: start + 10))
        guard packetCount <= Self.packetLimit else { return nil }
        referenceTime = Int32(bitPattern: compound.uint24(at: start + 12) << 8) >> 8
        feedbackCount = compound[start + 15]
        chunks = start + Self.fixedByteCount
        var (offset, rest, deltaByteCount) = (chunks, packetCount, 0)
        while rest > 0 {
            guard offset + 2 <= content.upperBound else { return nil }
            let chunk = StatusChunk(compound.uint16(at: offset))
            let count = min(chunk.count, rest)
            for index in 0..<count {
                guard let byteCount = chunk.deltaByteCount(at: index) else { return nil }
                deltaByteCount += byteCount
                if chunk.isRun {
                    deltaByteCount += byteCount * (count - 1)
                    break
                }
            }
            rest -= count
            offset += 2
        }
        guard offset + deltaByteCount <= content.upperBound else { return nil }
        deltas = offset
    }

    /// Gives each packet told of, ascending from the base: its number, and when it arrived, `nil` if it did not.
    ///
    /// - Parameters:
    ///   - compound: the very bytes this was read from.
    ///   - body: the time is since the reference time; it may be negative.
    package func forEachPacket(in compound: Span<UInt8>, _ body: (_ number: UInt16, _ arrival: Duration?) -> Void) {
        forEachTick(in: compound) { number, ticks in body(number, ticks.map { .microseconds(250 * $0) }) }
    }

    /// The same with times in ``deltaUnit``.
    func forEachTick(in compound: Span<UInt8>, _ body: (_ number: UInt16, _ ticks: Int64?) -> Void) {
        var (offset, delta, number, rest) = (chunks, deltas, baseSequence, packetCount)
        var ticks: Int64 = 0
        while rest > 0 {
            let chunk = StatusChunk(compound.uint16(at: offset))
            offset += 2
            for index in 0..<min(chunk.count, rest) {
                switch chunk.deltaByteCount(at: index) {
                case 1:
                    ticks += Int64(compound[delta])
                    delta += 1
                    body(number, ticks)
                case 2:
                    ticks += Int64(Int16(bitPattern: compound.uint16(at: delta)))
                    delta += 2
                    body(number, ticks)
                default:
                    body(number, nil)
                }
                number &+= 1
            }
            rest -= min(chunk.count, rest)
        }
    }
}

/// Two bytes that tell of several packets (§3.1.3, §3.1.4 of the draft).
///
/// | bits | run length | vector |
/// |---|---|---|
/// | 15 | 0 | 1 |
/// | 14 | symbol, upper bit | 0: 14 symbols of one bit, 1: 7 symbols of two bits |
/// | 13 | symbol, lower bit | the first symbol begins |
/// | 12–0 | how many packets | the symbols that follow |
struct StatusChunk {
    /// The longest run.
    static let runLimit = 0x1FFF
    /// How many symbols a vector of one-bit symbols has: not received, or received with a small delta.
    static let narrowCount = 14
    /// How many symbols a vector of two-bit symbols has.
    static let wideCount = 7

    private let bits: UInt16

    init(_ bits: UInt16) { self.bits = bits }

    var isRun: Bool { bits & 0x8000 == 0 }

    var count: Int {
        if isRun { return Int(bits & 0x1FFF) }
        return bits & 0x4000 == 0 ? Self.narrowCount : Self.wideCount
    }

    /// 0 for a packet that did not arrive, 1 for an unsigned delta, 2 for a signed one; `nil` for the reserved symbol.
    func deltaByteCount(at index: Int) -> Int? {
        let symbol: UInt16
        if isRun {
            symbol = bits >> 13 & 3
        } else if bits & 0x4000 == 0 {
            symbol = bits >> (13 - index) & 1
        } else {
            symbol = bits >> (12 - 2 * index) & 3
        }
        return symbol == 3 ? nil : Int(symbol)
    }
}
