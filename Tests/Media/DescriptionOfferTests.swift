import MediaCore
import MediaSecurity
import Testing

@Suite("Offers of WebRTC clients")
struct DescriptionOfferTests {
    struct Client: Sendable {
        let name: String
        let fragment: String
        let password: String
        let sources: [UInt32]
        let audio: [NegotiatedCodec]
        let video: [NegotiatedCodec]
        let audioExtensions: [HeaderExtension: UInt8]
        let videoExtensions: [HeaderExtension: UInt8]
    }

    private static func codec(
        _ payloadType: UInt8, _ codec: Codec, fir: Bool = false, transport: Bool = false, estimate: Bool = false,
        repair: UInt8? = nil,
        fmtp: String? = nil
    ) -> NegotiatedCodec {
        let isSound = codec == .opus || codec == .red
        return NegotiatedCodec(
            payloadType: payloadType, codec: codec, clockRate: isSound ? 48_000 : 90_000,
            supportsNACK: !isSound, supportsPLI: !isSound, supportsFIR: fir,
            supportsTransportFeedback: transport, takesReceiverEstimate: estimate, repairPayloadType: repair, fmtp: fmtp
        )
    }

    private static let opus = "minptime=10;useinbandfec=1"
    private static let h264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"

    static let clients: [Client] = [
        Client(
            name: "chromium", fragment: "XCev", password: "ih8qLCEauVsh2ZCFOmLdnCP5",
            sources: [1_470_770_611, 3_862_816_516, 803_553_068, 450_914_842],
            audio: [
                codec(111, .opus, transport: true, fmtp: opus),
                codec(63, .red, fmtp: "111/111"),
            ],
            video: [
                codec(96, .vp8, fir: true, transport: true, repair: 97),
                codec(108, .h264, fir: true, transport: true, repair: 109, fmtp: h264),
                codec(45, .av1, fir: true, transport: true, repair: 46, fmtp: "level-idx=5;profile=0;tier=0"),
                codec(98, .vp9, fir: true, transport: true, repair: 99, fmtp: "profile-id=0"),
                codec(
                    116, .h264Main, fir: true, transport: true, repair: 117,
                    fmtp: h264.replacing("42e01f", with: "4d001f")),
            ],
            audioExtensions: [.mid: 4, .audioLevel: 1, .transportSequence: 3],
            videoExtensions: [
                .mid: 4, .videoOrientation: 13, .transportSequence: 3, .streamID: 10, .repairedStreamID: 11,
            ]),
        Client(
            name: "firefox", fragment: "e84f5306", password: "87fe6e14d7ed46b72552bd9b806689b8",
            sources: [384_195_937, 208_114_359, 146_833_294, 3_991_488_518],
            audio: [codec(109, .opus, transport: true, fmtp: opus)],
            video: [
                codec(120, .vp8, fir: true, transport: true, repair: 124),
                codec(121, .vp9, fir: true, transport: true, repair: 125),
                codec(99, .av1, fir: true, transport: true, repair: 100),
            ],
            audioExtensions: [.mid: 3, .audioLevel: 1, .transportSequence: 7],
            videoExtensions: [.mid: 3, .transportSequence: 7]),
        Client(
            name: "aiortc", fragment: "keix", password: "pCZjFwjxL18420a32qDJbc",
            sources: [452_779_427, 686_258_887, 2_282_122_321, 2_532_097_502],
            audio: [codec(96, .opus, fmtp: opus)],
            video: [
                codec(97, .vp8, estimate: true, repair: 98),
                codec(101, .h264, estimate: true, repair: 102, fmtp: h264),
            ],
            audioExtensions: [.mid: 1, .audioLevel: 2], videoExtensions: [.mid: 1]),
    ]

