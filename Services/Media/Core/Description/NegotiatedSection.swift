/// What the node does on a section.
package enum SectionRole: Sendable {
    /// The client sends.
    case receive
    /// The client receives.
    case send
    /// Neither, for now.
    case inactive
    /// The section is not part of the session: the client disabled it, or the node knows nothing that it offers.
    case rejected
}

/// The RTP header extensions the node knows (RFC 8285 §5), by their URI.
package enum HeaderExtension: String, CaseIterable, Sendable {
    /// RFC 9143 §15.
    case mid = "urn:ietf:params:rtp-hdrext:sdes:mid"
    /// RFC 6464.
    case audioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    /// 3GPP TS 26.114 §7.4.5.
    case videoOrientation = "urn:3gpp:video-orientation"
    /// The number of a packet among all of the transport (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2).
    case transportSequence = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
    /// Which encoding of a section a stream is (RFC 8852 §3.1).
    case streamID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
    /// Which encoding's packets a stream repeats (RFC 8852 §3.2).
    case repairedStreamID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
    /// What a packet's frame refers to and who needs it (AV1 RTP specification, appendix A).
    case dependencyDescriptor =
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
}

/// One media section (`m=`) of an offer and what was decided on it.
package struct NegotiatedSection: Sendable {
    /// Its identification, a token of 1 to `Limits.midCount` bytes, unique in the session (RFC 5888).
    package let mid: String
    /// Nil for a kind the node does not know, such as `application`; those are rejected.
    package let kind: MediaKind?
    package let role: SectionRole
    /// Each known codec once, in the client's order, but VP8 before the others. Empty only when rejected. What
    /// ``prefer(_:)`` names stands before that.
    package private(set) var codecs: [NegotiatedCodec]
    /// The client's identifiers, 1 to 14, of the extensions that both know; the answer and what is sent keep them.
    package let extensions: [HeaderExtension: UInt8]
    /// Of a section on which the client sends: the SSRCs it announces, without those of retransmissions (RFC 5576 §4.2).
    /// Empty when it announces none.
    package let remoteSSRCs: [UInt32]
    /// The SSRCs of retransmissions by those whose packets they repeat (RFC 5576 §4.2, RFC 4588 §8.8).
    package let remoteRepairs: [UInt32: UInt32]
    /// Of a section on which the client sends one picture in several encodings at once, the names of these, the lowest
    /// first as browsers list them: at most ``SDPLimits/encodingCount`` (RFC 8853). Empty without simulcast.
    package let streamIDs: [String]
    /// Whether RTCP of reduced size was offered (RFC 5506).
    let hasReducedSizeRTCP: Bool
    /// Whether the section itself lets one-byte and two-byte header extensions mix (RFC 8285 §6).
    let allowsMixedExtensions: Bool
    /// What a rejected section repeats from the offer: media, transport and formats of its `m=` line.
    let media: String
    let transport: String
    let formats: String

    /// - Parameters: what the session says where the section says nothing.
    init(
        _ section: MediaDescription, mid: String, sessionDirection: MediaDirection?, sessionMixesExtensions: Bool
    ) throws(SDPError) {
        self.mid = mid
        media = String(section.media)
        transport = String(section.transport)
        formats = section.formats.joined(separator: " ")
        let kind = MediaKind(section.media)
        self.kind = kind
        let attributes = section.attributes
        hasReducedSizeRTCP = attributes.contains("rtcp-rsize")
        allowsMixedExtensions = attributes.contains("extmap-allow-mixed")
        guard let kind, !section.isDisabled, section.isSecure,
            case let codecs = try NegotiatedCodec.select(from: section, kind: kind, mid: mid), !codecs.isEmpty
        else {
            (role, codecs, extensions, remoteSSRCs) = (.rejected, [], [:], [])
            (remoteRepairs, streamIDs) = ([:], [])
            return
        }
        self.codecs = codecs
        var extensions = try section.extensions(mid: mid)
        let sources = try section.primarySources(mid: mid)
        role = (MediaDirection(in: attributes) ?? sessionDirection ?? .sendrecv).role
        // Long descriptors take the two-byte form (RFC 8285 §4.1.2).
        if role == .send, !sessionMixesExtensions, !allowsMixedExtensions { extensions[.dependencyDescriptor] = nil }
        self.extensions = extensions
        remoteSSRCs = role == .receive ? sources : []
        remoteRepairs = role == .receive ? section.repairs : [:]
        streamIDs = role == .receive && kind == .video && extensions[.streamID] != nil ? section.streamIDs : []
    }

    /// A section between the two ends of a relay, of which nobody makes an offer.
    init(
        relayed mid: String, kind: MediaKind, codecs: [NegotiatedCodec], extensions: [HeaderExtension: UInt8],
        streamIDs: [String]
    ) {
        self.mid = mid
        self.kind = kind
        self.codecs = codecs
        self.extensions = extensions
        self.streamIDs = streamIDs
        role = .send
        (remoteSSRCs, remoteRepairs) = ([], [:])
        (hasReducedSizeRTCP, allowsMixedExtensions) = (true, false)
        (media, transport, formats) = ("", "", "")
    }
}

extension NegotiatedSection {
    /// The id of the number of a packet among all of the transport; 0 where no codec has feedback on it, which is negotiated
    /// by codec and not by the extension.
    var transportSequenceID: UInt8 {
        codecs.contains { $0.supportsTransportFeedback } ? extensions[.transportSequence] ?? 0 : 0
    }

