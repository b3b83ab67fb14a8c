import Contracts
package import MediaSecurity

/// What an offer asks for and the node agrees to (RFC 8829 §5.10, RFC 3264). The client always offers; the node answers
/// with `answer(_:senders:)`. All accepted sections share one transport: BUNDLE (RFC 9143), rtcp-mux, ICE and DTLS.
package struct NegotiatedSession: Sendable {
    /// The client's ICE user name fragment, 4 to 256 ice-chars, and password, 22 to 256 (RFC 8839 §5.4).
    package let remoteFragment: String
    package let remotePassword: String
    /// Of the certificate with which the client does DTLS: the first of those offered whose hash is known.
    package let fingerprint: CertificateFingerprint
    /// All sections in the offer's order, the rejected ones too. At least one is accepted.
    package private(set) var sections: [NegotiatedSection]
    /// Which side of DTLS the client would be.
    package let setup: SetupAttribute
    /// Whether the offer has mids (RFC 5888). Where it has none, a section is named by its place, from 0, and the answer
    /// has none either.
    let hasMids: Bool
    /// Whether the offer has a BUNDLE group; one section needs none, and sections without mids cannot have one.
    let isGrouped: Bool
    /// The mids of the accepted sections in the offer's order; the first is the section that stands for the transport.
    let bundle: [String]
    /// Whether the client lets one-byte and two-byte header extensions mix in all sections (RFC 8285 §6).
    let allowsMixedExtensions: Bool

    /// Reads an offer and decides what to do on each section.
    ///
    /// The transport's attributes (`ice-ufrag`, `ice-pwd`, `fingerprint`, `setup`) count where they stand in the first
    /// accepted section of the bundle, or else in the session, and `rtcp-mux` in that section: those of other bundled
    /// sections may be absent and mean nothing (RFC 9143 §7).
    package init(offer: String) throws(SDPError) {
        let description = try SessionDescription(offer)
        hasMids = description.sections.contains { $0.attributes.contains("mid") }
        let mids = try hasMids ? description.uniqueMids() : description.sections.indices.map(String.init)
        let isGrouped = !description.bundle.isEmpty
        self.isGrouped = isGrouped
        let bundle = isGrouped ? description.bundle : description.impliedBundle(mids)
        var sections: [NegotiatedSection] = []
        for (mid, section) in zip(mids, description.sections) {
            let negotiated = try NegotiatedSection(
                section, mid: mid, sessionDirection: MediaDirection(in: description.attributes),
                sessionMixesExtensions: description.attributes.contains("extmap-allow-mixed"))
            if negotiated.role != .rejected && !bundle.contains(mid[...]) { throw .notBundled(mid: mid) }
            sections.append(negotiated)
        }
        var accepted = Set(sections.filter { $0.role != .rejected }.map(\.mid))
        self.bundle = bundle.map(String.init).filter { accepted.remove($0) != nil }
        guard let first = self.bundle.first, let index = mids.firstIndex(of: first) else { throw .noUsableSection }
        let transport = TransportAttributes(
            section: description.sections[index].attributes, session: description.attributes, mid: first)
        (remoteFragment, remotePassword) = try transport.credentials()
        fingerprint = try transport.fingerprint()
        setup = try transport.setup()
        try transport.checkMultiplexing()
        self.sections = sections
        allowsMixedExtensions = description.attributes.contains("extmap-allow-mixed")
    }

    /// The same with these codecs first in what the client sends as video.
    func preferring(_ codecs: Set<Codec>) -> NegotiatedSession {
        var session = self
        for index in session.sections.indices { session.sections[index].prefer(codecs) }
        return session
    }

    /// The client's id of an extension, which is one in all sections (RFC 9143 §9.1.1); 0 if it has none.
    func id(of known: HeaderExtension) -> UInt8 { sections.lazy.compactMap { $0.extensions[known] }.first ?? 0 }
}

/// Which side of DTLS a client would be (RFC 8842 §5.2, RFC 4145 §4).
package enum SetupAttribute: String, Sendable {
    case actpass
    case active
    case passive

    /// Whether the node may be on this side then.
    package func permits(_ role: DTLSRole) -> Bool {
        switch self {
        case .actpass: true
        case .active: role == .server
        case .passive: role == .client
        }
    }

    /// The node is the server where it may choose: a client that was told so may begin before the answer is there.
    package var preferredRole: DTLSRole { permits(.server) ? .server : .client }
}

extension SessionDescription {
    /// What stands for a BUNDLE group in an offer without one: a section alone needs no group, and sections without mids
    /// cannot be in one, but are taken as one if they have one transport.
    fileprivate func impliedBundle(_ mids: [String]) -> [Substring] {
        let fragments = Set(sections.map { $0.attributes.value("ice-ufrag") ?? attributes.value("ice-ufrag") })
        let hasMids = sections.contains { $0.attributes.contains("mid") }
        return sections.count == 1 || !hasMids && fragments.count == 1 ? mids.map { $0[...] } : []
    }

    /// The mid of each section (RFC 5888), in their order.
    fileprivate func uniqueMids() throws(SDPError) -> [String] {
        var mids: [String] = []
        var known: Set<Substring> = []
        for (index, section) in sections.enumerated() {
            guard let mid = section.attributes.value("mid") else { throw .missingMid(section: index + 1) }
            guard mid.isToken, mid.utf8.count <= Limits.midCount else { throw .invalidMid(section: index + 1) }
            guard known.insert(mid).inserted else { throw .duplicateMid(String(mid)) }
            mids.append(String(mid))
        }
        return mids
    }
}

/// The attributes that hold for the whole bundle.
private struct TransportAttributes {
    let section: SDPAttributes
    let session: SDPAttributes
    let mid: String

    private func value(_ name: Substring) -> Substring? { section.value(name) ?? session.value(name) }

    func credentials() throws(SDPError) -> (fragment: String, password: String) {
        guard let fragment = value("ice-ufrag"), let password = value("ice-pwd") else {
            throw .missingICECredentials(mid: mid)
        }
        guard SDPLimits.fragmentByteCount.contains(fragment.utf8.count), fragment.isICEText,
            SDPLimits.passwordByteCount.contains(password.utf8.count), password.isICEText
        else { throw .invalidICECredentials(mid: mid) }
        return (String(fragment), String(password))
    }

    func fingerprint() throws(SDPError) -> CertificateFingerprint {
        let offered = section.contains("fingerprint") ? section.values("fingerprint") : session.values("fingerprint")
        guard !offered.isEmpty else { throw .missingFingerprint(mid: mid) }
        for text in offered {
            if let fingerprint = CertificateFingerprint(text) { return fingerprint }
        }
        throw .fingerprintNotSupported(mid: mid)
    }

    func setup() throws(SDPError) -> SetupAttribute {
        guard let text = value("setup") else { throw .missingSetup(mid: mid) }
        guard let setup = SetupAttribute(rawValue: String(text)) else { throw .setupNotSupported(mid: mid) }
        return setup
    }

    func checkMultiplexing() throws(SDPError) {
        guard section.contains("rtcp-mux") else { throw .missingRTCPMux(mid: mid) }
    }
}