    @Test("Offers of real clients are read", arguments: Self.clients, [("first", 4), ("more", 12)])
    func recorded(client: Client, recording: (name: String, videoCount: Int)) throws {
        let session = try NegotiatedSession(offer: DescriptionFixture.offer("\(client.name)-\(recording.name)"))
        #expect(session.remoteFragment == client.fragment)
        #expect(session.remotePassword == client.password)
        let kinds: [MediaKind] =
            [.audio, .video, .video, .audio] + Array(repeating: .audio, count: 6)
            + Array(repeating: .video, count: recording.videoCount)
        #expect(session.sections.map(\.kind) == kinds)
        #expect(session.sections.map(\.mid) == kinds.indices.map(String.init))
        for (index, section) in session.sections.enumerated() {
            #expect(section.role == (index < 4 ? .receive : .send))
            #expect(section.codecs.first == (kinds[index] == .audio ? client.audio : client.video).first)
            // Chromium orders those that it receives in another way than those that it sends.
            #expect(Set(section.codecs) == Set(kinds[index] == .audio ? client.audio : client.video))
            var extensions = kinds[index] == .audio ? client.audioExtensions : client.videoExtensions
            // Chromium's second offer was recorded after an answer that knew three extensions, and names no others.
            if recording.name == "more", client.name == "chromium" {
                extensions = extensions.filter { [.mid, .audioLevel, .videoOrientation].contains($0.key) }
            }
            #expect(section.extensions == extensions)
            #expect(section.remoteSSRCs == (index < 4 ? [client.sources[index]] : []))
        }
    }

    @Test("A later offer keeps the sections of the first in their places", arguments: DescriptionFixture.clients)
    func later(client: String) throws {
        let first = try NegotiatedSession(offer: DescriptionFixture.offer("\(client)-first"))
        let more = try NegotiatedSession(offer: DescriptionFixture.offer("\(client)-more"))
        #expect(first.fingerprint == more.fingerprint)
        #expect(first.remoteFragment == more.remoteFragment)
        for (before, after) in zip(first.sections, more.sections) {
            #expect(before.mid == after.mid && before.role == after.role && before.kind == after.kind)
            #expect(before.codecs == after.codecs)
            #expect(after.extensions.allSatisfy { before.extensions[$0.key] == $0.value })
            #expect(before.remoteSSRCs == after.remoteSSRCs)
        }
    }

    @Test("The fingerprint is the first whose hash is known, of the section or else of the session")
    func fingerprints() throws {
        let line = "a=fingerprint:\(DescriptionFixture.fingerprint)\n"
        let sha1 = "a=fingerprint:sha-1 " + Array(repeating: "01", count: 20).joined(separator: ":") + "\n"
        let expected = try #require(CertificateFingerprint(DescriptionFixture.fingerprint))
        for offer in [
            DescriptionFixture.small,
            try DescriptionFixture.small(line, by: sha1 + line),
            try DescriptionFixture.small(line, by: "").replacing("t=0 0\n", with: "t=0 0\n\(line)"),
        ] {
            #expect(try NegotiatedSession(offer: offer).fingerprint == expected)
        }
    }

    @Test("ICE, setup and direction may stand in the session; the transport of other bundled sections means nothing")
    func inheritance() throws {
        let offer = try DescriptionFixture.small(
            "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuv\n", by: ""
        )
        .replacing("a=setup:actpass\n", with: "").replacing("a=sendonly\n", with: "")
        .replacing(
            "t=0 0\n", with: "t=0 0\na=ice-ufrag:Session+\na=ice-pwd:ABCDEFGHIJKLMNOPQRSTUV\na=setup:active\n"
        )
        .replacing("a=mid:cam\n", with: "a=mid:cam\na=ice-ufrag:other\na=ice-pwd:other\na=setup:passive\n")
        let session = try NegotiatedSession(offer: offer)
        #expect(session.remoteFragment == "Session+")
        #expect(session.remotePassword == "ABCDEFGHIJKLMNOPQRSTUV")
        #expect(session.sections.map(\.role) == [.receive, .send])
        let quiet = try NegotiatedSession(offer: offer.replacing("t=0 0\n", with: "t=0 0\na=recvonly\n"))
        #expect(quiet.sections.map(\.role) == [.send, .send])
    }

