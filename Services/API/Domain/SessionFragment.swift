package import Contracts

/// What a client by HTTP says of its side of ICE after its offer (RFC 9725 §4.3): a fragment of SDP (RFC 8840 §9) with the
/// credentials and, usually, candidates. A node that is ICE-lite has no use for candidates.
package struct SessionFragment: Equatable, Sendable {
    /// The client's ICE user name fragment, 4 to 256 ice-chars (RFC 8839 §5.4).
    package let username: String

    /// - Throws: `malformed_request` for text that is no such fragment.
    package init(_ text: String) throws(APIError) {
        var username: Substring?
        for line in text.utf8.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            let line = Substring(line)
            guard line.utf8.dropFirst().first == UInt8(ascii: "=") else { throw Self.malformed }
            if username == nil, line.hasPrefix("a=ice-ufrag:") { username = line.dropFirst("a=ice-ufrag:".count) }
        }
        guard let username, (4...256).contains(username.utf8.count), username.utf8.allSatisfy(Self.isICECharacter)
        else { throw Self.malformed }
        self.username = String(username)
    }

    private static let malformed = APIError(
        .malformedRequest, "Send a fragment of SDP with a=ice-ufrag and a=ice-pwd (RFC 8840).")

    private static func isICECharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x2B, 0x2F, 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}

/// The value of an `If-Match` field as far as one ICE session can fit it (RFC 9110 §13.1.1).
package enum ExpectedTag: Equatable, Sendable {
    case any
    case tag(String)

    /// - Throws: `precondition_required` without a field, `precondition_failed` for one that no session fits: a weak tag,
    ///   a list, or what is no tag.
    package init(_ field: String?) throws(APIError) {
        guard let field else {
            throw APIError(.preconditionRequired, "Send If-Match with the ETag of the ICE session, or * to restart it.")
        }
        if field == "*" {
            self = .any
            return
        }
        let inner = field.utf8.dropFirst().dropLast()
        guard field.utf8.count > 2, field.utf8.first == UInt8(ascii: "\""), field.utf8.last == UInt8(ascii: "\""),
            !inner.contains(UInt8(ascii: "\""))
        else { throw APIError(.preconditionFailed, "If-Match is one strong ETag, or *.") }
        self = .tag(String(Substring(inner)))
    }

    /// The tag; `nil` for any.
    package var value: String? {
        switch self {
        case .any: nil
        case .tag(let text): text
        }
    }
}
