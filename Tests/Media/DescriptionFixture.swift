import Foundation
import MediaCore
import MediaSecurity

/// Offers recorded from real clients with four send sections (microphone, camera, and screen and its sound without a
/// track), six receive sections for audio and four for video (`first`), and of the same peer connection with eight more
/// for video (`more`). Addresses are replaced by those for documentation.
enum DescriptionFixture {
    static let clients = ["chromium", "firefox", "aiortc"]
    static let names = clients.flatMap { ["\($0)-first", "\($0)-more"] }

    static func offer(_ name: String) throws -> String {
        let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../Fixtures/sdp")
        let data = try Data(contentsOf: directory.appendingPathComponent("\(name).sdp"))
        return String(decoding: data, as: UTF8.self)
    }

    /// The lines of a text whose lines all end with CRLF.
    static func lines(_ text: String) -> [String] {
        var lines = text.components(separatedBy: "\r\n")
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    /// The lines of the session, and then those of each section.
    static func sections(_ text: String) -> [[String]] {
        lines(text).reduce(into: [[]]) { sections, line in
            if line.hasPrefix("m=") { sections.append([]) }
            sections[sections.count - 1].append(line)
        }
    }

    /// A small offer: a section on which the client sends sound, and one on which it receives video.
    static let small = """
        v=0
        o=- 1 2 IN IP4 0.0.0.0
        s=-
        t=0 0
        a=group:BUNDLE mic cam
        m=audio 9 UDP/TLS/RTP/SAVPF 111
        c=IN IP4 0.0.0.0
        a=mid:mic
        a=sendonly
        a=ice-ufrag:abcd
        a=ice-pwd:abcdefghijklmnopqrstuv
        a=fingerprint:\(fingerprint)
        a=setup:actpass
        a=rtcp-mux
        a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
        a=rtpmap:111 opus/48000/2
        a=ssrc:7 cname:x
        m=video 9 UDP/TLS/RTP/SAVPF 96 97
        c=IN IP4 0.0.0.0
        a=mid:cam
        a=recvonly
        a=rtcp-mux
        a=rtpmap:96 H264/90000
        a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
        a=rtpmap:97 VP8/90000
        a=rtcp-fb:97 nack

        """
    static let fingerprint = "sha-256 " + Array(repeating: "AB", count: 32).joined(separator: ":")

    /// The small offer with its first `text` replaced.
    static func small(_ text: String, by replacement: String) throws -> String {
        guard let range = small.range(of: text) else { throw CocoaError(.coderValueNotFound) }
        return small.replacingCharacters(in: range, with: replacement)
    }

    static func local(version: Int = 1, candidates: [TransportAddress] = []) throws -> LocalDescription {
        guard let own = CertificateFingerprint("sha-256 " + Array(repeating: "CD", count: 32).joined(separator: ":"))
        else { throw CocoaError(.coderValueNotFound) }
        return LocalDescription(
            fragment: "node", password: "zyxwvutsrqponmlkjihgfe", fingerprint: own, candidates: candidates,
            sessionID: 4_711, version: version)
    }

    /// An identity for each section on which the node sends.
    static func senders(_ session: NegotiatedSession) -> [String: SenderIdentity] {
        var senders: [String: SenderIdentity] = [:]
        for (index, section) in session.sections.enumerated() where section.role == .send {
            senders[section.mid] = SenderIdentity(
                ssrc: 1_000 + UInt32(index), cname: "roost", streamID: "s\(section.mid)", trackID: "t\(section.mid)")
        }
        return senders
    }
}
