import Contracts

/// A session description (RFC 8866 §5), as far as the answer to an offer needs it: the attributes of the session, and
/// the media sections with theirs. Lines end with CRLF or LF. Other lines are checked for their shape only, and the
/// order of the session's lines is not checked: no client's meaning depends on it.
struct SessionDescription {
    private(set) var attributes = SDPAttributes()
    private(set) var sections: [MediaDescription] = []

    init(_ text: String) throws(SDPError) {
        guard text.utf8.count <= Limits.sdpByteCount else { throw .tooLong }
        var number = 0
        var rest = text[...].utf8
        while !rest.isEmpty {
            let line = rest.prefix { $0 != UInt8(ascii: "\n") }
            rest = rest[line.endIndex...].dropFirst()
            number += 1
            try read(Substring(line.last == UInt8(ascii: "\r") ? line.dropLast() : line), number)
        }
        guard number > 0 else { throw .notSDP }
    }

    /// The mids of the first BUNDLE group (RFC 9143 §7), empty if there is none.
    var bundle: [Substring] {
        for group in attributes.values("group") {
            let words = group.words
            if words.first == "BUNDLE" { return Array(words.dropFirst()) }
        }
        return []
    }

    private mutating func read(_ line: Substring, _ number: Int) throws(SDPError) {
        let bytes = line.utf8
        guard bytes.count <= SDPLimits.lineByteCount else { throw .lineTooLong(line: number) }
        if number == 1 {
            guard line == "v=0" else { throw .notSDP }
            return
        }
        guard let type = bytes.first, bytes.dropFirst().first == UInt8(ascii: "="),
            !bytes.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\r") })
        else { throw .malformedLine(line: number) }
        let value = Substring(bytes.dropFirst(2))
        switch type {
        case UInt8(ascii: "m"):
            guard sections.count < SDPLimits.sectionCount else { throw .tooManySections }
            guard let section = MediaDescription(value) else { throw .malformedLine(line: number) }
            sections.append(section)
        case UInt8(ascii: "a"):
            let isValid =
                sections.isEmpty ? attributes.append(value) : sections[sections.count - 1].attributes.append(value)
            guard isValid else { throw .malformedLine(line: number) }
        default:
            guard Self.ignoredTypes.contains(type) else { throw .malformedLine(line: number) }
        }
    }

    /// The letters of RFC 8866 §5 that are allowed but mean nothing here. A description with any other is to be
    /// refused.
    private static let ignoredTypes: [UInt8] = Array("osiuepcbtrzk".utf8)
}

/// One media section (RFC 8866 §5.14): `m=<media> <port>[/<count>] <proto> <fmt> …` and its attributes.
struct MediaDescription {
    let media: Substring
    let port: UInt16
    let transport: Substring
    let formats: [Substring]
    var attributes = SDPAttributes()

    /// Nil when the line is malformed.
    fileprivate init?(_ value: Substring) {
        let words = value.words
        guard words.count >= 4, words[0].isToken,
            let port = words[1].utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1).first,
            let port = UInt16(Substring(port))
        else { return nil }
        media = words[0]
        self.port = port
        transport = words[2]
        formats = Array(words[3...])
    }
}

/// The `a=` lines of a session or of a section, by name, in their order.
struct SDPAttributes {
    private var valuesByName: [Substring: [Substring]] = [:]

    /// The first value of an attribute; empty for one without a value, nil if there is none.
    func value(_ name: Substring) -> Substring? { valuesByName[name]?.first }
    func values(_ name: Substring) -> [Substring] { valuesByName[name] ?? [] }
    func contains(_ name: Substring) -> Bool { valuesByName[name] != nil }

    /// Takes what stands behind `a=`: `<name>` or `<name>:<value>`. False when it is malformed.
    fileprivate mutating func append(_ line: Substring) -> Bool {
        let (name, value) = line.cut(at: ":")
        guard name.isToken else { return false }
        valuesByName[name, default: []].append(value ?? "")
        return true
    }
}

extension Substring {
    /// What spaces separate.
    var words: [Substring] { utf8.split(separator: UInt8(ascii: " ")).map { Substring($0) } }

    /// What stands before and after the first `separator`; nil after if there is none.
    func cut(at separator: Unicode.Scalar) -> (before: Substring, after: Substring?) {
        guard let place = utf8.firstIndex(of: UInt8(ascii: separator)) else { return (self, nil) }
        return (Substring(utf8[..<place]), Substring(utf8[place...].dropFirst()))
    }

    /// Whether it is a token (RFC 8866 §9): one or more printable ASCII characters without space and separators.
    var isToken: Bool {
        !isEmpty
            && utf8.allSatisfy { byte in
                switch byte {
                case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x30...0x39, 0x41...0x5A, 0x5E...0x7E: true
                default: false
                }
            }
    }

    /// Whether it consists of ice-chars (RFC 8839 §5.1): letters, digits, `+` and `/`.
    var isICEText: Bool {
        utf8.allSatisfy { byte in
            switch byte {
            case 0x2B, 0x2F, 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: false
            }
        }
    }
}
