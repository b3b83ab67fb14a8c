import MediaCore
import Testing

@Suite("RTCP")
struct PacketsRTCPTests {
    static let block = ReportBlock(
        ssrc: 0x1111_2222, fractionLost: 0x40, cumulativeLost: -2, extendedHighestSequence: 0x0001_FFFE, jitter: 5,
        lastSenderReport: 0x8899_AABB, delaySinceLastSenderReport: 0x0001_0000)
    static let blockHex = "11112222 40fffffe 0001fffe 00000005 8899aabb 00010000"

    /// Bytes, and what they say.
    static let samples: [(String, [RTCPPacket])] = [
        (
            "80c8 0006 deadbeef 0102030405060708 0a0b0c0d 00000010 00000400",
            [
                .senderReport(
                    ssrc: 0xDEAD_BEEF, ntp: 0x0102_0304_0506_0708, rtpTimestamp: 0x0A0B_0C0D, packetCount: 16,
                    byteCount: 1024,
                    reports: [])
            ]
        ),
        (
            "81c8 000c deadbeef 0102030405060708 0a0b0c0d 00000010 00000400" + blockHex,
            [
                .senderReport(
                    ssrc: 0xDEAD_BEEF, ntp: 0x0102_0304_0506_0708, rtpTimestamp: 0x0A0B_0C0D, packetCount: 16,
                    byteCount: 1024,
                    reports: [block])
            ]
        ),
        ("80c9 0001 deadbeef", [.receiverReport(ssrc: 0xDEAD_BEEF, reports: [])]),
        ("82c9 000d deadbeef" + blockHex + blockHex, [.receiverReport(ssrc: 0xDEAD_BEEF, reports: [block, block])]),
        ("81cd 0003 00000001 00000002 0064 0000", [.nack(sender: 1, media: 2, sequenceNumbers: [100])]),
        (
            "81cd 0004 00000001 00000002 fffe 8003 1000 0100",
            [.nack(sender: 1, media: 2, sequenceNumbers: [65534, 65535, 0, 14, 4096, 4105])]
        ),
        ("81ce 0002 00000001 00000002", [.pictureLoss(sender: 1, media: 2)]),
        (
            "84ce 0006 00000001 00000000 00000002 05000000 00000003 06000000",
            [.fullIntra(sender: 1, media: 2), .fullIntra(sender: 1, media: 3)]
        ),
        ("82cb 0002 00000001 00000002", [.bye(ssrcs: [1, 2])]),
        ("80cb 0000", [.bye(ssrcs: [])]),
        ("8fcd 0005 00000001 00000002 00000000 00000000 00000000", [.other(type: 205, format: 15)]),
        ("81ca 0003 00000001 01026162 00000000", [.other(type: 202, format: 1)]),
    ]

    @Test("A packet says what its bytes say", arguments: samples)
    func single(hex: String, expected: [RTCPPacket]) {
        #expect(packets(of: packetBytes(hex)) == expected)
    }

    @Test("A compound gives all of its packets in order")
    func compound() {
        let all = Self.samples.map(\.0).joined()
        #expect(packets(of: packetBytes(all)) == Self.samples.flatMap(\.1))
        #expect(DatagramKind(bytes: packetBytes(all)) == .rtcp)
    }

