import MediaPeer
import MediaSecurity
import Testing

@Suite("SRTP", .serialized)
struct SecuritySRTPTests {
    /// A session at each end of one association.
    private struct Ends {
        let near: SRTPSession
        let far: SRTPSession

        init(_ profile: SRTPProfile, _ implementation: SRTPImplementation = .openSSL) throws {
            let count = profile.keyByteCount + profile.saltByteCount
            let one = (0..<count).map { UInt8($0 + 1) }
            let two = (0..<count).map { UInt8(200 - $0) }
            near = try SRTPSession(
                keys: SRTPKeys(profile: profile, local: one, remote: two), implementation: implementation)
            far = try SRTPSession(
                keys: SRTPKeys(profile: profile, local: two, remote: one), implementation: implementation)
        }
    }

    private func packet(_ sequence: UInt16, ssrc: UInt8 = 7, fill: UInt8 = 0x55) -> [UInt8] {
        [0x80, 111, UInt8(sequence >> 8), UInt8(sequence & 0xFF), 0, 0, 3, 0xC0, 0, 0, 0, ssrc]
            + [UInt8](repeating: fill, count: 90)
    }

    private let report: [UInt8] = [0x80, 201, 0, 1, 0, 0, 0, 7]

    /// Runs one of the four transforms on a copy; `nil` when it is refused.
    private func run(
        _ transform: (UnsafeMutableRawBufferPointer, Int) -> Int?, _ bytes: [UInt8]
    ) -> [UInt8]? {
        var buffer = bytes + [UInt8](repeating: 0xEE, count: SRTPSession.trailingByteCount)
        guard let count = buffer.withUnsafeMutableBytes({ transform($0, bytes.count) }) else { return nil }
        return Array(buffer.prefix(count))
    }

    @Test(
        "Packets and reports arrive as they were sent, both ways", arguments: SRTPProfile.allCases,
        SRTPImplementation.allCases)
    func roundTrip(profile: SRTPProfile, implementation: SRTPImplementation) throws {
        let ends = try Ends(profile, implementation)
        for (sender, receiver) in [(ends.near, ends.far), (ends.far, ends.near)] {
            for sequence in UInt16(65_530)...65_535 {
                let protected = try #require(run(sender.protectRTP, packet(sequence)))
                #expect(protected.count == packet(sequence).count + (profile.tagByteCount))
                #expect(protected.prefix(12) == packet(sequence).prefix(12))
                #expect(run(receiver.unprotectRTP, protected) == packet(sequence))
            }
            let wrapped = try #require(run(sender.protectRTP, packet(0)))
            #expect(run(receiver.unprotectRTP, wrapped) == packet(0))
            let protectedReport = try #require(run(sender.protectRTCP, report))
            #expect(protectedReport.count == report.count + 4 + profile.tagByteCount)
            #expect(run(receiver.unprotectRTCP, protectedReport) == report)
        }
    }

    @Test(
        "The same packet protected again has the same bytes", arguments: SRTPProfile.allCases,
        SRTPImplementation.allCases)
    func repetition(profile: SRTPProfile, implementation: SRTPImplementation) throws {
        let ends = try Ends(profile, implementation)
        let first = try #require(run(ends.near.protectRTP, packet(100)))
        for sequence in UInt16(101)..<600 { _ = run(ends.near.protectRTP, packet(sequence)) }
        #expect(run(ends.near.protectRTP, packet(100)) == first)
    }

