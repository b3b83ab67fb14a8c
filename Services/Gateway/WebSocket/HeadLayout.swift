import Glibc

/// Where the parts of a head lie, counted from its first byte.
///
/// | part | |
/// |---|---|
/// | empty lines | to be ignored before a request (RFC 9112 §2.2) |
/// | method SP target SP `HTTP/1.`digit CR LF | |
/// | name `:` OWS value OWS CR LF | any number of times |
/// | CR LF | |
struct HeadLayout {
    private(set) var method = 0..<0
    private(set) var target = 0..<0
    /// The digit after `HTTP/1.`.
    private(set) var minorVersion: UInt8 = 0
    /// The field lines, each with its line end.
    private(set) var fields = 0..<0
    private(set) var byteCount = 0
    private var hostCount = 0

    enum Parsed {
        case incomplete, malformed
        case layout(HeadLayout)
    }

    static func parse(_ bytes: UnsafeRawBufferPointer) -> Parsed {
        var layout = HeadLayout()
        var lineStart = 0
        var hasRequestLine = false
        while let lineEnd = bytes.firstIndex(of: UInt8(ascii: "\n"), in: lineStart..<bytes.count) {
            // A bare line feed is not taken for a line end: others before us may see other lines than we would.
            guard lineEnd > lineStart, bytes[lineEnd - 1] == UInt8(ascii: "\r") else { return .malformed }
            let line = lineStart..<(lineEnd - 1)
            lineStart = lineEnd + 1
            if !hasRequestLine {
                if line.isEmpty { continue }
                guard layout.parseRequestLine(bytes, line) else { return .malformed }
                hasRequestLine = true
                layout.fields = lineStart..<lineStart
            } else if line.isEmpty {
                // One that names no host, or two, may mean another host to others (RFC 9112 §3.2).
                guard layout.minorVersion == 0 || layout.hostCount == 1 else { return .malformed }
                layout.fields = layout.fields.lowerBound..<line.lowerBound
                layout.byteCount = lineStart
                return .layout(layout)
            } else {
                guard layout.parseFieldLine(bytes, line) else { return .malformed }
            }
        }
        // What begins no line of a head ends the wait.
        guard lineStart < bytes.count, !hasRequestLine else { return .incomplete }
        return bytes[lineStart].isTokenByte || bytes[lineStart] == UInt8(ascii: "\r") ? .incomplete : .malformed
    }

    private mutating func parseRequestLine(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) -> Bool {
        let space = UInt8(ascii: " ")
        guard let afterMethod = bytes.firstIndex(of: space, in: line),
            let afterTarget = bytes.firstIndex(of: space, in: (afterMethod + 1)..<line.upperBound)
        else { return false }
        method = line.lowerBound..<afterMethod
        target = (afterMethod + 1)..<afterTarget
        let version = bytes[(afterTarget + 1)..<line.upperBound]
        guard !method.isEmpty, bytes.allSatisfy(in: method, \.isTokenByte),
            !target.isEmpty, bytes.allSatisfy(in: target, { $0 > 0x20 && $0 < 0x7F }),
            version.count == 8, version.starts(with: "HTTP/1.".utf8), let digit = version.last,
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit)
        else { return false }
        minorVersion = digit - UInt8(ascii: "0")
        return true
    }

    /// Checks that a token, a colon, and visible characters, spaces and tabs stand there (RFC 9112 §5). A line that
    /// continues the one before, or a space before the colon, is among what is refused (§5.1, §5.2).
    private mutating func parseFieldLine(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) -> Bool {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":"), in: line) else { return false }
        let name = line.lowerBound..<colon
        let isHost = "host".utf8.withContiguousStorageIfAvailable { bytes.equalsIgnoringCase(name, $0) }
        if isHost == true { hostCount += 1 }
        return !name.isEmpty && bytes.allSatisfy(in: name, \.isTokenByte)
            && bytes.allSatisfy(in: (colon + 1)..<line.upperBound, { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 })
    }
}

// MARK: Bytes of text

extension UnsafeRawBufferPointer {
    func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        guard let base = baseAddress, !range.isEmpty else { return nil }
        return memchr(base + range.lowerBound, Int32(byte), range.count).map { base.distance(to: $0) }
    }

    func allSatisfy(in range: Range<Int>, _ holds: (UInt8) -> Bool) -> Bool {
        for index in range where !holds(self[index]) { return false }
        return true
    }

    /// Compares without the case of ASCII letters.
    func equalsIgnoringCase(_ range: Range<Int>, _ other: UnsafeBufferPointer<UInt8>) -> Bool {
        guard range.count == other.count else { return false }
        for offset in 0..<other.count where self[range.lowerBound + offset].lowercased != other[offset].lowercased {
            return false
        }
        return true
    }

    /// The range without spaces and tabs at both ends.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (lower, upper) = (range.lowerBound, range.upperBound)
        while lower < upper, self[lower].isBlank { lower += 1 }
        while lower < upper, self[upper - 1].isBlank { upper -= 1 }
        return lower..<upper
    }
}

extension UInt8 {
    /// Whether the byte may stand in a token (RFC 9110 §5.6.2).
    var isTokenByte: Bool {
        // One bit a character: digits and !#$%&'*+-. first, then letters and ^_`|~.
        let allowed: UInt64 = self < 64 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return self < 128 && allowed >> UInt64(self & 63) & 1 != 0
    }

    /// Space or tab.
    var isBlank: Bool { self == 0x20 || self == 0x09 }

    fileprivate var lowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }
}