    @Test(
        "What a section offers decides what the node does on it",
        arguments: [
            ("a=recvonly", "a=sendonly", SectionRole.receive), ("a=recvonly", "a=sendrecv", .receive),
            ("a=recvonly\n", "", .receive), ("a=recvonly", "a=inactive", .inactive),
            ("m=video 9", "m=video 0", .rejected),
            ("m=video 9 UDP/TLS/RTP/SAVPF 96 97", "m=video 0 UDP/TLS/RTP/SAVPF 96 97\na=bundle-only", .send),
            ("m=video 9", "m=video 54321", .send), ("m=video 9", "m=application 9", .rejected),
            ("m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 RTP/AVP", .rejected),
            ("m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 RTP/SAVPF", .send),
            ("96 97", "98 99", .rejected), ("96 97", "98 97", .send),
        ])
    func roles(text: String, replacement: String, role: SectionRole) throws {
        let offer = try DescriptionFixture.small(text, by: replacement)
        let section = try #require(try NegotiatedSession(offer: offer).sections.last)
        #expect(section.role == role)
        #expect(section.mid == "cam")
        #expect(section.codecs.isEmpty == (role == .rejected))
    }

    @Test("A rejected section need not be bundled, and another then stands for the transport")
    func rejectedFirst() throws {
        let offer = DescriptionFixture.small.replacing("m=audio 9", with: "m=audio 0")
            .replacing("a=mid:cam\n", with: "a=mid:cam\na=ice-ufrag:efgh\na=ice-pwd:ABCDEFGHIJKLMNOPQRSTUV\n")
            .replacing("t=0 0\n", with: "t=0 0\na=fingerprint:\(DescriptionFixture.fingerprint)\na=setup:actpass\n")
        for group in ["a=group:BUNDLE mic cam", "a=group:BUNDLE cam", "a=group:LS mic\na=group:BUNDLE cam mic cam x"] {
            let session = try NegotiatedSession(offer: offer.replacing("a=group:BUNDLE mic cam", with: group))
            #expect(session.remoteFragment == "efgh")
            #expect(session.sections.map(\.role) == [.rejected, .send])
            #expect(session.answer(try DescriptionFixture.local(), senders: [:]).contains("a=group:BUNDLE cam\r\n"))
        }
    }

