package import Contracts

extension Checks {
    /// A file's name as it is stored: without the path that some clients send before it, and without marks that turn the
    /// direction of text, with which `exe.gnp` can be made to look like `png.exe` reversed.
    package static func fileName(_ text: String) throws(APIError) -> String {
        let last = text.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
        let name = trimmed(String(String.UnicodeScalarView(last.unicodeScalars.filter { !$0.turnsDirection })))
        guard Limits.fileNameScalarCount.contains(name.unicodeScalars.count), isPrintable(name), name != ".",
            name != ".."
        else {
            throw invalid(
                "name", "A file's name has 1 to \(Limits.fileNameScalarCount.upperBound) printable characters.")
        }
        return name
    }

    /// A media type in lower case, without its parameters (RFC 9110 §8.3.1).
    package static func mediaType(_ text: String) throws(APIError) -> String {
        let type = trimmed(String(text.prefix { $0 != ";" })).lowercased()
        let parts = type.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ (1...63).contains($0.utf8.count) && $0.utf8.allSatisfy(isToken) })
        else { throw invalid("mediaType", "A media type is like image/png; application/octet-stream if unknown.") }
        return type
    }

    /// What a media type's names may be made of (RFC 6838 §4.2).
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$&-^_.+".utf8.contains(byte)
        }
    }

    /// The bytes of a file, within what the server takes.
    package static func fileByteCount(_ count: Int64, upTo limit: Int64) throws(APIError) -> Int64 {
        guard count > 0 else { throw invalid("byteCount", "A file has at least one byte.") }
        guard count <= limit else {
            throw APIError(
                .bodyTooLarge,
                "A file has at most \(limit / 1_000_000) MB here. Make it smaller, or share a link to it.",
                field: "byteCount")
        }
        return count
    }

    /// A side of a picture, in pixels.
    package static func pictureSide(_ pixels: Int?, field: String) throws(APIError) -> Int? {
        guard let pixels else { return nil }
        guard Limits.pictureSide.contains(pixels) else {
            throw invalid(field, "\(field) is a number of pixels from 1 to \(Limits.pictureSide.upperBound).")
        }
        return pixels
    }

    /// The length of sound or a video.
    package static func mediaDuration(_ milliseconds: Int64?) throws(APIError) -> Int64? {
        guard let milliseconds else { return nil }
        guard Limits.mediaDurationMilliseconds.contains(milliseconds) else {
            throw invalid("durationMilliseconds", "durationMilliseconds is at most a week.")
        }
        return milliseconds
    }

    /// The files of a message: each once, and not too many.
    package static func attachments(_ files: [FileID]?) throws(APIError) -> [FileID] {
        let files = files ?? []
        guard files.count <= Limits.attachmentsPerMessage else {
            throw invalid("attachments", "A message has at most \(Limits.attachmentsPerMessage) attachments.")
        }
        guard Set(files).count == files.count else { throw invalid("attachments", "Attach each file once.") }
        return files
    }
}

extension UnicodeScalar {
    /// Embeddings, overrides and isolates of direction (UAX #9 §2).
    fileprivate var turnsDirection: Bool {
        (0x202A...0x202E).contains(value) || (0x2066...0x2069).contains(value)
    }
}
