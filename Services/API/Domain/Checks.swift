package import Contracts

/// The rules for what people type. Each returns the value as it is stored, or throws `validation_failed` with the field.
package enum Checks {
    package static func email(_ text: String) throws(APIError) -> String {
        let email = trimmed(text)
        let parts = email.split(separator: "@", omittingEmptySubsequences: false)
        guard Limits.emailCount.contains(email.count), parts.count == 2, !parts[0].isEmpty, parts[1].count >= 1,
            !email.unicodeScalars.contains(where: { $0.properties.isWhitespace || $0.value < 0x20 })
        else { throw invalid("email", "Enter an e-mail address, such as ada@example.org.") }
        return email
    }

    package static func username(_ text: String) throws(APIError) -> String {
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard allowed, Limits.usernameCount.contains(text.count) else {
            throw invalid("username", "A user name has 3 to 20 letters A to Z, digits or underscores.")
        }
        guard MentionedNames.audiences[text.lowercased()] == nil else {
            throw invalid("username", "@\(text) addresses many people. Choose another user name.")
        }
        return text
    }

    package static func displayName(_ text: String) throws(APIError) -> String {
        try name(text, "displayName", "display name", Limits.displayNameCount)
    }

    package static func workspaceName(_ text: String) throws(APIError) -> String {
        try name(text, "name", "workspace's name", Limits.workspaceNameCount)
    }

    package static func channelName(_ text: String) throws(APIError) -> String {
        try name(text, "name", "channel's name", Limits.channelNameCount)
    }

    package static func channelTopic(_ text: String) throws(APIError) -> String {
        let topic = trimmed(text)
        guard Limits.channelTopicCount.contains(topic.unicodeScalars.count), isPrintable(topic) else {
            throw invalid("topic", "A topic has at most \(Limits.channelTopicCount.upperBound) characters.")
        }
        return topic
    }

    package static func password(_ text: String) throws(APIError) {
        guard Limits.passwordCount.contains(text.unicodeScalars.count), text.utf8.count <= Limits.passwordByteCount,
            !text.utf8.contains(0)
        else {
            throw invalid(
                "password",
                "A password has \(Limits.passwordCount.lowerBound) to \(Limits.passwordCount.upperBound) characters.")
        }
    }

    /// A message keeps its spaces and line breaks, but is more than those, unless it has attachments.
    package static func messageContent(_ text: String, hasAttachments: Bool = false) throws(APIError) -> String {
        if hasAttachments, trimmed(text).isEmpty { return "" }
        guard Limits.messageScalarCount.contains(text.unicodeScalars.count), !trimmed(text).isEmpty else {
            throw invalid(
                "content", "A message has 1 to \(Limits.messageScalarCount.upperBound) characters and is not blank.")
        }
        guard text.utf8.count <= Limits.messageByteCount else {
            throw invalid("content", "A message has at most \(Limits.messageByteCount) bytes of UTF-8.")
        }
        guard !text.utf8.contains(0) else { throw invalid("content", "A message has no NUL character.") }
        return text
    }

    package static func idempotencyKey(_ text: String) throws(APIError) -> String {
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard allowed, Limits.idempotencyKeyCount.contains(text.utf8.count) else {
            throw invalid(
                "idempotencyKey", "A key has 8 to 64 letters, digits, _ or -; a new UUID for each message is right.")
        }
        return text
    }

    package static func pageLimit(_ text: (some StringProtocol)?) throws(APIError) -> Int {
        guard let text else { return Limits.defaultPageCount }
        guard let count = Int(text), Limits.pageCount.contains(count) else {
            throw invalid(
                "limit", "limit is a number from \(Limits.pageCount.lowerBound) to \(Limits.pageCount.upperBound).")
        }
        return count
    }

    /// A number of a stream that a client gives: no less than `least`, no more than PostgreSQL's bigint by its type.
    package static func streamSequence(
        _ seq: StreamSequence, from least: StreamSequence
    ) throws(APIError) -> StreamSequence {
        guard seq >= least else { throw invalid("seq", "seq is a number of the channel's stream: \(least) or more.") }
        return seq
    }

    static func name(
        _ text: String, _ field: String, _ what: String, _ count: ClosedRange<Int>
    ) throws(APIError) -> String {
        let name = trimmed(text)
        guard count.contains(name.unicodeScalars.count), isPrintable(name) else {
            throw invalid(field, "A \(what) has \(count.lowerBound) to \(count.upperBound) printable characters.")
        }
        return name
    }

    static func invalid(_ field: String, _ detail: String) -> APIError {
        APIError(.validationFailed, detail, field: field)
    }

    static func trimmed(_ text: String) -> String {
        var rest = Substring(text)
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return String(rest)
    }

    /// No control characters and no line breaks: what is shown on one line stays on one line.
    static func isPrintable(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator, .surrogate: false
            default: true
            }
        }
    }
}