    @Test(
        "What comes twice or too late is refused and counted", arguments: SRTPProfile.allCases,
        SRTPImplementation.allCases)
    func replay(profile: SRTPProfile, implementation: SRTPImplementation) throws {
        let ends = try Ends(profile, implementation)
        let first = try #require(run(ends.near.protectRTP, packet(1)))
        #expect(run(ends.far.unprotectRTP, first) != nil)
        #expect(run(ends.far.unprotectRTP, first) == nil)
        let second = try #require(run(ends.near.protectRTP, packet(2)))
        for sequence in UInt16(3)...1100 {
            let protected = try #require(run(ends.near.protectRTP, packet(sequence)))
            _ = run(ends.far.unprotectRTP, protected)
        }
        #expect(run(ends.far.unprotectRTP, second) == nil)
        let protectedReport = try #require(run(ends.near.protectRTCP, report))
        #expect(run(ends.far.unprotectRTCP, protectedReport) != nil)
        #expect(run(ends.far.unprotectRTCP, protectedReport) == nil)
        #expect(ends.far.replayCount == 3)
    }

    @Test(
        "A packet of which any bit is changed is refused", arguments: SRTPProfile.allCases, SRTPImplementation.allCases)
    func tampering(profile: SRTPProfile, implementation: SRTPImplementation) throws {
        let ends = try Ends(profile, implementation)
        let protected = try #require(run(ends.near.protectRTP, packet(1)))
        let protectedReport = try #require(run(ends.near.protectRTCP, report))
        for bit in 0..<(protected.count * 8) {
            var changed = protected
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(run(ends.far.unprotectRTP, changed) == nil, "bit \(bit)")
        }
        for bit in 0..<(protectedReport.count * 8) {
            var changed = protectedReport
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(run(ends.far.unprotectRTCP, changed) == nil, "bit \(bit) of the report")
        }
        #expect(ends.far.forgeryCount > 0)
        #expect(run(ends.far.unprotectRTP, protected) == packet(1))
        #expect(run(ends.far.unprotectRTCP, protectedReport) == report)
    }

    @Test("A packet under another key is refused", arguments: SRTPProfile.allCases, SRTPImplementation.allCases)
    func wrongKey(profile: SRTPProfile, implementation: SRTPImplementation) throws {
        let ends = try Ends(profile, implementation)
        let protected = try #require(run(ends.near.protectRTP, packet(1)))
        #expect(run(ends.near.unprotectRTP, protected) == nil)
        #expect(ends.near.forgeryCount == 1)
    }

    @Test("Keys of a wrong length make no session", arguments: SRTPProfile.allCases, SRTPImplementation.allCases)
    func keyLength(profile: SRTPProfile, implementation: SRTPImplementation) {
        #expect(throws: SRTPError.keyLength) {
            try SRTPSession(
                keys: SRTPKeys(profile: profile, local: [1, 2, 3], remote: [4, 5, 6]), implementation: implementation)
        }
    }

    @Test("A peer cannot open any number of streams", arguments: SRTPImplementation.allCases)
    func streams(implementation: SRTPImplementation) throws {
        let ends = try Ends(.aeadAES128GCM, implementation)
        for ssrc in UInt8(0)...255 {
            let protected = try #require(run(ends.near.protectRTP, packet(1, ssrc: ssrc)))
            #expect((run(ends.far.unprotectRTP, protected) != nil) == (Int(ssrc) < SRTPSession.inboundStreamCount))
        }
        let known = try #require(run(ends.near.protectRTP, packet(2, ssrc: 5)))
        #expect(run(ends.far.unprotectRTP, known) != nil)
    }

    @Test("Random bytes, short ones and buffers without room are refused", arguments: SRTPProfile.allCases)
    func garbage(profile: SRTPProfile) throws {
        var random = SplitMix64(seed: 20_251_122)
        let ends = try Ends(profile)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...200, using: &random)
            let bytes: [UInt8] = (0..<count).map { _ in .random(in: 0...255, using: &random) }
            #expect(run(ends.far.unprotectRTP, bytes) == nil)
            #expect(run(ends.far.unprotectRTCP, bytes) == nil)
            _ = run(ends.far.protectRTP, bytes)
            _ = run(ends.far.protectRTCP, bytes)
        }
        var tight = packet(1)
        #expect(tight.withUnsafeMutableBytes { ends.near.protectRTP($0, count: $0.count) } == nil)
    }
}
