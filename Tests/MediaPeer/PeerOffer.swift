import Contracts
import MediaSecurity

/// The codecs and header extensions that a peer offers, under numbers of its own.
struct PeerFormats {
    struct Codec: Hashable {
        let payloadType: UInt8
        /// As in `a=rtpmap`: `opus/48000/2`.
        let encoding: String

        /// `opus`, `VP8` or `H264`.
        var name: Substring { encoding.prefix { $0 != "/" } }
    }

    static let mid = "urn:ietf:params:rtp-hdrext:sdes:mid"
    static let audioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    static let orientation = "urn:3gpp:video-orientation"

    let audio: [Codec]
    let video: [Codec]
    /// Ids by name, for all sections alike, as BUNDLE demands (RFC 9143 §9.1.1).
    let extensions: [String: UInt8]

    /// Those of a server's offer that a peer takes: what it understands, under the server's numbers, and MID.
    init(of sections: [PeerAnswer.Section], videoCodecs: [String]) {
        func taken(isVideo: Bool, _ names: [String]) -> [Codec] {
            let offered = sections.first { $0.isVideo == isVideo }?.codecs ?? []
            return offered.map { Codec(payloadType: $0.payloadType, encoding: $0.encoding) }
                .filter { names.contains(String($0.name)) }
        }
        audio = taken(isVideo: false, ["opus"])
        video = taken(isVideo: true, videoCodecs)
        extensions = sections.lazy.compactMap { $0.extensions[Self.mid] }.first.map { [Self.mid: $0] } ?? [:]
    }

    init(videoCodecs: [String], random: inout SplitMix64) {
        let types = (UInt8(96)...127).shuffled(using: &random)
        audio = [Codec(payloadType: types[0], encoding: "opus/48000/2")]
        video = videoCodecs.enumerated().map {
            Codec(payloadType: types[$0.offset + 1], encoding: "\($0.element)/90000")
        }
        let ids = (UInt8(1)...14).shuffled(using: &random)
        extensions = [Self.mid: ids[0], Self.audioLevel: ids[1], Self.orientation: ids[2]]
    }

    func codecs(isVideo: Bool) -> [Codec] { isVideo ? video : audio }

    func extensions(isVideo: Bool) -> [String: UInt8] {
        extensions.filter { $0.key != (isVideo ? Self.audioLevel : Self.orientation) }
    }
}

/// One section of a peer's offers. Sections are never removed, and keep their place.
struct PeerSection {
    let mid: String
    let isVideo: Bool
    /// What it publishes; `nil` for one that receives.
    let track: PeerTrackIdentity?
}

struct PeerTrackIdentity {
    let source: CallSource
    let ssrc: UInt32
}

/// What stands in a peer's offer, or in its answer to a server's, apart from its sections (RFC 8866, RFC 8829 §5.2).
struct PeerOffer {
    let sessionID: UInt64
    let version: Int
    let fragment: String
    let password: String
    let fingerprint: String
    let setup: String
    let cname: String
    let formats: PeerFormats

    func text(_ sections: [PeerSection]) -> String {
        var lines = [
            "v=0", "o=- \(sessionID) \(version) IN IP4 127.0.0.1", "s=-", "t=0 0",
            "a=group:BUNDLE \(sections.map(\.mid).joined(separator: " "))", "a=extmap-allow-mixed",
            "a=msid-semantic: WMS *",
        ]
        for section in sections { lines += self.lines(section) }
        return lines.map { $0 + "\r\n" }.joined()
    }

    private func lines(_ section: PeerSection) -> [String] {
        let codecs = formats.codecs(isVideo: section.isVideo)
        let types = codecs.map { String($0.payloadType) }.joined(separator: " ")
        var lines = [
            "m=\(section.isVideo ? "video" : "audio") 9 UDP/TLS/RTP/SAVPF \(types)", "c=IN IP4 0.0.0.0",
            "a=rtcp:9 IN IP4 0.0.0.0", "a=ice-ufrag:\(fragment)", "a=ice-pwd:\(password)", "a=ice-options:trickle",
            "a=fingerprint:\(fingerprint)", "a=setup:\(setup)", "a=mid:\(section.mid)",
        ]
        for (name, id) in formats.extensions(isVideo: section.isVideo).sorted(by: { $0.value < $1.value }) {
            lines.append("a=extmap:\(id) \(name)")
        }
        lines += [section.track == nil ? "a=recvonly" : "a=sendonly", "a=rtcp-mux", "a=rtcp-rsize"]
        for codec in codecs { lines += self.lines(codec) }
        if let track = section.track {
            lines += ["a=msid:\(cname) \(track.source.rawValue)", "a=ssrc:\(track.ssrc) cname:\(cname)"]
        }
        return lines
    }

    private func lines(_ codec: PeerFormats.Codec) -> [String] {
        let type = codec.payloadType
        let lines = ["a=rtpmap:\(type) \(codec.encoding)"]
        let feedback = ["a=rtcp-fb:\(type) nack", "a=rtcp-fb:\(type) nack pli", "a=rtcp-fb:\(type) ccm fir"]
        switch codec.name {
        case "opus": return lines + ["a=fmtp:\(type) minptime=10;useinbandfec=1"]
        case "H264":
            let format = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
            return lines + ["a=fmtp:\(type) \(format)"] + feedback
        default: return lines + feedback
        }
    }
}