    @Test(
        "Each profile of H.264 is a codec of its own, of level 3.1 at most, also as FFmpeg writes it",
        arguments: [
            ("packetization-mode=1;profile-level-id=42e01f", .h264, "42e01f"),
            ("profile-level-id=42C028; packetization-mode=1", .h264, "42c01f"),
            ("packetization-mode=1;profile-level-id=42e00a", .h264, "42e00a"),
            ("packetization-mode=1;profile-level-id=420028", .h264, "42001f"),
            ("packetization-mode=1;profile-level-id=42801f", .h264, "42801f"),
            ("packetization-mode=1;profile-level-id=422000d", .h264, "42e00d"),
            ("packetization-mode=1;profile-level-id=4d801f", .h264, "4d801f"),
            ("packetization-mode=1", .h264, "42000a"),
            ("packetization-mode=1;profile-level-id=4d0028", .h264Main, "4d001f"),
            ("packetization-mode=1;profile-level-id=4d401f", .h264Main, "4d401f"),
            ("packetization-mode=1;profile-level-id=64001f", .h264High, "64001f"),
            // Other packetization modes, other profiles, nonsense.
            ("packetization-mode=0;profile-level-id=42e01f", nil, ""),
            ("profile-level-id=42e01f", nil, ""),
            ("", nil, ""),
            ("packetization-mode=0;profile-level-id=4d001f", nil, ""),
            ("packetization-mode=0;profile-level-id=64001f", nil, ""),
            ("packetization-mode=2;profile-level-id=42e01f", nil, ""),
            ("packetization-mode=1;profile-level-id=4d201f", nil, ""),
            ("packetization-mode=1;profile-level-id=640c1f", nil, ""),
            ("packetization-mode=1;profile-level-id=58a01f", nil, ""),
            ("packetization-mode=1;profile-level-id=6e001f", nil, ""),
            ("packetization-mode=1;profile-level-id=42e01", nil, ""),
            ("packetization-mode=1;profile-level-id=42e01ff", nil, ""),
            ("packetization-mode=1;profile-level-id=wxyzab", nil, ""), ("packetization-mode=x", nil, ""),
        ] as [(String, Codec?, String)])
    func h264(parameters: String, codec: Codec?, answer: String) throws {
        let offer = try DescriptionFixture.small(
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", by: parameters)
        let codecs = try #require(try NegotiatedSession(offer: offer).sections.last).codecs
        #expect(codecs.map(\.codec) == [.vp8] + [codec].compactMap(\.self))
        let expected = codec.map { _ in "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=\(answer)" }
        #expect(codecs.first { $0.codec == codec }?.fmtp == expected)
    }

    /// An offer of VP8 as 97 and of H.264 with each of these parameters, from 98 on.
    private func several(_ parameters: [String]) throws -> [NegotiatedCodec] {
        let types = parameters.indices.map { String($0 + 98) }
        let lines = zip(types, parameters).map { "a=rtpmap:\($0) H264/90000\na=fmtp:\($0) \($1)\n" }.joined()
        let offer = try DescriptionFixture.small("96 97", by: (types + ["97"]).joined(separator: " "))
            .replacing("a=rtpmap:96 H264", with: lines + "a=rtpmap:96 H264")
        return try #require(try NegotiatedSession(offer: offer).sections.last).codecs
    }

    @Test("Where plain and constrained baseline are offered, the constrained one is taken")
    func constrained() throws {
        let codecs = try several([
            "packetization-mode=1;profile-level-id=42001f", "packetization-mode=1;profile-level-id=42e01f",
        ])
        #expect(codecs.map(\.payloadType) == [97, 99])
    }

    @Test("Of two packetization modes that with fragments is taken; profiles that not all read come last")
    func profiles() throws {
        let codecs = try several([
            "packetization-mode=1;profile-level-id=64001f", "profile-level-id=42e01f",
            "packetization-mode=1;profile-level-id=4d001f", "packetization-mode=1;profile-level-id=42e01f",
        ])
        #expect(codecs.map(\.codec) == [.vp8, .h264, .h264High, .h264Main])
        #expect(codecs.map(\.payloadType) == [97, 101, 98, 100])
    }

    @Test("A codec is taken once, and never with a payload type that looks like RTCP")
    func payloadTypes() throws {
        let offer = try DescriptionFixture.small("96 97", by: "72 100 97 72")
            .replacing("a=rtpmap:96 H264", with: "a=rtpmap:72 VP8/90000\na=rtpmap:100 vp8/90000\na=rtpmap:96 H264")
        let codecs = try #require(try NegotiatedSession(offer: offer).sections.last).codecs
        #expect(codecs.map(\.payloadType) == [100])
    }

    @Test("Feedback for all payload types counts for each (RFC 4585 §4.2)")
    func commonFeedback() throws {
        let offer = try DescriptionFixture.small("a=rtcp-fb:97 nack", by: "a=rtcp-fb:* ccm fir\na=rtcp-fb:97 nack pli")
        let codecs = try #require(try NegotiatedSession(offer: offer).sections.last).codecs
        #expect(codecs.map(\.supportsFIR) == [true, true])
        #expect(codecs.map(\.supportsPLI) == [true, false])
        #expect(codecs.map(\.supportsNACK) == [false, false])
    }

    @Test(
        "Header extensions keep the client's identifiers; those beyond 14 or for one direction are not used",
        arguments: [
            ("1 urn:ietf:params:rtp-hdrext:sdes:mid", [HeaderExtension.mid: UInt8(1)]),
            ("14/sendrecv urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on", [.audioLevel: 14]),
            ("16 urn:ietf:params:rtp-hdrext:sdes:mid", [:]), ("4096 urn:ietf:params:rtp-hdrext:sdes:mid", [:]),
            ("2/recvonly urn:ietf:params:rtp-hdrext:sdes:mid", [:]), ("2 urn:example:unknown", [:]), ("2", [:]),
        ])
    func extensions(line: String, expected: [HeaderExtension: UInt8]) throws {
        let offer = try DescriptionFixture.small("1 urn:ietf:params:rtp-hdrext:sdes:mid", by: line)
        #expect(try NegotiatedSession(offer: offer).sections.first?.extensions == expected)
    }

    @Test("Retransmission is told by the payload type and the SSRC that it repeats")
    func repairs() throws {
        let lines = "a=ssrc-group:FID 1 2\na=ssrc:1 cname:x\na=ssrc:2 cname:x"
        let offer = try DescriptionFixture.small("a=ssrc:7 cname:x", by: lines)
            .replacing("RTP/SAVPF 96 97", with: "RTP/SAVPF 96 97 98 99 100")
            .replacing(
                "a=rtpmap:97 VP8/90000",
                with: "a=rtpmap:97 VP8/90000\na=rtpmap:98 rtx/90000\na=fmtp:98 apt=97\n"
                    + "a=rtpmap:99 rtx/90000\na=fmtp:99 apt=5;rtx-time=200\na=rtpmap:100 rtx/90000")
        let session = try NegotiatedSession(offer: offer)
        #expect(session.sections[0].remoteRepairs == [1: 2])
        #expect(session.sections[1].codecs.map(\.repairPayloadType) == [98, nil])
        let sender = SenderIdentity(ssrc: 9, repairSSRC: 10, cname: "c", streamID: "s", trackID: "t")
        let lines2 = DescriptionFixture.sections(
            session.answer(try DescriptionFixture.local(), senders: ["cam": sender]))[2]
        for line in [
            "m=video 9 UDP/TLS/RTP/SAVPF 97 98 96", "a=ssrc-group:FID 9 10", "a=ssrc:10 cname:c",
            "a=rtpmap:98 rtx/90000",
            "a=fmtp:98 apt=97",
        ] {
            #expect(lines2.contains(line), "\(line)")
        }
    }

    @Test(
        "The encodings of simulcast are those that are declared, the first of each choice, and three at most",
        arguments: [
            ("send q;h;f", ["q", "h", "f"]), ("send q,h;~f recv x", ["q", "f"]), ("recv q;h", []),
            ("send q;q;unknown;f", ["q", "f"]), ("send q;h;f;g", ["q", "h", "f"]), ("send", []),
            ("send \(String(repeating: "l", count: 17));q", ["q"]),
        ])
    func simulcast(value: String, names: [String]) throws {
        let declared = ["q", "h", "f", "g", String(repeating: "l", count: 17)].map { "a=rid:\($0) send\n" }.joined()
        let lines = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\n\(declared)a=simulcast:\(value)\n"
        let offer = DescriptionFixture.small.replacing("a=recvonly\n", with: "a=sendonly\n\(lines)")
        let session = try NegotiatedSession(offer: offer)
        #expect(session.sections[1].streamIDs == names)
        let answer = DescriptionFixture.sections(session.answer(try DescriptionFixture.local(), senders: [:]))[2]
        #expect(answer.filter { $0.hasPrefix("a=rid:") } == names.map { "a=rid:\($0) recv" })
        #expect(answer.contains("a=simulcast:recv \(names.joined(separator: ";"))") == !names.isEmpty)
    }

    @Test("Without the extension that names encodings there is no simulcast")
    func simulcastWithoutNames() throws {
        let offer = DescriptionFixture.small.replacing(
            "a=recvonly\n", with: "a=sendonly\na=rid:q send\na=rid:f send\na=simulcast:send q;f\n")
        #expect(try NegotiatedSession(offer: offer).sections[1].streamIDs == [])
    }

    @Test("SSRCs of retransmissions are left out, others are kept once and in order")
    func sources() throws {
        let lines = [
            "a=ssrc-group:SIM 1 3", "a=ssrc-group:FID 1 2", "a=ssrc-group:FID 3 4", "a=ssrc:1 cname:x",
            "a=ssrc:1 msid:a b", "a=ssrc:2 cname:x", "a=ssrc:3 cname:x", "a=ssrc:4 cname:x",
            "a=ssrc:4294967296 cname:x", "a=ssrc",
        ]
        let offer = try DescriptionFixture.small("a=ssrc:7 cname:x", by: lines.joined(separator: "\n"))
        #expect(try NegotiatedSession(offer: offer).sections.first?.remoteSSRCs == [1, 3])
    }

    @Test("Lines may end with LF or with CRLF, the last one with neither")
    func lineEnds() throws {
        let lf = DescriptionFixture.small
        for offer in [lf, lf.replacing("\n", with: "\r\n"), String(lf.dropLast())] {
            #expect(try NegotiatedSession(offer: offer).sections.map(\.mid) == ["mic", "cam"])
        }
    }
}