    /// Puts those codecs first of what the client sends as video, which it takes from the order of the answer.
    mutating func prefer(_ preferred: Set<Codec>) {
        guard role == .receive, kind == .video else { return }
        codecs = codecs.filter { preferred.contains($0.codec) } + codecs.filter { !preferred.contains($0.codec) }
    }
}

/// The direction of media as the offerer sees it (RFC 8866 §6.7).
enum MediaDirection: String, CaseIterable {
    case sendrecv
    case sendonly
    case recvonly
    case inactive

    /// Nil when there is none.
    init?(in attributes: SDPAttributes) {
        guard let direction = Self.allCases.first(where: { attributes.contains($0.rawValue[...]) }) else { return nil }
        self = direction
    }

    /// A section is used in one direction only: one that offers both is received from.
    var role: SectionRole {
        switch self {
        case .sendrecv, .sendonly: .receive
        case .recvonly: .send
        case .inactive: .inactive
        }
    }
}

extension MediaKind {
    fileprivate init?(_ media: Substring) {
        switch media {
        case "audio": self = .audio
        case "video": self = .video
        default: return nil
        }
    }
}

extension MediaDescription {
    /// Port 0 disables a section (RFC 3264 §5.1), unless it is there only to be bundled (RFC 9143 §6).
    fileprivate var isDisabled: Bool { port == 0 && !attributes.contains("bundle-only") }

    /// Whether it is RTP over DTLS-SRTP. All of these mean that (RFC 8829 §5.1.2).
    fileprivate var isSecure: Bool {
        switch transport {
        case "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP", "RTP/SAVPF",
            "RTP/SAVP":
            true
        default: false
        }
    }

    /// The known header extensions (RFC 8285 §5): `a=extmap:<id>[/<direction>] <URI>`. One that is restricted to a
    /// direction is not used.
    fileprivate func extensions(mid: String) throws(SDPError) -> [HeaderExtension: UInt8] {
        var extensions: [HeaderExtension: UInt8] = [:]
        for line in attributes.values("extmap") {
            let (head, rest) = line.cut(at: " ")
            let (number, direction) = head.cut(at: "/")
            guard let id = UInt16(number), Self.extensionIDs.contains(where: { $0.contains(id) }) else {
                throw .invalidExtensionID(mid: mid)
            }
            guard Self.oneByteExtensionIDs.contains(id), direction == nil || direction == "sendrecv",
                let uri = rest?.words.first, let known = HeaderExtension(rawValue: String(uri)),
                extensions[known] == nil, !extensions.values.contains(UInt8(id))
            else { continue }
            extensions[known] = UInt8(id)
        }
        return extensions
    }

    /// 1 to 14 fit the one-byte form, where 15 is reserved. What is beyond is allowed but not used: it is for the
    /// two-byte form, or leaves the number to the answerer.
    private static let oneByteExtensionIDs: ClosedRange<UInt16> = 1...14
    private static let extensionIDs: [ClosedRange<UInt16>] = [oneByteExtensionIDs, 16...255, 4096...4351]

    /// The announced SSRCs (RFC 5576 §4.1): `a=ssrc:<id> <attribute>`, each once, in their order. Left out are those
    /// that only repeat another's packets: the second of `a=ssrc-group:FID <id> <id>`. What is no number is ignored.
    fileprivate func primarySources(mid: String) throws(SDPError) -> [UInt32] {
        var repeating: Set<UInt32> = []
        for group in attributes.values("ssrc-group") {
            let words = group.words
            if words.first == "FID" { repeating.formUnion(words.dropFirst(2).compactMap { UInt32($0) }) }
        }
        var sources: [UInt32] = []
        for line in attributes.values("ssrc") {
            guard let source = UInt32(line.cut(at: " ").before), !repeating.contains(source),
                !sources.contains(source)
            else { continue }
            guard sources.count < SDPLimits.sourceCount else { throw .tooManySources(mid: mid) }
            sources.append(source)
        }
        return sources
    }

    /// `a=ssrc-group:FID <id> <id>`: the second repeats packets of the first. What is no number is ignored.
    fileprivate var repairs: [UInt32: UInt32] {
        var repairs: [UInt32: UInt32] = [:]
        for group in attributes.values("ssrc-group") {
            let words = group.words
            guard words.count == 3, words[0] == "FID", let source = UInt32(words[1]), let repair = UInt32(words[2])
            else { continue }
            repairs[source] = repair
        }
        return repairs
    }

    /// The encodings the client wants to send: of `a=simulcast:send <a>;<b>,<alternative>;~<paused>` the first
    /// alternative of each that `a=rid:<name> send` declares (RFC 8853 §5.1, RFC 8851 §4). Those whose names do not fit a
    /// one-byte header extension are left out.
    fileprivate var streamIDs: [String] {
        let declared = Set(
            attributes.values("rid").compactMap { line in
                let words = line.words
                return words.count > 1 && words[1] == "send" ? words[0] : nil
            })
        let words = attributes.value("simulcast")?.words ?? []
        guard let place = words.firstIndex(of: "send"), place + 1 < words.count else { return [] }
        var names: [String] = []
        for choice in words[place + 1].utf8.split(separator: UInt8(ascii: ";")) {
            let first = Substring(choice).cut(at: ",").before
            let name = first.utf8.first == UInt8(ascii: "~") ? Substring(first.utf8.dropFirst()) : first
            guard declared.contains(name), name.isToken, name.utf8.count <= SDPLimits.streamIDByteCount,
                !names.contains(String(name)), names.count < SDPLimits.encodingCount
            else { continue }
            names.append(String(name))
        }
        return names
    }
}
