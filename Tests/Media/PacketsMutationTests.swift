import Foundation
import MediaCore
import Testing

/// A small generator whose runs can be repeated (SplitMix64).
struct PacketRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite("Malformed packets")
struct PacketsMutationTests {
    /// Every kind of packet in a whole form.
    private static let whole: [[UInt8]] =
        [STUNSamples.request, STUNSamples.response4, STUNSamples.response6]
        + [
            STUNWriter.error(420, to: STUNSamples.id, unknown: [0x7001, 0x7002], password: "secret"),
            STUNSamples.message("0024 0004 00000001 0025 0000 802a 0008 0000000000000001 0006 0003 613a6200"),
        ] + PacketsRTCPTests.samples.map { packetBytes($0.0) }
        + [
            PacketsRTCPTests.samples.map(\.0).joined(),
            "9060 1234 89abcdef deadbeef bede0002 10aa22b1 b2b30000 10000102",
            "b160 1234 89abcdef deadbeef 00000001 10000003 0100ff02 aabb0010 03010203 90f0ff01010100 000003",
            "90f0ff01010100", "90e00101010100", "78 0004 6742e01f 0002 68ce 0003 658800", "7c8588",
        ].map(packetBytes)

    @Test("No input, random or damaged, traps a parser or is given a range outside of it")
    func mutations() {
        let text = ProcessInfo.processInfo.environment["ROOST_TEST_SEED"]
        let seed = text.flatMap { UInt64($0) } ?? UInt64.random(in: 1...UInt64.max)
        // Before the run: a trap would take the seed with it.
        print("Malformed packets: ROOST_TEST_SEED=\(seed)")
        var random = PacketRandom(seed: seed)
        var outcome = Outcome()
        for _ in 0..<200_000 { outcome.parse(Self.input(using: &random)) }
        #expect(outcome.outside == 0, "seed \(seed)")
        // Each parser has seen what it takes and what it refuses.
        for (parser, counts) in outcome.counts {
            #expect(counts.taken > 1000 && counts.refused > 1000, "\(parser) \(counts), seed \(seed)")
        }
        #expect(outcome.counts.count == 6)
        #expect(outcome.counts["kind"].map { $0.taken + $0.refused } == 200_000)
    }

    private static func input(using random: inout PacketRandom) -> [UInt8] {
        let kind = random.next() % 8
        if kind == 0 { return noise(count: Int(random.next() % 80), using: &random) }
        var bytes = whole[Int(random.next() % UInt64(whole.count))]
        for _ in 0..<(1 + random.next() % 4) {
            let place = Int(random.next() % UInt64(bytes.count + 1))
            switch random.next() % 8 {
            case 0: bytes.removeLast(bytes.count - place)
            case 1: bytes.insert(contentsOf: noise(count: Int(random.next() % 9), using: &random), at: place)
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + 4))
            case 3 where place < bytes.count: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF][Int(random.next() % 5)]
            case _ where place < bytes.count: bytes[place] ^= 1 << UInt8(random.next() % 8)
            default: break
            }
        }
        return bytes
    }

    private static func noise(count: Int, using random: inout PacketRandom) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }
}

/// How often each parser took an input and refused one.
private struct Outcome {
    private(set) var counts: [String: (taken: Int, refused: Int)] = [:]
    /// Ranges that were not within the packet.
    private(set) var outside = 0

    mutating func parse(_ bytes: [UInt8]) {
        note("kind", DatagramKind(bytes: bytes) != .unknown)
        let message = STUNMessage(bytes: bytes)
        note("STUN", message != nil)
        if let message {
            _ = message.isAuthentic(bytes: bytes, password: STUNSamples.password)
            _ = message.isAuthentic(bytes: Array(bytes.dropLast(8)), password: STUNSamples.password)
            if message.unknownRequired.count > STUNMessage.unknownRequiredLimit { outside += 1 }
        }
        parseRTP(bytes)
        note("RTCP", RTCPPacket.forEach(in: bytes.span) { _ in })
        note("VP8", KeyFrame.isVP8(bytes: bytes))
        note("H264", KeyFrame.isH264(bytes: bytes))
    }

    private mutating func parseRTP(_ bytes: [UInt8]) {
        let header = RTPHeader(bytes: bytes)
        note("RTP", header != nil)
        guard let header else { return }
        let all = bytes.indices
        if !all.contains(header.payloadRange) || !all.contains(header.extensionRange)
            || header.payloadRange.upperBound + header.paddingByteCount != bytes.count
        {
            outside += 1
        }
        _ = header.forEachExtension(bytes: bytes) { _, content in
            if !header.extensionRange.contains(content) { outside += 1 }
        }
        let shorter = Array(bytes.dropLast(6))
        _ = header.forEachExtension(bytes: shorter) { _, content in
            if !shorter.indices.contains(content) { outside += 1 }
        }
        // What is carried is looked at as a key frame.
        let payload = Array(bytes[header.payloadRange])
        note("VP8", KeyFrame.isVP8(bytes: payload))
        note("H264", KeyFrame.isH264(bytes: payload))
    }

    private mutating func note(_ parser: String, _ isTaken: Bool) {
        if isTaken {
            counts[parser, default: (0, 0)].taken += 1
        } else {
            counts[parser, default: (0, 0)].refused += 1
        }
    }
}
