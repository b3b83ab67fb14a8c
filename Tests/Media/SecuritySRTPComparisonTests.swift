import MediaPeer
import MediaSecurity
import Testing

/// What this module does with packets is compared with what libsrtp2 does, byte for byte, over seeded random histories.
@Suite("SRTP beside libsrtp2", .serialized)
struct SecuritySRTPComparisonTests {
    private typealias Transform = (SRTPSession) -> (UnsafeMutableRawBufferPointer, Int) -> Int?

    private static func protection(isReport: Bool) -> Transform {
        if isReport { { $0.protectRTCP } } else { { $0.protectRTP } }
    }

    private static func opening(isReport: Bool) -> Transform {
        if isReport { { $0.unprotectRTCP } } else { { $0.unprotectRTP } }
    }

    /// The same session by both implementations.
    private struct Pair {
        let own: SRTPSession
        let library: SRTPSession

        init(_ profile: SRTPProfile, local: UInt8, remote: UInt8) throws {
            let count = profile.keyByteCount + profile.saltByteCount
            let keys = SRTPKeys(
                profile: profile, local: (0..<count).map { UInt8($0) &* 7 &+ local },
                remote: (0..<count).map { UInt8($0) &* 7 &+ remote })
            own = try SRTPSession(keys: keys, implementation: .openSSL)
            library = try SRTPSession(keys: keys, implementation: .library)
        }

        /// What both make of a copy of the bytes.
        func run(_ transform: Transform, _ bytes: [UInt8]) -> (own: [UInt8]?, library: [UInt8]?) {
            (Self.run(transform(own), bytes), Self.run(transform(library), bytes))
        }

        private static func run(
            _ transform: (UnsafeMutableRawBufferPointer, Int) -> Int?, _ bytes: [UInt8]
        ) -> [UInt8]? {
            var buffer = bytes + [UInt8](repeating: 0xEE, count: SRTPSession.trailingByteCount)
            guard let count = buffer.withUnsafeMutableBytes({ transform($0, bytes.count) }) else { return nil }
            return Array(buffer.prefix(count))
        }
    }

    /// Packets of several streams: contributing sources, header extensions, payloads from none to 1,200 bytes.
    private struct Traffic {
        var random: SplitMix64
        /// By stream; streams begin in the first half of the cycle, as RFC 3711 has it.
        var sequences: [UInt64]

        init(seed: UInt64, streamCount: Int) {
            random = SplitMix64(seed: seed)
            sequences = []
            for _ in 0..<streamCount { sequences.append(.random(in: 0..<0x8000, using: &random)) }
        }

        mutating func bytes(_ count: Int) -> [UInt8] {
            (0..<count).map { _ in .random(in: 0...255, using: &random) }
        }

        /// - Parameter jump: by how much the stream's number grows at most; it may also step back for this packet.
        mutating func packet(stream: Int, jump: UInt64, back: UInt64) -> [UInt8] {
            sequences[stream] += .random(in: 0...jump, using: &random)
            let number = UInt16(
                truncatingIfNeeded: sequences[stream] &- min(.random(in: 0...back, using: &random), sequences[stream]))
            let sourceCount = random.chance(0.2) ? Int.random(in: 1...15, using: &random) : 0
            let hasExtension = random.chance(0.5)
            var packet = [0x80 | (hasExtension ? 0x10 : 0) | UInt8(sourceCount), .random(in: 0...255, using: &random)]
            packet += [UInt8(number >> 8), UInt8(number & 0xFF)] + bytes(4) + [0xAB, 0, 0, UInt8(stream)]
            packet += bytes(4 * sourceCount)
            if hasExtension {
                let words = Int.random(in: 0...5, using: &random)
                packet += [0xBE, 0xDE, 0, UInt8(words)] + bytes(4 * words)
            }
            return packet + bytes(random.chance(0.1) ? 0 : Int.random(in: 0...1200, using: &random))
        }

        mutating func report(stream: Int) -> [UInt8] {
            let words = Int.random(in: 1...60, using: &random)
            return [0x80, 200, 0, UInt8(words), 0xAB, 0, 0, UInt8(stream)] + bytes(4 * (words - 1))
        }
    }

