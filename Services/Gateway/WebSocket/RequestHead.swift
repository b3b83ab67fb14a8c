package import NIOCore

/// The head of a request, out of the first bytes of a connection (RFC 9112 §3, §5): enough to decide who serves it.
///
/// It keeps the bytes and looks fields up when asked. So it holds on to the storage of the buffer it was read from: let it
/// go when the request is answered.
package struct RequestHead: Sendable {
    /// The longest head that is read, in bytes, its empty line included.
    package static let maximumByteCount = 16 * 1024

    /// The method as sent, such as `GET`.
    package let method: String
    /// The target as sent, such as `/gateway?x=1`.
    package let target: String
    /// The digit after `HTTP/1.`.
    let minorVersion: UInt8
    /// The field lines, each with its line end.
    private let fields: ByteBuffer

    /// What the first bytes of a connection are.
    package enum Parsed: Sendable {
        /// More bytes are needed.
        case incomplete
        /// No request of HTTP/1, or one that must not be served: to be answered by 400 (RFC 9112 §2.2, §3.2).
        case malformed
        /// No end within `maximumByteCount`: to be answered by 431.
        case tooLarge
        /// A whole head, and how many bytes it takes.
        case head(RequestHead, byteCount: Int)
    }

    /// Reads the head at the beginning of the buffer, without consuming it. What cannot become a head is malformed at once,
    /// so that a stranger, such as a TLS handshake on a plain port, is not waited for.
    package static func parse(_ buffer: ByteBuffer) -> Parsed {
        let parsed = buffer.withUnsafeReadableBytes { bytes in
            HeadLayout.parse(UnsafeRawBufferPointer(rebasing: bytes.prefix(maximumByteCount)))
        }
        switch parsed {
        case .incomplete: return buffer.readableBytes < maximumByteCount ? .incomplete : .tooLarge
        case .malformed: return .malformed
        case .layout(let layout):
            let start = buffer.readerIndex
            guard let method = buffer.getString(at: start + layout.method.lowerBound, length: layout.method.count),
                let target = buffer.getString(at: start + layout.target.lowerBound, length: layout.target.count),
                let fields = buffer.getSlice(at: start + layout.fields.lowerBound, length: layout.fields.count)
            else { return .malformed }
            let head = RequestHead(method: method, target: target, minorVersion: layout.minorVersion, fields: fields)
            return .head(head, byteCount: layout.byteCount)
        }
    }

    // MARK: Target

    /// The path as sent, before any `?`. A target in absolute form, as proxies send it, loses its scheme and authority
    /// (RFC 9112 §3.2.2).
    package var path: Substring { originForm.prefix { $0 != "?" } }

    /// The value of the first parameter of that name in the query, percent-decoded; `nil` if there is none. A plus sign is
    /// a plus sign, and a percent sign that two hexadecimal digits do not follow is itself.
    package func query(_ name: String) -> String? {
        let origin = originForm
        guard let mark = origin.utf8.firstIndex(of: UInt8(ascii: "?")) else { return nil }
        for pair in origin[origin.utf8.index(after: mark)...].utf8.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            if let key = parts.first, percentDecoded(key) == name {
                return parts.count > 1 ? percentDecoded(parts[1]) : ""
            }
        }
        return nil
    }

    private var originForm: Substring {
        guard !target.hasPrefix("/"), let scheme = target.firstRange(of: "://") else { return target[...] }
        let afterScheme = target[scheme.upperBound...]
        return afterScheme[(afterScheme.firstIndex { $0 == "/" || $0 == "?" } ?? afterScheme.endIndex)...]
    }

    // MARK: Fields

    /// The value of a field, its name compared without case; those of several lines joined by `, ` (RFC 9110 §5.2, §5.3).
    package func header(_ name: String) -> String? {
        var value: String?
        forEachValue(of: name) { bytes, range in
            let text = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
            value = value.map { $0 + ", " + text } ?? text
        }
        return value
    }

    /// Whether the request asks for a WebSocket: GET, HTTP/1.1 or later, `Connection` with `upgrade`, `Upgrade` with
    /// `websocket` (RFC 6455 §4.2.1).
    package var isWebSocketUpgrade: Bool {
        method == "GET" && minorVersion >= 1 && lists("websocket", in: "Upgrade") && lists("upgrade", in: "Connection")
    }

    /// Whether a field that is a list has the token, compared without case.
    private func lists(_ token: String, in name: String) -> Bool {
        var token = token
        var isListed = false
        forEachValue(of: name) { bytes, value in
            var rest = value
            while !rest.isEmpty, !isListed {
                let end = bytes.firstIndex(of: UInt8(ascii: ","), in: rest) ?? rest.upperBound
                let element = bytes.trimmed(rest.lowerBound..<end)
                isListed = token.withUTF8 { bytes.equalsIgnoringCase(element, $0) }
                rest = min(end + 1, rest.upperBound)..<rest.upperBound
            }
        }
        return isListed
    }

    /// Passes every value of a field, as a range of the bytes. The lines were checked when they were parsed.
    private func forEachValue(of name: String, _ body: (UnsafeRawBufferPointer, Range<Int>) -> Void) {
        var name = name
        name.withUTF8 { name in
            fields.withUnsafeReadableBytes { bytes in
                var lineStart = 0
                while let lineEnd = bytes.firstIndex(of: UInt8(ascii: "\n"), in: lineStart..<bytes.count) {
                    let colon = lineStart + name.count
                    if colon < lineEnd, bytes[colon] == UInt8(ascii: ":"),
                        bytes.equalsIgnoringCase(lineStart..<colon, name)
                    {
                        body(bytes, bytes.trimmed((colon + 1)..<(lineEnd - 1)))
                    }
                    lineStart = lineEnd + 1
                }
            }
        }
    }
}

private func percentDecoded(_ encoded: Substring.UTF8View) -> String {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(encoded.count)
    var rest = encoded
    while let byte = rest.popFirst() {
        let digits = rest.prefix(2)
        if byte == UInt8(ascii: "%"), digits.count == 2, let text = String(digits), text.first?.isHexDigit == true,
            let value = UInt8(text, radix: 16)
        {
            decoded.append(value)
            rest = rest.dropFirst(2)
        } else {
            decoded.append(byte)
        }
    }
    return String(decoding: decoded, as: UTF8.self)
}
