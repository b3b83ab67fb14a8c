import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("A media peer towards a server that offers")
struct MediaPeerAnsweringTests {
    private static let node = TransportAddress.v4(0xC000_0201, port: 4000)
    private static let offer = [
        "v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0", "a=group:BUNDLE v",
        "a=fingerprint:sha-256 \(Array(repeating: "AB", count: 32).joined(separator: ":"))", "a=ice-lite",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "c=IN IP4 192.0.2.1", "a=sendonly", "a=mid:v", "a=rtcp-mux",
        "a=ice-ufrag:node", "a=ice-pwd:the-password-of-the-node", "a=setup:actpass", "a=rtpmap:96 VP8/90000",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid", "a=rtpmap:97 rtx/90000", "a=ssrc-group:FID 11 12",
        "a=ssrc:11 cname:n", "a=ssrc:12 cname:n", "a=candidate:1 1 udp 2015363327 192.0.2.1 4000 typ host",
    ].map { $0 + "\r\n" }.joined()

    private static func peer() throws -> MediaPeer {
        var configuration = MediaPeer.Configuration(seed: 1)
        configuration.audioSections = 0
        configuration.videoSections = 0
        return try MediaPeer(configuration: configuration)
    }

    private static func value(_ name: String, in sdp: String) -> String? {
        sdp.split(separator: "\r\n").first { $0.hasPrefix("a=\(name):") }.map { String($0.dropFirst(name.count + 3)) }
    }

    @Test("The answer receives what is offered, under the server's numbers, as the DTLS client")
    func answersWithTheServersNumbers() throws {
        let peer = try Self.peer()
        let lines = try peer.answer(Self.offer, now: MediaTime(nanoseconds: 1)).split(separator: "\r\n")
        for line in [
            "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:v", "a=recvonly", "a=setup:active", "a=rtpmap:96 VP8/90000",
            "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        ] { #expect(lines.contains(Substring(line)), "\(line)") }
        #expect(peer.remoteCandidates.map(\.port) == [4000])
        #expect(peer.received.keys.elementsEqual(["v"]))
    }

    @Test("An offer of a server that would be the DTLS client is refused")
    func refusesAnActiveServer() throws {
        let peer = try Self.peer()
        let offer = Self.offer.replacing("a=setup:actpass", with: "a=setup:active")
        #expect(throws: MediaPeer.Failure.self) { try peer.answer(offer, now: MediaTime(nanoseconds: 1)) }
    }

    @Test("A server's check is answered if it is authentic", arguments: [true, false])
    func answersChecks(isAuthentic: Bool) throws {
        let peer = try Self.peer()
        let now = MediaTime(nanoseconds: 1)
        let answer = try peer.answer(Self.offer, now: now)
        let fragment = try #require(Self.value("ice-ufrag", in: answer))
        let password = try #require(Self.value("ice-pwd", in: answer))
        let id = STUNTransactionID(high: 1, low: 2)
        var check = STUNWriter.bindingRequest(
            id, username: "\(fragment):node", password: isAuthentic ? password : "somebody-else's-password",
            priority: 1,
            tieBreaker: 1, useCandidate: false)
        check.withUnsafeMutableBytes { peer.receive($0, now: now) }
        var answers: [[UInt8]] = []
        peer.takeDatagrams { answers.append(Array($0)) }
        try #require(answers.count == (isAuthentic ? 1 : 0))
        guard let bytes = answers.first else { return }
        let parsed = STUNMessage(bytes.span)
        let message = try #require(parsed)
        #expect(message.kind == .bindingSuccess)
        #expect(message.transactionID == id)
        #expect(message.mappedAddress == Self.node)
        let isSigned = message.isAuthentic(bytes.span, password: password)
        #expect(isSigned)
    }
}
