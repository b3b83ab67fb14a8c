package import Contracts

/// Whom a text addresses: `@username` at the start of a word, `@all` (also `@channel` and `@everyone`), and `@here`.
///
/// Code is quoted, not said: what stands in code spans and fenced code blocks (CommonMark §6.1 and §4.5) names nobody. Nor
/// does what is part of an e-mail address, of a path such as `example.org/@ada`, or follows a backslash.
package struct MentionedNames: Equatable, Sendable {
    /// User names in lower case, each once, in the order of the text; at most ``Limits/mentionCandidates``. Whether
    /// anybody has them is not known here.
    package private(set) var names: [String] = []
    /// Whom it addresses beside them; all, if both.
    package private(set) var audience: MentionAudience?

    /// Words that address many, in lower case. Nobody may have them as a user name.
    package static let audiences: [String: MentionAudience] = [
        "all": .all, "channel": .all, "everyone": .all, "here": .here,
    ]

    package init(in text: String) {
        // Most texts name nobody.
        guard text.utf8.contains(UInt8(ascii: "@")) else { return }
        let scalars = Array(text.unicodeScalars)
        var known: Set<String> = []
        for paragraph in Self.paragraphs(of: scalars) {
            Self.eachMention(in: scalars[paragraph]) { name in
                if let audience = Self.audiences[name] {
                    if self.audience != .all { self.audience = audience }
                } else if names.count < Limits.mentionCandidates, known.insert(name).inserted {
                    names.append(name)
                }
            }
        }
    }

    // MARK: Blocks

    /// The runs of lines that are neither blank nor part of a fenced code block: no code span goes beyond one of them.
    private static func paragraphs(of text: [UnicodeScalar]) -> [Range<Int>] {
        var paragraphs: [Range<Int>] = []
        var fence: Fence?
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: "\n").map { $0 + 1 } ?? text.count
            let line = text[start..<end]
            if let open = fence {
                if open.isClosed(by: line) { fence = nil }
            } else if let opened = Fence(opening: line) {
                fence = opened
            } else if !line.allSatisfy(\.properties.isWhitespace) {
                if let last = paragraphs.last, last.upperBound == start {
                    paragraphs[paragraphs.count - 1] = last.lowerBound..<end
                } else {
                    paragraphs.append(start..<end)
                }
            }
            start = end
        }
        return paragraphs
    }

    /// The first line of a fenced code block: three or more backticks or tildes, after at most three spaces.
    private struct Fence {
        let mark: UnicodeScalar
        let count: Int

        init?(opening line: ArraySlice<UnicodeScalar>) {
            guard let (mark, count, rest) = Self.read(line), mark == "~" || !rest.contains("`") else { return nil }
            self.mark = mark
            self.count = count
        }

        func isClosed(by line: ArraySlice<UnicodeScalar>) -> Bool {
            guard let (mark, count, rest) = Self.read(line) else { return false }
            return mark == self.mark && count >= self.count && rest.allSatisfy(\.properties.isWhitespace)
        }

        private static func read(
            _ line: ArraySlice<UnicodeScalar>
        ) -> (mark: UnicodeScalar, count: Int, rest: ArraySlice<UnicodeScalar>)? {
            let spaces = line.prefix { $0 == " " }.count
            let text = line.dropFirst(spaces)
            guard spaces <= 3, let mark = text.first, mark == "`" || mark == "~" else { return nil }
            let count = text.prefix { $0 == mark }.count
            return count >= 3 ? (mark, count, text.dropFirst(count)) : nil
        }
    }

    // MARK: Words

    private static func eachMention(in text: ArraySlice<UnicodeScalar>, body: (String) -> Void) {
        let spans = codeSpans(in: text)
        var place = text.startIndex
        while place < text.endIndex {
            if let end = spans[place] {
                place = end
            } else if text[place] == "@", place == text.startIndex || mayPrecedeMention(text[place - 1]),
                let name = name(in: text[(place + 1)...])
            {
                body(name)
                place += 1 + name.utf8.count
            } else {
                place += 1
            }
        }
    }

    /// Where code spans begin, and where each ends: a run of backticks up to the next run of the same length. One pass
    /// from the end, so that a text of nothing but backticks costs no more than another.
    private static func codeSpans(in text: ArraySlice<UnicodeScalar>) -> [Int: Int] {
        var runs: [Range<Int>] = []
        var place = text.startIndex
        while let start = text[place...].firstIndex(of: "`") {
            place = start + text[start...].prefix { $0 == "`" }.count
            runs.append(start..<place)
        }
        var nextOfLength: [Int: Int] = [:]
        var closers: [Int: Int] = [:]
        for run in runs.reversed() {
            closers[run.lowerBound] = nextOfLength[run.count]
            nextOfLength[run.count] = run.upperBound
        }
        var spans: [Int: Int] = [:]
        var end = text.startIndex
        for run in runs where run.lowerBound >= end {
            // Before a span a backslash makes a backtick a backtick; in a span it means nothing.
            guard run.lowerBound == text.startIndex || text[run.lowerBound - 1] != "\\",
                let closer = closers[run.lowerBound]
            else { continue }
            spans[run.lowerBound] = closer
            end = closer
        }
        return spans
    }

    /// The name that the text begins with, in lower case.
    private static func name(in text: ArraySlice<UnicodeScalar>) -> String? {
        let name = text.prefix { isNameScalar($0) }
        guard Limits.usernameCount.contains(name.count) else { return nil }
        // In ada@example.org and @ada@example.org the second part is a host; in @adaé the name is another.
        if let next = text.dropFirst(name.count).first, next == "@" || continuesWord(next) { return nil }
        return String(String.UnicodeScalarView(name)).lowercased()
    }

    private static func isNameScalar(_ scalar: UnicodeScalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_": true
        default: false
        }
    }

    private static func mayPrecedeMention(_ scalar: UnicodeScalar) -> Bool {
        switch scalar {
        case ".", "-", "+", "%", "/", "\\", "@": false
        default: !isNameScalar(scalar) && !continuesWord(scalar)
        }
    }

    /// Letters of scripts that part words by spaces, and marks on them. Chinese, for one, does not.
    private static func continuesWord(_ scalar: UnicodeScalar) -> Bool {
        scalar.properties.isCased || scalar.properties.isGraphemeExtend
    }
}