    @Test("Packets and reports get the same bytes", arguments: SRTPProfile.allCases, [1, 2, 3] as [UInt64])
    func protection(profile: SRTPProfile, seed: UInt64) throws {
        let pair = try Pair(profile, local: 1, remote: 99)
        var traffic = Traffic(seed: seed, streamCount: 5)
        for round in 0..<3000 {
            let stream = Int.random(in: 0..<5, using: &traffic.random)
            // Steps back of more than the window are refused by both.
            let packet = traffic.packet(stream: stream, jump: 60, back: round.isMultiple(of: 7) ? 1500 : 0)
            let (own, library) = pair.run({ $0.protectRTP }, packet)
            #expect(own == library, "seed \(seed), packet \(round)")
            let report = traffic.report(stream: stream)
            let (ownReport, libraryReport) = pair.run({ $0.protectRTCP }, report)
            #expect(ownReport != nil && ownReport == libraryReport, "seed \(seed), report \(round)")
        }
    }

    @Test("Sequence numbers and the roll-over counter wrap alike, on both ways", arguments: SRTPProfile.allCases)
    func rollOver(profile: SRTPProfile) throws {
        let sender = try Pair(profile, local: 1, remote: 99)
        let receiver = try Pair(profile, local: 99, remote: 1)
        var traffic = Traffic(seed: 4, streamCount: 1)
        for round in 0..<1000 {
            traffic.sequences[0] += 0x7000
            let packet = traffic.packet(stream: 0, jump: 0x800, back: round.isMultiple(of: 3) ? 900 : 0)
            let (own, library) = sender.run({ $0.protectRTP }, packet)
            #expect(own == library, "packet \(round)")
            let protected = try #require(library)
            let (plain, plainOfLibrary) = receiver.run({ $0.unprotectRTP }, protected)
            #expect(plain == packet && plainOfLibrary == packet, "packet \(round)")
        }
        #expect(traffic.sequences[0] >> 16 > 400)
    }

    @Test(
        "Replays, forgeries, wrong keys, old and cut packets have the same fate",
        arguments: SRTPProfile.allCases, [5, 6, 7] as [UInt64])
    func adversary(profile: SRTPProfile, seed: UInt64) throws {
        let sender = try Pair(profile, local: 1, remote: 99)
        let stranger = try Pair(profile, local: 2, remote: 99)
        let receiver = try Pair(profile, local: 99, remote: 1)
        // More streams than are accepted.
        var traffic = Traffic(seed: seed, streamCount: SRTPSession.inboundStreamCount + 20)
        var sent: [(bytes: [UInt8], isReport: Bool)] = []
        var acceptedCount = 0
        for round in 0..<6000 {
            let stream = Int.random(in: 0..<min(3 + round / 30, traffic.sequences.count), using: &traffic.random)
            let isReport = traffic.random.chance(0.3)
            let plain = isReport ? traffic.report(stream: stream) : traffic.packet(stream: stream, jump: 400, back: 30)
            let source = traffic.random.chance(0.05) ? stranger : sender
            let protected = source.run(Self.protection(isReport: isReport), plain)
            sent.append((try #require(protected.library), isReport))
            // The newest, one that came before or was lost, or one from long ago.
            var (bytes, asReport) = sent[sent.count - 1]
            if traffic.random.chance(0.4) {
                (bytes, asReport) = sent[Int.random(in: max(0, sent.count - 200)..<sent.count, using: &traffic.random)]
            }
            if traffic.random.chance(0.1) { bytes[Int.random(in: 2..<bytes.count, using: &traffic.random)] ^= 4 }
            if traffic.random.chance(0.05) { bytes.removeLast(Int.random(in: 1..<bytes.count, using: &traffic.random)) }
            let (own, library) = receiver.run(Self.opening(isReport: asReport), bytes)
            #expect(own == library, "seed \(seed), round \(round)")
            if own != nil { acceptedCount += 1 }
        }
        #expect(acceptedCount > 2000)
        let (own, library) = (receiver.own, receiver.library)
        #expect(own.replayCount > 100 && own.forgeryCount > 100 && own.malformedCount > 100)
        // A cut packet that came before counts as malformed here and as a replay there.
        #expect(
            own.replayCount + own.forgeryCount + own.malformedCount
                == library.replayCount + library.forgeryCount + library.malformedCount)
    }

    @Test("A report that is not encrypted is refused", arguments: SRTPProfile.allCases)
    func clearReport(profile: SRTPProfile) throws {
        let sender = try Pair(profile, local: 1, remote: 99)
        let receiver = try Pair(profile, local: 99, remote: 1)
        var traffic = Traffic(seed: 8, streamCount: 1)
        var report = try #require(sender.run({ $0.protectRTCP }, traffic.report(stream: 0)).library)
        // The flag is the first bit of the word, which counter mode has before the tag and GCM behind it.
        report[report.count - (profile == .aes128CMSHA1_80 ? 14 : 4)] ^= 0x80
        let (own, library) = receiver.run({ $0.unprotectRTCP }, report)
        #expect(own == nil && library == nil)
        #expect(receiver.own.malformedCount == 1)
    }
}
