import Contracts
import MediaSecurity

/// The codecs and header extensions that a peer offers, under numbers of its own.
struct PeerFormats {
    struct Codec: Hashable {
        let payloadType: UInt8
        /// As in `a=rtpmap`: `opus/48000/2`.
        let encoding: String

        /// `opus`, `red`, `VP8`, `VP9`, `AV1` or `H264`.
        var name: Substring { encoding.prefix { $0 != "/" } }
    }

    static let mid = "urn:ietf:params:rtp-hdrext:sdes:mid"
    static let audioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    static let orientation = "urn:3gpp:video-orientation"
    static let transportSequence = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
    static let streamID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
    static let descriptor = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
    static let repairedStreamID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"

    let audio: [Codec]
    let video: [Codec]
    /// The numbers of retransmissions by those of the video codecs they repeat (RFC 4588); empty without.
    let repairs: [UInt8: UInt8]
    /// Whether estimates of what may be sent are offered (REMB).
    let takesEstimates: Bool
    /// Of H264.
    let h264Parameters: String
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
        repairs = [:]
        takesEstimates = false
        h264Parameters = MediaPeer.Configuration(seed: 0).h264Parameters
        extensions = sections.lazy.compactMap { $0.extensions[Self.mid] }.first.map { [Self.mid: $0] } ?? [:]
    }

    init(_ configuration: MediaPeer.Configuration, random: inout SplitMix64) {
        let videoCodecs = configuration.videoCodecs
        let types = (UInt8(96)...127).shuffled(using: &random)
        let opus = Codec(payloadType: types[0], encoding: "opus/48000/2")
        let red = Codec(payloadType: types[types.count - 1], encoding: "red/48000/2")
        audio = configuration.usesRedundancy ? [red, opus] : [opus]
        video = videoCodecs.enumerated().map {
            Codec(payloadType: types[$0.offset + 1], encoding: "\($0.element)/90000")
        }
        takesEstimates = configuration.takesEstimates
        h264Parameters = configuration.h264Parameters
        repairs =
            configuration.usesRepair
            ? Dictionary(
                uniqueKeysWithValues: video.enumerated().map {
                    ($0.element.payloadType, types[$0.offset + 1 + videoCodecs.count])
                }) : [:]
        let ids = (UInt8(1)...14).shuffled(using: &random)
        var extensions = [Self.mid: ids[0], Self.audioLevel: ids[1], Self.orientation: ids[2]]
        if configuration.usesTransportFeedback { extensions[Self.transportSequence] = ids[3] }
        if !configuration.encodings.isEmpty {
            extensions[Self.streamID] = ids[4]
            extensions[Self.repairedStreamID] = ids[5]
        }
        if videoCodecs.contains("AV1") { extensions[Self.descriptor] = ids[6] }
        self.extensions = extensions
    }

    func codecs(isVideo: Bool) -> [Codec] { isVideo ? video : audio }

    func extensions(isVideo: Bool) -> [String: UInt8] {
        let foreign =
            isVideo ? [Self.audioLevel] : [Self.orientation, Self.streamID, Self.repairedStreamID, Self.descriptor]
        return extensions.filter { !foreign.contains($0.key) }
    }
}

/// One section of a peer's offers. Sections are never removed, and keep their place.
struct PeerSection {
    let mid: String
    let isVideo: Bool
    /// What it publishes, the lowest encoding first; empty for one that receives.
    let tracks: [PeerTrackIdentity]
}

struct PeerTrackIdentity {
    let source: CallSource
    let ssrc: UInt32
    /// Under which it sends packets again, if it does so in a stream of its own.
    let repairSSRC: UInt32?
    /// The name of the encoding (RFC 8851), one of several.
    let streamID: String?
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
        let types = codecs.flatMap { [$0.payloadType, formats.repairs[$0.payloadType]] }
            .compactMap { $0.map { String($0) } }.joined(separator: " ")
        var lines = [
            "m=\(section.isVideo ? "video" : "audio") 9 UDP/TLS/RTP/SAVPF \(types)", "c=IN IP4 0.0.0.0",
            "a=rtcp:9 IN IP4 0.0.0.0", "a=ice-ufrag:\(fragment)", "a=ice-pwd:\(password)", "a=ice-options:trickle",
            "a=fingerprint:\(fingerprint)", "a=setup:\(setup)", "a=mid:\(section.mid)",
        ]
        for (name, id) in formats.extensions(isVideo: section.isVideo).sorted(by: { $0.value < $1.value }) {
            lines.append("a=extmap:\(id) \(name)")
        }
        lines += [section.tracks.isEmpty ? "a=recvonly" : "a=sendonly", "a=rtcp-mux", "a=rtcp-rsize"]
        var feedback = formats.extensions[PeerFormats.transportSequence] == nil ? [] : ["transport-cc"]
        if formats.takesEstimates { feedback.append("goog-remb") }
        for codec in codecs {
            lines += self.lines(codec)
            lines += feedback.map { "a=rtcp-fb:\(codec.payloadType) \($0)" }
            guard let repair = formats.repairs[codec.payloadType] else { continue }
            lines += ["a=rtpmap:\(repair) rtx/90000", "a=fmtp:\(repair) apt=\(codec.payloadType)"]
        }
        return lines + sources(section.tracks)
    }

    /// What names the streams: their SSRCs, or the names that their packets carry.
    private func sources(_ tracks: [PeerTrackIdentity]) -> [String] {
        guard let track = tracks.first else { return [] }
        var lines = ["a=msid:\(cname) \(track.source.rawValue)"]
        let names = tracks.compactMap(\.streamID)
        guard names.isEmpty else {
            return lines + names.map { "a=rid:\($0) send" } + ["a=simulcast:send \(names.joined(separator: ";"))"]
        }
        if let repair = track.repairSSRC {
            lines += ["a=ssrc-group:FID \(track.ssrc) \(repair)", "a=ssrc:\(repair) cname:\(cname)"]
        }
        return lines + ["a=ssrc:\(track.ssrc) cname:\(cname)"]
    }

    private func lines(_ codec: PeerFormats.Codec) -> [String] {
        let type = codec.payloadType
        let lines = ["a=rtpmap:\(type) \(codec.encoding)"]
        let feedback = ["a=rtcp-fb:\(type) nack", "a=rtcp-fb:\(type) nack pli", "a=rtcp-fb:\(type) ccm fir"]
        switch codec.name {
        case "opus": return lines + ["a=fmtp:\(type) minptime=10;useinbandfec=1"]
        case "red":
            let opus = formats.audio.last?.payloadType ?? 0
            return lines + ["a=fmtp:\(type) \(opus)/\(opus)"]
        case "H264":
            return lines + ["a=fmtp:\(type) \(formats.h264Parameters)"] + feedback
        default: return lines + feedback
        }
    }
}
