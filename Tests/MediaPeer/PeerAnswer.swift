import MediaSecurity

/// An answer, or an offer of a server that offers, as a peer reads it: strictly, and with no code of the node.
struct PeerAnswer {
    struct Section {
        let isVideo: Bool
        let isRejected: Bool
        var mid = ""
        var direction = ""
        /// Names by payload type, in the order of `m=`.
        var codecs: [(payloadType: UInt8, encoding: String)] = []
        var extensions: [String: UInt8] = [:]
        var ssrc: UInt32?
        /// The SSRC of retransmissions (RFC 4588 §8.8).
        var repairSSRC: UInt32?
        /// What retransmissions repeat, by their payload types.
        var repairs: [UInt8: UInt8] = [:]
        /// The names of the encodings it receives (RFC 8853).
        var streamIDs: [String] = []
        var isMultiplexed = false
        var attributes: [String: String] = [:]
    }

    private(set) var fragment = ""
    private(set) var password = ""
    private(set) var fingerprint: CertificateFingerprint?
    private(set) var candidates: [(host: String, port: UInt16)] = []
    /// Those by TCP.
    private(set) var streamCandidates: [(host: String, port: UInt16)] = []
    private var leastPriority = UInt32.max
    private(set) var bundle: [String] = []
    private(set) var isLite = false
    private(set) var sections: [Section] = []
    /// Those of the session, which hold where a section has none of its own.
    private var attributes: [String: String] = [:]

    /// `setup` is what the sections must say of DTLS.
    init(_ sdp: String, setup: String = "passive") throws(MediaPeer.Failure) {
        guard sdp.hasSuffix("\r\n"), !sdp.contains("\r\n\r\n") else { throw .answer("lines end with CRLF") }
        for line in sdp.split(separator: "\r\n") {
            let value = line.dropFirst(2)
            switch line.prefix(2) {
            case "m=": try begin(value)
            case "a=": try apply(attribute: value)
            default: break
            }
        }
        for section in sections where !section.isRejected { try take(section, setup: setup) }
        guard !fragment.isEmpty, !password.isEmpty, fingerprint != nil else {
            throw .answer("the transport has ice-ufrag, ice-pwd and fingerprint")
        }
    }

    private mutating func begin(_ media: Substring) throws(MediaPeer.Failure) {
        let words = media.split(separator: " ")
        guard words.count > 3, words[0] == "audio" || words[0] == "video", words[2] == "UDP/TLS/RTP/SAVPF" else {
            throw .answer("m=\(media) is what was offered")
        }
        var section = Section(isVideo: words[0] == "video", isRejected: words[1] == "0")
        for word in words[3...] {
            guard let type = UInt8(word), type < 128 else { throw .answer("\(word) is a payload type") }
            section.codecs.append((type, ""))
        }
        sections.append(section)
    }

    private mutating func apply(attribute: Substring) throws(MediaPeer.Failure) {
        let parts = attribute.split(separator: ":", maxSplits: 1)
        guard let name = parts.first else { throw .answer("an attribute has a name") }
        let value = parts.count > 1 ? parts[1] : ""
        guard let last = sections.indices.last else {
            if name == "ice-lite" { isLite = true }
            if name == "group", value.hasPrefix("BUNDLE") {
                bundle = value.split(separator: " ").dropFirst().map(String.init)
            }
            attributes[String(name)] = String(value)
            return
        }
        switch name {
        case "mid": sections[last].mid = String(value)
        case "sendonly", "recvonly", "inactive", "sendrecv": sections[last].direction = String(name)
        case "rtcp-mux": sections[last].isMultiplexed = true
        case "rtpmap": try readCodec(value, in: last)
        case "extmap":
            let words = value.split(separator: " ")
            guard words.count == 2, let id = UInt8(words[0]) else { throw .answer("extmap:\(value) is well formed") }
            sections[last].extensions[String(words[1])] = id
        case "ssrc":
            guard let ssrc = UInt32(value.prefix { $0 != " " }) else { throw .answer("ssrc:\(value) is a number") }
            guard sections[last].repairSSRC != ssrc else { return }
            guard sections[last].ssrc == nil || sections[last].ssrc == ssrc else { throw .answer("one SSRC a section") }
            sections[last].ssrc = ssrc
        case "ssrc-group" where value.hasPrefix("FID "):
            sections[last].repairSSRC = value.split(separator: " ").last.flatMap { UInt32($0) }
        case "simulcast" where value.hasPrefix("recv "):
            sections[last].streamIDs = value.dropFirst(5).split(separator: ";").map(String.init)
        case "fmtp":
            let words = value.split(separator: " ")
            if words.count == 2, words[1].hasPrefix("apt="), let type = UInt8(words[0]) {
                sections[last].repairs[type] = UInt8(words[1].dropFirst(4))
            }
        case "candidate": try readCandidate(value)
        case "ice-ufrag", "ice-pwd", "fingerprint", "setup": sections[last].attributes[String(name)] = String(value)
        default: break
        }
    }

