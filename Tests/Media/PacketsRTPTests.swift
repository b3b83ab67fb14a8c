import MediaCore
import Testing

@Suite("RTP")
struct PacketsRTPTests {
    /// What a header says, in a form to compare.
    struct Expected: CustomStringConvertible {
        let description: String
        let hex: String
        var marker = false
        var payloadType: UInt8 = 96
        var profile: UInt16 = 0
        var content = 12..<12
        let payload: Range<Int>
        var padding = 0
    }

    @Test(
        "A header is read in place",
        arguments: [
            Expected(description: "plain", hex: "8060 1234 89abcdef deadbeef 010203", payload: 12..<15),
            Expected(description: "without payload", hex: "8060 1234 89abcdef deadbeef", payload: 12..<12),
            Expected(
                description: "with marker", hex: "80ef 1234 89abcdef deadbeef 01", marker: true, payloadType: 111,
                payload: 12..<13),
            Expected(
                description: "with two contributing sources",
                hex: "8260 1234 89abcdef deadbeef 00000001 00000002 aabb", content: 20..<20, payload: 20..<22),
            Expected(
                description: "with an extension", hex: "9060 1234 89abcdef deadbeef bede0001 10010000 aabb",
                profile: 0xBEDE, content: 16..<20, payload: 20..<22),
            Expected(
                description: "with an empty extension", hex: "9060 1234 89abcdef deadbeef 10000000 aabb",
                profile: 0x1000, content: 16..<16, payload: 16..<18),
            Expected(
                description: "with padding", hex: "a060 1234 89abcdef deadbeef aabb 000003", payload: 12..<14,
                padding: 3),
            Expected(
                description: "of padding alone", hex: "a060 1234 89abcdef deadbeef 00000004", payload: 12..<12,
                padding: 4),
            Expected(
                description: "with all of it",
                hex: "b160 1234 89abcdef deadbeef 00000001 bede0001 10010000 aabb 01", profile: 0xBEDE,
                content: 20..<24,
                payload: 24..<26, padding: 1),
        ])
    func header(expected: Expected) throws {
        let bytes = packetBytes(expected.hex)
        let header = try #require(RTPHeader(bytes: bytes))
        #expect(header.hasMarker == expected.marker && header.payloadType == expected.payloadType)
        #expect(header.sequenceNumber == 0x1234 && header.timestamp == 0x89AB_CDEF && header.ssrc == 0xDEAD_BEEF)
        #expect(header.extensionProfile == expected.profile && header.extensionRange == expected.content)
        #expect(header.payloadRange == expected.payload && header.paddingByteCount == expected.padding)
        #expect(header.headerByteCount == expected.payload.lowerBound)
        #expect(DatagramKind(bytes: bytes) == .rtp)
    }

    @Test(
        "A malformed packet is refused",
        arguments: [
            ("nothing", ""), ("11 bytes", "8060 1234 89abcdef deadbe"),
            ("version 1", "4060 1234 89abcdef deadbeef 00"), ("version 3", "c060 1234 89abcdef deadbeef 00"),
            ("contributing sources that are not there", "8160 1234 89abcdef deadbeef 000000"),
            ("an extension without its head", "9060 1234 89abcdef deadbeef bede00"),
            ("an extension that leaves the packet", "9060 1234 89abcdef deadbeef bede0002 10010000 aabb"),
            ("padding of 0 bytes", "a060 1234 89abcdef deadbeef aabb00"),
            ("padding into the header", "a060 1234 89abcdef deadbeef aabb04"),
            ("padding without a byte behind the header", "a060 1234 89abcdef deadbe01"),
        ])
    func malformed(what: String, hex: String) {
        #expect(RTPHeader(bytes: packetBytes(hex)) == nil, "\(what)")
    }

