import MediaSecurity

extension NegotiatedSession {
    /// The answer to the offer (RFC 8829 §5.3.1), with CRLF: the node is ICE-lite, and each section
    /// is used in one direction.
    ///
    /// `senders` tells by mid what the node sends on the sections that the client receives on; one without an entry is
    /// answered inactive. The candidates stand in the first accepted section, which speaks for the bundle; the other
    /// attributes of the transport are repeated in each, since not all clients take them from there.
    package func answer(_ local: LocalDescription, senders: [String: SenderIdentity]) -> String {
        var writer = SDPWriter()
        writer.line("v=0")
        writer.line("o=- \(local.sessionID) \(local.version) IN IP4 0.0.0.0")
        writer.line("s=-")
        writer.line("t=0 0")
        writer.line("a=ice-lite")
        if isGrouped { writer.line("a=group:BUNDLE \(bundle.joined(separator: " "))") }
        if allowsMixedExtensions { writer.line("a=extmap-allow-mixed") }
        for section in sections {
            guard section.role != .rejected else {
                writer.rejected(section, hasMid: hasMids)
                continue
            }
            writer.media(section, hasMid: hasMids, sender: senders[section.mid])
            writer.transport(local)
            if section.mid == bundle.first { writer.candidates(local.candidates) }
        }
        return writer.text
    }
}

/// Writes the sections of an answer, line by line.
struct SDPWriter {
    private(set) var text = ""

    mutating func line(_ line: String) { text += "\(line)\r\n" }

    /// A section that is not taken: port 0, and what `m=` must repeat (RFC 3264 §6).
    mutating func rejected(_ section: NegotiatedSection, hasMid: Bool) {
        line("m=\(section.media) 0 \(section.transport) \(section.formats)")
        line("c=IN IP4 0.0.0.0")
        if hasMid { line("a=mid:\(section.mid)") }
        line("a=inactive")
    }

    /// Everything of an accepted section that is not of the transport. Address and port mean nothing with ICE: 9 is the
    /// discard port (RFC 8829 §5.3.1).
    mutating func media(_ section: NegotiatedSection, hasMid: Bool, sender: SenderIdentity?) {
        let payloadTypes = section.codecs.flatMap { [$0.payloadType, $0.repairPayloadType] }
            .compactMap { $0.map { String($0) } }
        line("m=\(section.media) 9 \(section.transport) \(payloadTypes.joined(separator: " "))")
        line("c=IN IP4 0.0.0.0")
        if hasMid { line("a=mid:\(section.mid)") }
        line("a=\(direction(section, sender).rawValue)")
        if section.role == .send, let sender { self.sender(sender) }
        line("a=rtcp-mux")
        if section.hasReducedSizeRTCP { line("a=rtcp-rsize") }
        if section.allowsMixedExtensions { line("a=extmap-allow-mixed") }
        for known in HeaderExtension.allCases {
            if let id = section.extensions[known] { line("a=extmap:\(id) \(known.rawValue)") }
        }
        for codec in section.codecs { self.codec(codec) }
        simulcast(section.streamIDs)
    }

    private func direction(_ section: NegotiatedSection, _ sender: SenderIdentity?) -> MediaDirection {
        switch section.role {
        case .receive: .recvonly
        case .send: sender == nil ? .inactive : .sendonly
        case .inactive, .rejected: .inactive
        }
    }

    private mutating func sender(_ sender: SenderIdentity) {
        let track = "msid:\(sender.streamID) \(sender.trackID)"
        line("a=\(track)")
        if let repair = sender.repairSSRC { line("a=ssrc-group:FID \(sender.ssrc) \(repair)") }
        for ssrc in [sender.ssrc, sender.repairSSRC].compactMap(\.self) {
            line("a=ssrc:\(ssrc) cname:\(sender.cname)")
            line("a=ssrc:\(ssrc) \(track)")
        }
    }

    /// The encodings that are received (RFC 8853 §5.1, RFC 8851 §4).
    private mutating func simulcast(_ names: [String]) {
        guard !names.isEmpty else { return }
        for name in names { line("a=rid:\(name) recv") }
        line("a=simulcast:recv \(names.joined(separator: ";"))")
    }

    private mutating func codec(_ codec: NegotiatedCodec) {
        let payloadType = codec.payloadType
        line("a=rtpmap:\(payloadType) \(codec.encoding)")
        if let fmtp = codec.fmtp { line("a=fmtp:\(payloadType) \(fmtp)") }
        if codec.supportsNACK { line("a=rtcp-fb:\(payloadType) nack") }
        if codec.supportsPLI { line("a=rtcp-fb:\(payloadType) nack pli") }
        if codec.supportsFIR { line("a=rtcp-fb:\(payloadType) ccm fir") }
        if codec.supportsTransportFeedback { line("a=rtcp-fb:\(payloadType) transport-cc") }
        if codec.takesReceiverEstimate { line("a=rtcp-fb:\(payloadType) goog-remb") }
        if let repair = codec.repairPayloadType {
            line("a=rtpmap:\(repair) rtx/\(codec.clockRate)")
            line("a=fmtp:\(repair) apt=\(payloadType)")
        }
    }

    mutating func credentials(_ fragment: String, _ password: String) {
        line("a=ice-ufrag:\(fragment)")
        line("a=ice-pwd:\(password)")
    }

    mutating func transport(_ local: LocalDescription) {
        credentials(local.fragment, local.password)
        line("a=fingerprint:\(local.fingerprint)")
        line("a=setup:\(local.role == .server ? "passive" : "active")")
    }

    /// Host candidates of component 1 (RFC 8839 §5.1), each its own foundation, with priorities that fall in their
    /// order (RFC 8445 §5.1.2.1): 2^24 · 126 for a host + 2^8 · local preference + 256 − component. TCP is below all of
    /// UDP, with the lesser type preference 90 and, in the local preference, 2^13 · 4 for passive (RFC 6544 §4.2).
    mutating func candidates(_ addresses: [TransportAddress]) {
        for (index, address) in addresses.enumerated() {
            let place = "\(address.host) \(address.port) typ host"
            switch address.kind {
            case .udp: line("a=candidate:\(index + 1) 1 udp \(126 << 24 | (65_535 - index) << 8 | 255) \(place)")
            case .tcp:
                let priority = 90 << 24 | (4 << 13 | 8_191 - index) << 8 | 255
                line("a=candidate:\(index + 1) 1 tcp \(priority) \(place) tcptype passive")
            }
        }
        line("a=end-of-candidates")
    }
}
