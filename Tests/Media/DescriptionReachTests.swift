import Foundation
import MediaCore
import MediaSecurity
import Testing

@Suite("Offers of clients that are no browsers")
struct DescriptionReachTests {
    private func answer(to offer: String, role: DTLSRole = .server) throws -> [String] {
        let session = try NegotiatedSession(offer: offer)
        let fingerprint = try #require(CertificateFingerprint(DescriptionFixture.fingerprint))
        return DescriptionFixture.lines(
            session.answer(
                LocalDescription(
                    fragment: "node", password: "passwordpasswordpassword", fingerprint: fingerprint, role: role,
                    candidates: [], sessionID: 1, version: 1), senders: [:]))
    }

    @Test(
        "The node is the DTLS server where it may choose, and the client for an offer that is passive",
        arguments: [("actpass", DTLSRole.server), ("active", .server), ("passive", .client)])
    func roles(setup: String, role: DTLSRole) throws {
        let offer = try DescriptionFixture.small("a=setup:actpass", by: "a=setup:\(setup)")
        let session = try NegotiatedSession(offer: offer)
        #expect(session.setup.preferredRole == role)
        #expect(session.setup.permits(role))
        #expect(session.setup.permits(role == .server ? .client : .server) == (setup == "actpass"))
        let expected = role == .server ? "a=setup:passive" : "a=setup:active"
        let lines = try answer(to: offer, role: role)
        #expect(lines.filter { $0.hasPrefix("a=setup:") } == [expected, expected])
    }

    @Test(
        "An offer without mids gets an answer without mids and without a group; its sections are named by their place")
    func withoutMids() throws {
        let offer = DescriptionFixture.small.replacing("a=mid:mic\n", with: "").replacing("a=mid:cam\n", with: "")
            .replacing("a=group:BUNDLE mic cam\n", with: "")
            .replacing("a=ice-ufrag:abcd\n", with: "").replacing("t=0 0\n", with: "t=0 0\na=ice-ufrag:abcd\n")
        let session = try NegotiatedSession(offer: offer)
        #expect(session.sections.map(\.mid) == ["0", "1"])
        #expect(session.sections.map(\.role) == [.receive, .send])
        let lines = try answer(to: offer)
        #expect(!lines.contains { $0.hasPrefix("a=mid") || $0.hasPrefix("a=group") })
        #expect(lines.count { $0.hasPrefix("m=") } == 2)
    }

    @Test("Sections without mids that have a transport each are refused")
    func ownTransports() throws {
        let offer = DescriptionFixture.small.replacing("a=mid:mic\n", with: "")
            .replacing("a=mid:cam\n", with: "a=ice-ufrag:other\n").replacing("a=group:BUNDLE mic cam\n", with: "")
        #expect(throws: SDPError.notBundled(mid: "0")) { try NegotiatedSession(offer: offer) }
    }

    @Test("A section alone needs no group")
    func alone() throws {
        let small = DescriptionFixture.small.replacing("a=group:BUNDLE mic cam\n", with: "")
        let end = try #require(small.range(of: "m=video"))
        let offer = String(small[..<end.lowerBound])
        let lines = try answer(to: offer)
        #expect(lines.contains("a=mid:mic") && !lines.contains { $0.hasPrefix("a=group") })
    }
}
