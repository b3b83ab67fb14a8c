package import Contracts
package import MediaSecurity

extension MediaPeer {
    /// What a peer is to be and do; the default is a client that sends nothing and receives as a browser's does.
    package struct Configuration: Sendable {
        /// Decides every random choice, payload types and extension ids among them: two seeds make two peers that agree
        /// on no number.
        package var seed: UInt64
        /// What it publishes, one send section each, in this order.
        package var sources: [CallSource] = []
        package var audioSections = Limits.audioSections
        package var videoSections = Limits.firstVideoSections
        /// What it sends and understands, the preferred one first: of `VP8`, `VP9`, `AV1` and `H264`. Not empty.
        package var videoCodecs = ["VP8", "H264"]
        /// The profile and packetization mode of its H264 (RFC 6184 §8.1).
        package var h264Parameters = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
        /// Whether it takes sound with copies of earlier packets, and would rather send that (RFC 2198).
        package var usesRedundancy = false
        /// Whether it offers retransmission in streams of their own (RFC 4588), and answers and takes it.
        package var usesRepair = false
        /// Whether it numbers all packets and tells when those of the node arrived
        /// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
        package var usesTransportFeedback = false
        /// Whether it goes to the node's IPv6 address.
        package var isByIPv6 = false
        /// Whether it takes estimates of what it may send (REMB).
        package var takesEstimates = false
        /// The names of the encodings in which it sends its camera at once, the lowest first (RFC 8853). Empty for one
        /// without a name.
        package var encodings: [String] = []
        package var profiles: [SRTPProfile] = SRTPProfile.allCases
        /// `nil` is one that all peers of the process share: a fingerprint tells nothing about who it is, and an
        /// association with each is its own.
        package var certificate: DTLSCertificate?
        /// What its offers say of DTLS (RFC 5763 §5): `actpass` as browsers do, or `active` for a server that would
        /// choose to be the client, or `passive` to have the server be it.
        package var setup = "actpass"
        /// Whether the caller is to connect to the node by TCP (RFC 6544) instead of UDP.
        package var isByTCP = false
        /// Whether only the checks until the first answer nominate their address.
        package var nominatesOnce = false
        /// For negative tests: the value of `a=fingerprint` in its offers.
        package var fingerprint: String?
        /// For negative tests: the key of the checks' MESSAGE-INTEGRITY.
        package var checkPassword: String?

        package init(seed: UInt64, sources: [CallSource] = []) {
            self.seed = seed
            self.sources = sources
        }
    }

    /// Why a peer cannot go on.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// An answer that breaks the rules of offer and answer, with the rule.
        case answer(String)
        case security(DTLSError)
        case srtp(SRTPError)

        package var description: String {
            switch self {
            case .answer(let rule): "The answer is wrong: \(rule)."
            case .security(let error): error.description
            case .srtp(let error): error.description
            }
        }
    }

    static let sharedCertificate = Result<DTLSCertificate, DTLSError> { () throws(DTLSError) in
        try DTLSCertificate.selfSigned()
    }
}
