import Contracts
import MediaCore
import Testing

@Suite("Offers that are refused")
struct DescriptionErrorTests {
    struct Case: Sendable, CustomStringConvertible {
        let text: String
        let replacement: String
        let error: SDPError
        var description: String { "\(error)" }

        init(_ text: String, _ replacement: String, _ error: SDPError) {
            self.text = text
            self.replacement = replacement
            self.error = error
        }
    }

    static let cases: [Case] = [
        // Shape
        Case("v=0\n", "", .notSDP), Case("v=0\n", "v=1\n", .notSDP), Case("v=0\n", "\nv=0\n", .notSDP),
        Case("s=-\n", "\n", .malformedLine(line: 3)), Case("s=-\n", "s\n", .malformedLine(line: 3)),
        Case("s=-\n", "v=0\n", .malformedLine(line: 3)), Case("s=-\n", "S=-\n", .malformedLine(line: 3)),
        Case("s=-\n", "s=a\rb\n", .malformedLine(line: 3)), Case("s=-\n", "s=a\0b\n", .malformedLine(line: 3)),
        Case("s=-\n", "a=\n", .malformedLine(line: 3)), Case("s=-\n", "a=:x\n", .malformedLine(line: 3)),
        Case("s=-\n", "é=x\n", .malformedLine(line: 3)),
        Case("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9 UDP/TLS/RTP/SAVPF", .malformedLine(line: 6)),
        Case("m=audio 9", "m=audio x", .malformedLine(line: 6)),
        Case("m=audio 9", "m=audio 65536", .malformedLine(line: 6)),
        Case("m=audio 9", "m=au\"dio 9", .malformedLine(line: 6)),
        Case("s=-\n", "s=\(String(repeating: "x", count: 4_095))\n", .lineTooLong(line: 3)),
        Case(
            "s=-\n",
            String(repeating: "i=\(String(repeating: "x", count: 1_021))\n", count: Limits.sdpByteCount / 1_024),
            .tooLong),
        // Sections
        Case("a=mid:mic\n", "", .missingMid(section: 1)), Case("a=mid:cam\n", "", .missingMid(section: 2)),
        Case("a=mid:mic", "a=mid", .invalidMid(section: 1)), Case("a=mid:mic", "a=mid:a b", .invalidMid(section: 1)),
        Case("a=mid:mic", "a=mid:é", .invalidMid(section: 1)),
        Case("a=mid:mic", "a=mid:12345678901234567", .invalidMid(section: 1)),
        Case("a=mid:mic", "a=mid:cam", .duplicateMid("cam")),
        Case("a=group:BUNDLE mic cam\n", "", .notBundled(mid: "mic")),
        Case("a=group:BUNDLE mic cam", "a=group:BUNDLE mic", .notBundled(mid: "cam")),
        Case("a=group:BUNDLE mic cam", "a=group:BUNDLE mic\na=group:BUNDLE cam", .notBundled(mid: "cam")),
        Case(
            "m=audio 9", String(repeating: "m=video 0 x 1\n", count: SDPLimits.sectionCount - 1) + "m=audio 9",
            .tooManySections),
        // Transport
        Case("a=ice-ufrag:abcd\n", "", .missingICECredentials(mid: "mic")),
        Case("a=ice-pwd:abcdefghijklmnopqrstuv\n", "", .missingICECredentials(mid: "mic")),
        Case("a=ice-ufrag:abcd", "a=ice-ufrag:abc", .invalidICECredentials(mid: "mic")),
        Case("a=ice-ufrag:abcd", "a=ice-ufrag:ab-d", .invalidICECredentials(mid: "mic")),
        Case(
            "a=ice-ufrag:abcd", "a=ice-ufrag:\(String(repeating: "x", count: 257))",
            .invalidICECredentials(mid: "mic")),
        Case("a=ice-pwd:abcdefghijklmnopqrstuv", "a=ice-pwd:abcdefghijklmnopqrstu", .invalidICECredentials(mid: "mic")),
        Case(
            "a=ice-pwd:abcdefghijklmnopqrstuv", "a=ice-pwd:abcdefghijklmnopqrst v", .invalidICECredentials(mid: "mic")),
        Case("a=fingerprint:\(DescriptionFixture.fingerprint)\n", "", .missingFingerprint(mid: "mic")),
        Case(DescriptionFixture.fingerprint, "sha-1 AB:CD", .fingerprintNotSupported(mid: "mic")),
        Case(DescriptionFixture.fingerprint, "", .fingerprintNotSupported(mid: "mic")),
        Case("a=setup:actpass\n", "", .missingSetup(mid: "mic")),
        Case("a=setup:actpass", "a=setup:holdconn", .setupNotSupported(mid: "mic")),
        Case("a=rtcp-mux\n", "", .missingRTCPMux(mid: "mic")),
        // Media
        Case("SAVPF 111", "SAVPF 111 128", .invalidPayloadType(mid: "mic")),
        Case("SAVPF 111", "SAVPF 111 x", .invalidPayloadType(mid: "mic")),
        Case("a=rtpmap:111", "a=rtpmap:256", .invalidPayloadType(mid: "mic")),
        Case("a=rtpmap:111 opus", "a=fmtp:-1 x\na=rtpmap:111 opus", .invalidPayloadType(mid: "mic")),
        Case("a=rtcp-fb:97", "a=rtcp-fb:200", .invalidPayloadType(mid: "cam")),
        Case("SAVPF 111", "SAVPF" + String(repeating: " 111", count: 129), .tooManyCodecs(mid: "mic")),
        Case("a=extmap:1 ", "a=extmap:0 ", .invalidExtensionID(mid: "mic")),
        Case("a=extmap:1 ", "a=extmap:15 ", .invalidExtensionID(mid: "mic")),
        Case("a=extmap:1 ", "a=extmap:256 ", .invalidExtensionID(mid: "mic")),
        Case("a=extmap:1 ", "a=extmap:x ", .invalidExtensionID(mid: "mic")),
        Case(
            "a=ssrc:7 cname:x", (0...SDPLimits.sourceCount).map { "a=ssrc:\($0) cname:x" }.joined(separator: "\n"),
            .tooManySources(mid: "mic")),
    ]

