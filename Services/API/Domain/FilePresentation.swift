/// How a stored file may be shown by a browser. People upload what they like, and it comes from the same origin as the web
/// client: only types that cannot run anything are shown or named, all others are downloaded as bytes.
package struct FilePresentation: Equatable, Sendable {
    /// Types that browsers show in place, and that hold no script.
    private static let shown: Set<String> = [
        "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp",
        "video/mp4", "video/webm", "video/x-matroska", "video/ogg", "video/quicktime",
        "audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/opus", "audio/webm", "audio/wav", "audio/x-wav",
        "audio/flac",
    ]

    /// The field `Content-Type`. A type that is not shown would be run if a page named it as its script or style; as bytes
    /// it is not.
    package let contentType: String
    /// The field `Content-Disposition` (RFC 6266).
    package let disposition: String

    package init(name: String, mediaType: String) {
        let isShown = Self.shown.contains(mediaType)
        contentType = isShown ? mediaType : "application/octet-stream"
        disposition =
            "\(isShown ? "inline" : "attachment"); filename=\"\(Self.plain(name))\"; filename*=UTF-8''\(Self.encoded(name))"
    }

    /// The name for those who read ASCII only: other characters become `_`, and so do those with a meaning in quotes.
    private static func plain(_ name: String) -> String {
        String(
            name.map { character in
                guard let byte = character.asciiValue, (0x20..<0x7F).contains(byte), !"\"\\%".utf8.contains(byte)
                else { return "_" }
                return character
            })
    }

    /// The name as bytes of UTF-8 in percent encoding (RFC 8187 §3.2.1), which is right in the path of a URL too.
    package static func encoded(_ name: String) -> String {
        var text = ""
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                text.unicodeScalars.append(UnicodeScalar(byte))
            default: text += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        return text
    }
}