    @Test(
        "The elements of an extension are given in order",
        arguments: [
            ("one-byte", "bede 0002 10 aa 22 b1b2b3 00 00", ["1: aa", "2: b1b2b3"], true),
            ("one-byte with padding between", "bede 0002 00 10 aa 00 00 e0 bb 00", ["1: aa", "14: bb"], true),
            (
                "one-byte of 16 bytes", "bede 0005 3f 000102030405060708090a0b0c0d0e0f 000000",
                ["3: 000102030405060708090a0b0c0d0e0f"], true
            ),
            ("one-byte ended by id 15", "bede 0002 10 aa f0 bb 20 cc 00 00", ["1: aa"], true),
            ("one-byte ended by id 0 with a length", "bede 0002 10 aa 01 bbbb 20 cc 00", ["1: aa"], true),
            ("one-byte that leaves the extension", "bede 0001 10 aa 21 bb", ["1: aa"], false),
            ("two-byte", "1000 0003 01 00 ff 02 aabb 00 10 03 010203 00", ["1: ", "255: aabb", "16: 010203"], true),
            ("two-byte with app bits", "100f 0001 01 01 aa 00", ["1: aa"], true),
            ("two-byte that leaves the extension", "1000 0001 01 00 02 01", ["1: "], false),
            ("two-byte without a length", "1000 0001 01 01 aa 02", ["1: aa"], false),
            ("another profile", "2000 0001 10aa0000", [], true),
            ("empty", "bede 0000", [], true),
        ])
    func elements(what: String, hex: String, expected: [String], isWellFormed: Bool) throws {
        let bytes = packetBytes("9060 1234 89abcdef deadbeef" + hex + "ffff")
        let header = try #require(RTPHeader(bytes: bytes))
        var elements: [String] = []
        let result = header.forEachExtension(bytes: bytes) { id, content in
            let hex = bytes[content].map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
            elements.append("\(id): \(hex.joined())")
        }
        #expect(elements == expected, "\(what)")
        #expect(result == isWellFormed, "\(what)")
    }

    @Test("A packet without extension has no elements, and one shorter than the header's is refused")
    func noElements() throws {
        let plain = packetBytes("8060 1234 89abcdef deadbeef 10aa")
        #expect(try #require(RTPHeader(bytes: plain)).forEachExtension(bytes: plain) { _, _ in Issue.record() })
        let extended = packetBytes("9060 1234 89abcdef deadbeef bede0001 10aa0000")
        let header = try #require(RTPHeader(bytes: extended))
        #expect(!header.forEachExtension(bytes: plain) { _, _ in Issue.record() })
    }

    @Test(
        "Sequence numbers go on past their wrap, and back before it",
        arguments: [
            ([65534, 65535, 0, 1], [65534, 65535, 65536, 65537]), ([0, 65535, 1], [0, -1, 1]),
            ([1, 0, 65535, 65534], [1, 0, -1, -2]), ([0, 32767, 65534, 32765], [0, 32767, 65534, 98301]),
            ([0, 32768], [0, -32768]), ([40000, 40000], [40000, 40000]),
        ] as [([UInt16], [Int64])])
    func sequence(numbers: [UInt16], expected: [Int64]) {
        var unwrapper = SequenceUnwrapper()
        #expect(numbers.map { unwrapper.unwrap($0) } == expected)
    }

    @Test("Timestamps go on past their wrap, and back before it")
    func timestamp() {
        var unwrapper = TimestampUnwrapper()
        let ticks: [UInt32] = [0xFFFF_F000, 0xFFFF_FFFF, 0x0000_0BB8, 0xFFFF_FFFE, 0x8000_0000, 0x0000_0000]
        let expected: [Int64] = [
            0xFFFF_F000, 0xFFFF_FFFF, 0x1_0000_0BB8, 0xFFFF_FFFE, 0x8000_0000, 0,
        ]
        #expect(ticks.map { unwrapper.unwrap($0) } == expected)
    }

    @Test("Unwrapping follows a stream over many wraps whatever the reordering within half a range", arguments: 1...20)
    func longSequence(seed: UInt64) {
        var random = PacketRandom(seed: seed)
        var (sequence, timestamp) = (SequenceUnwrapper(), TimestampUnwrapper())
        var place = Int64(UInt16.random(in: 0...UInt16.max, using: &random))
        var ticks = Int64(UInt32.random(in: 0...UInt32.max, using: &random))
        #expect(sequence.unwrap(UInt16(place)) == place && timestamp.unwrap(UInt32(ticks)) == ticks)
        for _ in 0..<2000 {
            place += Int64.random(in: -1000...3000, using: &random)
            ticks += Int64.random(in: -100_000_000...2_000_000_000, using: &random)
            #expect(sequence.unwrap(UInt16(truncatingIfNeeded: place)) == place, "seed \(seed)")
            #expect(timestamp.unwrap(UInt32(truncatingIfNeeded: ticks)) == ticks, "seed \(seed)")
        }
    }

    @Test("The audio level is seven bits, voice the eighth")
    func audioLevel() {
        #expect(AudioLevel(byte: 0x00).level == 0 && !AudioLevel(byte: 0x00).hasVoice)
        #expect(AudioLevel(byte: 0xFF).level == 127 && AudioLevel(byte: 0xFF).hasVoice)
        #expect(AudioLevel(byte: 0x9E).level == 30 && AudioLevel(byte: 0x9E).hasVoice)
    }
}