    @Test("Each fault has its own error", arguments: cases)
    func refused(fault: Case) throws {
        let offer = try DescriptionFixture.small(fault.text, by: fault.replacement)
        #expect(throws: fault.error) { try NegotiatedSession(offer: offer) }
    }

    @Test("An empty offer, and one without anything to send or receive, are refused")
    func nothing() throws {
        #expect(throws: SDPError.notSDP) { try NegotiatedSession(offer: "") }
        let session = DescriptionFixture.small.prefix { $0 != "m" }
        #expect(throws: SDPError.noUsableSection) { try NegotiatedSession(offer: String(session)) }
        let unknown = DescriptionFixture.small.replacing("RTP/SAVPF", with: "RTP/AVP")
        #expect(throws: SDPError.noUsableSection) { try NegotiatedSession(offer: unknown) }
    }

    @Test("An offer of the largest size is read, one byte more is not")
    func size() throws {
        let room = Limits.sdpByteCount - DescriptionFixture.small.utf8.count
        let name = String(repeating: "x", count: room % 4)
        let offer =
            try DescriptionFixture.small("s=-", by: "s=-\(name)") + String(repeating: "a=x\n", count: room / 4)
        #expect(offer.utf8.count == Limits.sdpByteCount)
        #expect(try NegotiatedSession(offer: offer).sections.count == 2)
        #expect(throws: SDPError.tooLong) { try NegotiatedSession(offer: offer + "\n") }
    }

    @Test("Each error is one sentence", arguments: cases)
    func sentences(fault: Case) {
        let sentence = "\(fault.error)"
        #expect(sentence.hasSuffix(".") && !sentence.contains("\n") && sentence.count > 20)
    }
}
