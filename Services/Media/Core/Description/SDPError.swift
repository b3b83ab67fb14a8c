/// Why an offer is refused: the client's fault, told to it as the detail of `validation_failed`. A `mid` names the
/// section (RFC 5888); it is the client's text, but a checked token of at most `Limits.midCount` bytes.
package enum SDPError: Error, Equatable {
    /// More bytes than `Limits.sdpByteCount`.
    case tooLong
    /// The line of this number, from 1, has more bytes than ``SDPLimits/lineByteCount``.
    case lineTooLong(line: Int)
    /// The line of this number, from 1, is not `<letter>=<value>`, or its value is not what the letter demands (RFC
    /// 8866 §5).
    case malformedLine(line: Int)
    /// The first line is not `v=0` (RFC 8866 §5.1).
    case notSDP
    /// More sections than ``SDPLimits/sectionCount``.
    case tooManySections
    /// The section at this place, from 1, has no `a=mid` (RFC 5888).
    case missingMid(section: Int)
    /// The mid of the section at this place, from 1, is not a token of 1 to `Limits.midCount` bytes.
    case invalidMid(section: Int)
    /// Two sections have this mid.
    case duplicateMid(String)
    /// No section of audio or video can be used.
    case noUsableSection
    /// The section is not in the first BUNDLE group (RFC 9143).
    case notBundled(mid: String)
    /// The bundle has no `a=ice-ufrag` or no `a=ice-pwd` (RFC 8839 §5.4).
    case missingICECredentials(mid: String)
    /// `a=ice-ufrag` is not 4 to 256, or `a=ice-pwd` not 22 to 256 ice-chars (RFC 8839 §5.4).
    case invalidICECredentials(mid: String)
    /// The bundle has no `a=fingerprint` (RFC 8122).
    case missingFingerprint(mid: String)
    /// The bundle has fingerprints, but none by a known hash.
    case fingerprintNotSupported(mid: String)
    /// The bundle has no `a=setup` (RFC 8842 §5.2).
    case missingSetup(mid: String)
    /// `a=setup` is not `actpass`, `active` or `passive`.
    case setupNotSupported(mid: String)
    /// The bundle has no `a=rtcp-mux` (RFC 5761).
    case missingRTCPMux(mid: String)
    /// A payload type is not a number from 0 to 127.
    case invalidPayloadType(mid: String)
    /// More payload types than ``SDPLimits/formatCount``.
    case tooManyCodecs(mid: String)
    /// The identifier of a header extension is not one of RFC 8285 §5, or the reserved 15.
    case invalidExtensionID(mid: String)
    /// More SSRCs than ``SDPLimits/sourceCount``.
    case tooManySources(mid: String)
}

extension SDPError: CustomStringConvertible {
    /// One sentence that says what to change.
    package var description: String {
        switch self {
        case .tooLong: "The offer is too long: offer fewer sections or fewer codecs."
        case .lineTooLong(let line): "Line \(line) of the offer is longer than \(SDPLimits.lineByteCount) bytes."
        case .malformedLine(let line): "Line \(line) of the offer is not valid SDP."
        case .notSDP: "The offer is not a session description: it must begin with v=0."
        case .tooManySections: "The offer has more than \(SDPLimits.sectionCount) sections."
        case .missingMid(let section): "Section \(section) of the offer has no a=mid."
        case .invalidMid(let section): "The mid of section \(section) of the offer is not a short token."
        case .duplicateMid(let mid): "Two sections of the offer have the mid \(mid): each needs its own."
        case .noUsableSection: "The offer needs a section with Opus, VP8 or constrained baseline H.264 over DTLS-SRTP."
        case .notBundled(let mid): "Section \(mid) is not in the BUNDLE group: bundle all sections."
        case .missingICECredentials(let mid): "Section \(mid) needs a=ice-ufrag and a=ice-pwd."
        case .invalidICECredentials(let mid):
            "a=ice-ufrag or a=ice-pwd of section \(mid) has a wrong length or character."
        case .missingFingerprint(let mid): "Section \(mid) has no a=fingerprint: media is only sent over DTLS-SRTP."
        case .fingerprintNotSupported(let mid): "Section \(mid) needs a fingerprint by SHA-256, SHA-384 or SHA-512."
        case .missingSetup(let mid): "Section \(mid) has no a=setup: offer actpass."
        case .setupNotSupported(let mid): "Section \(mid) must offer a=setup:actpass, active or passive."
        case .missingRTCPMux(let mid): "Section \(mid) has no a=rtcp-mux: RTP and RTCP must share a port."
        case .invalidPayloadType(let mid): "A payload type of section \(mid) is not a number from 0 to 127."
        case .tooManyCodecs(let mid): "Section \(mid) has more than \(SDPLimits.formatCount) payload types."
        case .invalidExtensionID(let mid): "A header extension of section \(mid) has an identifier that is not allowed."
        case .tooManySources(let mid): "Section \(mid) has more than \(SDPLimits.sourceCount) SSRCs."
        }
    }
}

/// What an offer may hold, besides `Limits.sdpByteCount` and `Limits.midCount`.
package enum SDPLimits {
    /// Bytes of a line, without its end.
    package static let lineByteCount = 4_096
    /// Media sections, the rejected ones included.
    package static let sectionCount = 64
    /// Formats (payload types) of a section.
    package static let formatCount = 128
    /// Different SSRCs of a section.
    package static let sourceCount = 16
    /// Encodings of a section that are received at once (RFC 8853).
    package static let encodingCount = 3
    /// Bytes of an encoding's name: those of a one-byte header extension (RFC 8285 §4.2).
    package static let streamIDByteCount = 16
    /// Bytes of the ICE user name fragment and of the password (RFC 8839 §5.4).
    package static let fragmentByteCount = 4...256
    package static let passwordByteCount = 22...256
}
