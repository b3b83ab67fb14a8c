package import MediaSecurity

/// What the node tells about itself in an answer.
package struct LocalDescription: Sendable {
    /// The node's ICE user name fragment and password for this client: ice-chars of the lengths in ``SDPLimits``.
    package let fragment: String
    package let password: String
    package let fingerprint: CertificateFingerprint
    /// Which side of DTLS the node is; the same for all answers to one peer connection (RFC 8842 §5.5).
    package let role: DTLSRole
    /// Where the client can reach the node, the preferred first. All are host candidates (RFC 8445 §5.1.1.1); one by
    /// TCP is passive: the client connects (RFC 6544 §4.1).
    package let candidates: [TransportAddress]
    /// The same for all answers to one peer connection; below 2^63 (RFC 8829 §5.2.1).
    package let sessionID: UInt64
    /// Grows by one with each answer.
    package let version: Int

    package init(
        fragment: String, password: String, fingerprint: CertificateFingerprint, role: DTLSRole = .server,
        candidates: [TransportAddress], sessionID: UInt64, version: Int
    ) {
        self.fragment = fragment
        self.password = password
        self.fingerprint = fingerprint
        self.role = role
        self.candidates = candidates
        self.sessionID = sessionID
        self.version = version
    }
}

/// Who sends on a section, as the client is told (RFC 5576, RFC 8830). All texts are tokens.
package struct SenderIdentity: Sendable {
    package let ssrc: UInt32
    /// Under which packets are sent again (RFC 4588); nil where the client does not take that.
    package let repairSSRC: UInt32?
    package let cname: String
    package let streamID: String
    package let trackID: String

    package init(ssrc: UInt32, repairSSRC: UInt32? = nil, cname: String, streamID: String, trackID: String) {
        self.ssrc = ssrc
        self.repairSSRC = repairSSRC
        self.cname = cname
        self.streamID = streamID
        self.trackID = trackID
    }
}