    private mutating func readCodec(_ value: Substring, in section: Int) throws(MediaPeer.Failure) {
        let words = value.split(separator: " ")
        guard words.count == 2, let type = UInt8(words[0]),
            let index = sections[section].codecs.firstIndex(where: { $0.payloadType == type })
        else { throw .answer("rtpmap:\(value) is of a payload type of its section") }
        sections[section].codecs[index].encoding = String(words[1])
    }

    private mutating func readCandidate(_ value: Substring) throws(MediaPeer.Failure) {
        let words = value.split(separator: " ")
        guard words.count >= 8, words[1] == "1", let priority = UInt32(words[3]), let port = UInt16(words[5]),
            words[6] == "typ", words[7] == "host"
        else { throw .answer("candidate:\(value) is a host candidate") }
        guard priority < leastPriority else { throw .answer("the priorities of candidates fall") }
        leastPriority = priority
        switch words[2].lowercased() {
        case "udp": candidates.append((String(words[4]), port))
        case "tcp" where words[8...] == ["tcptype", "passive"]: streamCandidates.append((String(words[4]), port))
        default: throw .answer("candidate:\(value) is by UDP, or passive by TCP")
        }
    }

    /// The transport's attributes, which all sections must agree on.
    private mutating func take(_ section: Section, setup: String) throws(MediaPeer.Failure) {
        let attributes = section.attributes.merging(attributes) { own, _ in own }
        guard attributes["setup"] == setup else { throw .answer("a=setup is \(setup)") }
        guard section.isMultiplexed else { throw .answer("section \(section.mid) has rtcp-mux") }
        guard let text = attributes["fingerprint"], let fingerprint = CertificateFingerprint(text) else {
            throw .answer("section \(section.mid) has a fingerprint")
        }
        let fragment = attributes["ice-ufrag"] ?? ""
        let password = attributes["ice-pwd"] ?? ""
        guard fragment.utf8.count >= 4, password.utf8.count >= 22 else {
            throw .answer("the credentials are long enough")
        }
        let isSame = self.fragment == fragment && self.password == password && self.fingerprint == fingerprint
        guard self.fragment.isEmpty || isSame else { throw .answer("bundled sections have one transport") }
        self.fragment = fragment
        self.password = password
        self.fingerprint = fingerprint
    }

    /// Whether it is an answer to these sections (RFC 3264 §6, RFC 9143 §7.3, RFC 8285 §8).
    func check(against offered: [PeerSection], formats: PeerFormats) throws(MediaPeer.Failure) {
        guard isLite else { throw .answer("the node is ICE-lite") }
        guard sections.map(\.mid) == offered.map(\.mid) else { throw .answer("the sections are those of the offer") }
        guard bundle == sections.filter({ !$0.isRejected }).map(\.mid) else {
            throw .answer("all accepted sections are bundled, in the offer's order")
        }
        for (section, offered) in zip(sections, offered) where !section.isRejected {
            guard section.isVideo == offered.isVideo else { throw .answer("section \(section.mid) is of its kind") }
            let directions = offered.tracks.isEmpty ? ["sendonly", "inactive"] : ["recvonly", "inactive"]
            guard directions.contains(section.direction) else {
                throw .answer("section \(section.mid) is not \(section.direction)")
            }
            guard section.direction != "sendonly" || section.ssrc != nil else {
                throw .answer("section \(section.mid), which sends, has an SSRC")
            }
            var known = formats.codecs(isVideo: offered.isVideo).map { [$0.payloadType: $0.encoding] }
            known += formats.repairs.values.map { [$0: "rtx/90000"] }
            guard section.repairs.allSatisfy({ formats.repairs[$0.value] == $0.key }) else {
                throw .answer("retransmissions of section \(section.mid) repeat what was offered")
            }
            let names = offered.tracks.compactMap(\.streamID)
            guard section.streamIDs.allSatisfy(names.contains), names.isEmpty == section.streamIDs.isEmpty else {
                throw .answer("the encodings of section \(section.mid) are offered ones")
            }
            guard !section.codecs.isEmpty, section.codecs.allSatisfy({ known.contains([$0.payloadType: $0.encoding]) })
            else { throw .answer("the codecs of section \(section.mid) are offered ones") }
            let extensions = formats.extensions(isVideo: offered.isVideo)
            guard section.extensions.allSatisfy({ extensions[$0.key] == $0.value }) else {
                throw .answer("the extensions of section \(section.mid) keep the offer's ids")
            }
        }
    }
}
