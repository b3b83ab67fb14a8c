import MediaCore
import Testing

@Suite("Answers to offers")
struct DescriptionAnswerTests {
    @Test("The answer to a small offer, line by line")
    func lines() throws {
        let offer = try DescriptionFixture.small("a=mid:cam\n", by: "a=mid:cam\na=rtcp-rsize\na=rtcp-fb:97 ccm fir\n")
            .replacing("t=0 0\n", with: "t=0 0\na=extmap-allow-mixed\n")
        let session = try NegotiatedSession(offer: offer)
        let candidates = try [
            #require(TransportAddress(host: "192.0.2.7", port: 40_000)),
            #require(TransportAddress(host: "2001:db8::7", port: 40_001)),
        ]
        let answer = session.answer(
            try DescriptionFixture.local(version: 3, candidates: candidates),
            senders: ["cam": SenderIdentity(ssrc: 99, cname: "roost", streamID: "stream", trackID: "track")])
        let transport = [
            "a=ice-ufrag:node", "a=ice-pwd:zyxwvutsrqponmlkjihgfe",
            "a=fingerprint:sha-256 " + Array(repeating: "CD", count: 32).joined(separator: ":"), "a=setup:passive",
        ]
        #expect(
            DescriptionFixture.sections(answer) == [
                [
                    "v=0", "o=- 4711 3 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite", "a=group:BUNDLE mic cam",
                    "a=extmap-allow-mixed",
                ],
                [
                    "m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:mic", "a=recvonly", "a=rtcp-mux",
                    "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid", "a=rtpmap:111 opus/48000/2",
                    "a=fmtp:111 minptime=10;useinbandfec=1",
                ] + transport + [
                    "a=candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host",
                    "a=candidate:2 1 udp 2130706175 2001:db8::7 40001 typ host", "a=end-of-candidates",
                ],
                [
                    "m=video 9 UDP/TLS/RTP/SAVPF 97 96", "c=IN IP4 0.0.0.0", "a=mid:cam", "a=sendonly",
                    "a=msid:stream track", "a=ssrc:99 cname:roost", "a=ssrc:99 msid:stream track", "a=rtcp-mux",
                    "a=rtcp-rsize", "a=rtpmap:97 VP8/90000", "a=rtcp-fb:97 nack", "a=rtcp-fb:97 ccm fir",
                    "a=rtpmap:96 H264/90000",
                    "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
                ] + transport,
            ])
    }

    @Test("Real clients get each section answered in its place", arguments: DescriptionFixture.names)
    func recorded(name: String) throws {
        let session = try NegotiatedSession(offer: DescriptionFixture.offer(name))
        let senders = DescriptionFixture.senders(session)
        let local = try DescriptionFixture.local()
        let answer = session.answer(local, senders: senders)
        let sections = DescriptionFixture.sections(answer)
        #expect(sections.count == session.sections.count + 1)
        let mids = session.sections.map(\.mid).joined(separator: " ")
        #expect(sections[0].contains("a=group:BUNDLE \(mids)"))
        for (section, lines) in zip(session.sections, sections.dropFirst()) {
            #expect(lines.contains("a=mid:\(section.mid)"))
            #expect(lines.contains(section.role == .receive ? "a=recvonly" : "a=sendonly"))
            #expect(lines.contains("a=rtcp-mux") && lines.contains("a=setup:passive"))
            for (known, id) in section.extensions { #expect(lines.contains("a=extmap:\(id) \(known.rawValue)")) }
            let ssrc = senders[section.mid].map { "a=ssrc:\($0.ssrc) cname:roost" }
            #expect(lines.contains { $0.hasPrefix("a=ssrc:") } == (section.role == .send))
            #expect(ssrc.map(lines.contains) ?? true)
        }
        for word in ["red/90000", "ulpfec"] { #expect(!answer.contains(word)) }
        // aiortc knows no feedback on each packet of a transport.
        #expect(answer.contains("goog-remb") == name.hasPrefix("aiortc"))
        #expect(answer.contains("transport-cc") != name.hasPrefix("aiortc"))
    }

    @Test("Candidates stand only in the section that speaks for the bundle", arguments: DescriptionFixture.names)
    func candidates(name: String) throws {
        let session = try NegotiatedSession(offer: DescriptionFixture.offer(name))
        let candidate = try #require(TransportAddress(host: "192.0.2.1", port: 4_000))
        let answer = session.answer(try DescriptionFixture.local(candidates: [candidate]), senders: [:])
        let holders = DescriptionFixture.sections(answer).indices.filter {
            DescriptionFixture.sections(answer)[$0].contains("a=end-of-candidates")
        }
        #expect(holders == [1])
    }

    @Test("A rejected section keeps its place and its mid, with port 0 and outside the bundle")
    func rejected() throws {
        let application = """
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel
            a=mid:data
            a=sctp-port:5000
            m=audio
            """
        let offer = try DescriptionFixture.small("m=audio", by: application)
            .replacing("BUNDLE mic cam", with: "BUNDLE data mic cam")
        let session = try NegotiatedSession(offer: offer)
        #expect(session.sections.map(\.kind) == [nil, .audio, .video])
        let sections = DescriptionFixture.sections(
            session.answer(try DescriptionFixture.local(), senders: DescriptionFixture.senders(session)))
        #expect(sections[0].contains("a=group:BUNDLE mic cam"))
        #expect(
            sections[1] == [
                "m=application 0 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:data", "a=inactive",
            ])
        #expect(sections[2].contains("a=end-of-candidates"))
    }

    @Test("A section without a sender, and one the client wants inactive, are answered inactive")
    func inactive() throws {
        let offer = DescriptionFixture.small
        for text in [offer, offer.replacing("a=recvonly", with: "a=inactive")] {
            let session = try NegotiatedSession(offer: text)
            let lines = try #require(
                DescriptionFixture.sections(session.answer(try DescriptionFixture.local(), senders: [:])).last)
            #expect(lines.contains("a=inactive") && lines.contains("m=video 9 UDP/TLS/RTP/SAVPF 97 96"))
        }
    }

    @Test("The mixing of header extensions is agreed to where it was offered (RFC 8285 §6)")
    func mixing() throws {
        let offer = try DescriptionFixture.small("a=mid:cam\n", by: "a=mid:cam\na=extmap-allow-mixed\n")
        let sections = DescriptionFixture.sections(
            try NegotiatedSession(offer: offer).answer(try DescriptionFixture.local(), senders: [:]))
        #expect(sections.map { $0.contains("a=extmap-allow-mixed") } == [false, false, true])
    }

    @Test("The same offer is answered the same", arguments: DescriptionFixture.names)
    func repeated(name: String) throws {
        let offer = try DescriptionFixture.offer(name)
        let local = try DescriptionFixture.local()
        let answers = try (0..<2).map { _ in
            let session = try NegotiatedSession(offer: offer)
            return session.answer(local, senders: DescriptionFixture.senders(session))
        }
        #expect(answers[0] == answers[1])
    }
}
