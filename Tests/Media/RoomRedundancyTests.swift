import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("Sound with copies of earlier packets")
struct RedundancyTests {
    private static func configuration(
        _ sources: [CallSource], seed: UInt64, usesRedundancy: Bool
    ) -> MediaPeer.Configuration {
        var configuration = MediaPeer.Configuration(seed: seed, sources: sources)
        configuration.usesRedundancy = usesRedundancy
        return configuration
    }

    @Test("Who takes copies gets them under its own payload types, others the sound alone, without a hole")
    func forwarding() throws {
        let network = try CallNetwork(seed: 80)
        let ada = try network.join(Self.configuration([.microphone], seed: 1, usesRedundancy: true))
        let bob = try network.join(Self.configuration([], seed: 2, usesRedundancy: true))
        let eve = try network.join(Self.configuration([], seed: 3, usesRedundancy: false))
        network.run(for: .seconds(5)) { millisecond in
            if millisecond % 20 == 0 { ada.peer.sendAudio(level: 20, now: network.now) }
        }
        for viewer in [bob, eve] {
            let mid = try #require(viewer.mid(of: ada, .microphone))
            let sound = try #require(viewer.peer.received[mid])
            #expect(sound.completeFrames > 230 && sound.missing == 0 && sound.corrupt == 0)
            #expect(sound.sequenceBreaks == 0 && sound.timestampBreaks == 0)
            #expect(viewer === bob ? sound.copies >= sound.packets - 1 : sound.copies == 0)
        }
    }

    @Test("Who sends plain sound is heard by who would take copies")
    func plain() throws {
        let network = try CallNetwork(seed: 81)
        let ada = try network.join(Self.configuration([.microphone], seed: 1, usesRedundancy: false))
        let bob = try network.join(Self.configuration([], seed: 2, usesRedundancy: true))
        network.run(for: .seconds(3)) { millisecond in
            if millisecond % 20 == 0 { ada.peer.sendAudio(level: 20, now: network.now) }
        }
        let sound = try #require(bob.mid(of: ada, .microphone).flatMap { bob.peer.received[$0] })
        #expect(sound.completeFrames > 130 && sound.corrupt == 0 && sound.copies == 0)
    }

    @Test(
        "The sound itself is behind its copies",
        arguments: [
            ([0x6F, 1, 2], 1..<3), ([0xEF, 0x0F, 0x00, 0x02, 0x6F, 9, 9, 1, 2], 7..<9),
            ([0xEF, 0, 0, 1, 0xEF, 0, 0, 1, 0x6F, 9, 9, 1], 11..<12), ([0x6F], 1..<1), ([0xEF, 0, 0, 3, 0x6F, 9], nil),
            ([0xEF, 0, 0], nil), ([], nil), ([UInt8](repeating: 0x80, count: 64), nil),
        ] as [([UInt8], Range<Int>?)])
    func primary(payload: [UInt8], range: Range<Int>?) {
        let found = RedundantAudio.primary(in: payload.span)
        #expect(found == range)
    }

    @Test("Copies of anything but Opus are not taken, silence that is not sent is where it was offered")
    func negotiation() throws {
        func codecs(_ red: String, _ opus: String) throws -> [NegotiatedCodec] {
            let offer = try DescriptionFixture.small("UDP/TLS/RTP/SAVPF 111", by: "UDP/TLS/RTP/SAVPF 111 63")
                .replacing(
                    "a=rtpmap:111 opus/48000/2\n",
                    with: "a=rtpmap:111 opus/48000/2\na=fmtp:111 \(opus)\na=rtpmap:63 red/48000/2\na=fmtp:63 \(red)\n")
            return try #require(try NegotiatedSession(offer: offer).sections.first).codecs
        }
        #expect(try codecs("111/111", "minptime=10").map(\.codec) == [.opus, .red])
        for red in ["111/0", "0/111", "111", "x", "/"] {
            #expect(try codecs(red, "minptime=10").map(\.codec) == [.opus], "\(red)")
        }
        #expect(try codecs("111/111", "usedtx=1;minptime=10").first?.fmtp == "minptime=10;useinbandfec=1;usedtx=1")
        #expect(try codecs("111/111", "usedtx=0").first?.fmtp == "minptime=10;useinbandfec=1")
    }
}