    @Test(
        "Padding is left out, of any length and in any packet, and what a report has behind its blocks is passed over")
    func tolerance() {
        #expect(packets(of: packetBytes("a0c9 0002 00000001 00000004")) == [.receiverReport(ssrc: 1, reports: [])])
        #expect(
            packets(of: packetBytes("80c9 0001 00000001 a1cd 0005 00000001 00000002 00640000 00000000 00000008"))
                == [.receiverReport(ssrc: 1, reports: []), .nack(sender: 1, media: 2, sequenceNumbers: [100])])
        #expect(
            packets(of: packetBytes("a0c9 0002 00000001 00000004 80c9 0001 00000002"))
                == [.receiverReport(ssrc: 1, reports: []), .receiverReport(ssrc: 2, reports: [])])
        for padding in 1...4 {
            let filled = "a1cd 0004 00000001 00000002 0064 0000 0000000\(padding)"
            #expect(packets(of: packetBytes(filled)) == [.nack(sender: 1, media: 2, sequenceNumbers: [100])])
        }
        #expect(packets(of: packetBytes("80c9 0002 00000001 ffffffff")) == [.receiverReport(ssrc: 1, reports: [])])
        #expect(packets(of: packetBytes("81cb 0002 00000001 02627965")) == [.bye(ssrcs: [1])])
    }

    @Test(
        "A malformed compound is refused",
        arguments: [
            ("nothing", ""), ("3 bytes", "80c900"), ("version 1", "40c9 0001 00000001"),
            ("a length beyond the datagram", "80c9 0002 00000001"),
            ("bytes behind the last packet", "80c9 0001 00000001 80c9"),
            ("a sender report without its content", "80c8 0001 00000001"),
            ("a receiver report without its source", "80c9 0000"),
            ("a block that is not there", "81c9 0001 00000001"),
            ("a goodbye without its sources", "82cb 0001 00000001"),
            ("a NACK without a number", "81cd 0002 00000001 00000002"),
            ("a picture loss without a source", "81ce 0001 00000001"),
            ("a full intra request without an entry", "84ce 0002 00000001 00000000"),
            ("half an entry", "84ce 0005 00000001 00000000 00000002 05000000 00000003"),
            ("padding of 0 bytes", "a0c9 0002 00000001 00000000"),
            ("padding into the header", "a0c9 0002 00000001 0000000c"),
            ("padding in place of the content", "a1ce 0002 00000001 00000004"),
        ])
    func malformed(what: String, hex: String) {
        #expect(packets(of: packetBytes(hex)) == nil, "\(what)")
    }

    @Test("What stands before the fault was given")
    func partial() {
        var given: [RTCPPacket] = []
        let bytes = packetBytes("81ce 0002 00000001 00000002 80c9 0009")
        #expect(!RTCPPacket.forEach(in: bytes.span) { given.append($0) })
        #expect(given == [.pictureLoss(sender: 1, media: 2)])
    }

    @Test("The writer makes these bytes")
    func written() {
        var writer = RTCPWriter()
        writer.senderReport(
            ssrc: 0xDEAD_BEEF, ntp: 0x0102_0304_0506_0708, rtpTimestamp: 0x0A0B_0C0D, packetCount: 16, byteCount: 1024,
            reports: [Self.block])
        writer.receiverReport(ssrc: 0xDEAD_BEEF, reports: [])
        writer.receiverReport(ssrc: 0xDEAD_BEEF, reports: [Self.block, Self.block])
        writer.sourceDescription(ssrc: 1, cname: "ab")
        writer.nack(sender: 1, media: 2, sequenceNumbers: [65534, 65535, 0, 14, 4096, 4105])
        writer.nack(sender: 1, media: 2, sequenceNumbers: [])
        writer.pictureLoss(sender: 1, media: 2)
        writer.fullIntra(sender: 1, media: 2, number: 5)
        writer.goodbye(ssrc: 1)
        let expected = [
            Self.samples[1].0, Self.samples[2].0, Self.samples[3].0, Self.samples[11].0, Self.samples[5].0,
            Self.samples[6].0, "84ce 0004 00000001 00000000 00000002 05000000", "81cb 0001 00000001",
        ]
        #expect(writer.bytes == packetBytes(expected.joined()))
        writer.removeAll(keepingCapacity: true)
        #expect(writer.bytes.isEmpty)
    }

    @Test("More than 31 report blocks go on in further reports", arguments: [31, 32, 62, 63])
    func manyBlocks(count: Int) throws {
        let blocks = (0..<count).map { index in
            ReportBlock(
                ssrc: UInt32(index), fractionLost: UInt8(index), cumulativeLost: Int32(-index),
                extendedHighestSequence: 0, jitter: 0, lastSenderReport: 0, delaySinceLastSenderReport: 0)
        }
        var writer = RTCPWriter()
        writer.senderReport(ssrc: 9, ntp: 0, rtpTimestamp: 0, packetCount: 0, byteCount: 0, reports: blocks)
        let sent = try #require(packets(of: writer.bytes))
        writer.removeAll(keepingCapacity: false)
        writer.receiverReport(ssrc: 9, reports: blocks)
        let received = try #require(packets(of: writer.bytes))
        for list in [sent, received] {
            #expect(list.count == (count + 30) / 31)
            let all = list.flatMap { packet -> [ReportBlock] in
                switch packet {
                case .senderReport(9, _, _, _, _, let reports), .receiverReport(9, let reports): reports
                default: []
                }
            }
            #expect(all == blocks)
        }
    }

    @Test(
        "The number of lost packets saturates at 24 bits with sign",
        arguments: [
            (Int32.max, 0x7F_FFFF), (Int32.min, -0x80_0000), (0x7F_FFFF, 0x7F_FFFF), (-0x80_0000, -0x80_0000), (-1, -1),
            (0, 0),
        ] as [(Int32, Int32)])
    func lost(count: Int32, told: Int32) {
        let block = ReportBlock(
            ssrc: 1, fractionLost: 0xFF, cumulativeLost: count, extendedHighestSequence: .max, jitter: .max,
            lastSenderReport: .max, delaySinceLastSenderReport: .max)
        #expect(block.cumulativeLost == told)
        var writer = RTCPWriter()
        writer.receiverReport(ssrc: 1, reports: [block])
        #expect(packets(of: writer.bytes) == [.receiverReport(ssrc: 1, reports: [block])])
    }

    @Test("A source description is whole words and its name ends with a zero", arguments: Array(0...9) + [254, 255])
    func sourceDescription(count: Int) {
        var writer = RTCPWriter()
        writer.sourceDescription(ssrc: 7, cname: String(repeating: "n", count: count))
        writer.goodbye(ssrc: 7)
        #expect(packets(of: writer.bytes) == [.other(type: 202, format: 1), .bye(ssrcs: [7])])
        let chunk = writer.bytes[4..<(writer.bytes.count - 8)]
        #expect(Array(chunk.prefix(6)) == [0, 0, 0, 7, 1, UInt8(count)])
        #expect(chunk.dropFirst(6).prefix(count).allSatisfy { $0 == UInt8(ascii: "n") })
        let zeros = chunk.dropFirst(6 + count)
        #expect(1...4 ~= zeros.count && zeros.allSatisfy { $0 == 0 })
    }

    @Test("A NACK names exactly the numbers it was given, close ones in four bytes", arguments: 1...100)
    func nack(seed: UInt64) {
        var random = PacketRandom(seed: seed)
        var place = Int64.random(in: 0...65535, using: &random)
        let numbers = (0..<Int.random(in: 1...200, using: &random)).map { _ in
            place += Int64.random(in: 1...[2, 20, 300][Int.random(in: 0...2, using: &random)], using: &random)
            return UInt16(truncatingIfNeeded: place)
        }
        var writer = RTCPWriter()
        writer.nack(sender: 1, media: 2, sequenceNumbers: numbers)
        #expect(
            packets(of: writer.bytes) == [.nack(sender: 1, media: 2, sequenceNumbers: numbers)], "seed \(seed)")
    }

    @Test("17 numbers in a row are one entry, an 18th is a second")
    func nackSize() {
        for (count, size) in [(1, 16), (17, 16), (18, 20), (34, 20), (35, 24)] {
            var writer = RTCPWriter()
            writer.nack(sender: 1, media: 2, sequenceNumbers: (0..<count).map { 65530 &+ UInt16($0) })
            #expect(writer.bytes.count == size, "\(count)")
        }
        var writer = RTCPWriter()
        writer.nack(sender: 1, media: 2, sequenceNumbers: [5, 5, 5])
        #expect(packets(of: writer.bytes) == [.nack(sender: 1, media: 2, sequenceNumbers: [5])])
    }
}
