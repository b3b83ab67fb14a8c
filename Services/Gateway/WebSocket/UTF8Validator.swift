/// Checks UTF-8 that comes in parts, by the table of well-formed sequences (Unicode 16 §3.9, table 3-7; RFC 3629 §4).
///
/// | first byte | bytes that follow | range of the second |
/// |---|---|---|
/// | 00–7F | 0 | |
/// | C2–DF | 1 | 80–BF |
/// | E0 | 2 | A0–BF (shorter forms exist below) |
/// | E1–EC, EE, EF | 2 | 80–BF |
/// | ED | 2 | 80–9F (surrogates above) |
/// | F0 | 3 | 90–BF (shorter forms exist below) |
/// | F1–F3 | 3 | 80–BF |
/// | F4 | 3 | 80–8F (over U+10FFFF above) |
struct UTF8Validator {
    /// How many bytes the character begun still lacks.
    private var missingByteCount: UInt8 = 0
    /// What the next byte of it may be.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    /// Whether the text may end here: no character is begun and not ended.
    var isComplete: Bool { missingByteCount == 0 }

    /// Takes the next part; false as soon as nothing that could follow makes it UTF-8.
    mutating func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < bytes.count {
            if missingByteCount == 0 {
                index = firstNonASCII(in: bytes, from: index)
                guard index < bytes.count else { return true }
                guard begin(bytes[index]) else { return false }
            } else {
                guard bytes[index] >= lowest, bytes[index] <= highest else { return false }
                missingByteCount -= 1
                (lowest, highest) = (0x80, 0xBF)
            }
            index += 1
        }
        return true
    }

    /// Eight bytes at a time: nearly all text is nearly all ASCII.
    private func firstNonASCII(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index + 8 <= bytes.count,
            bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
            index += 8
        }
        while index < bytes.count, bytes[index] < 0x80 { index += 1 }
        return index
    }

    /// Begins a character of more than one byte.
    private mutating func begin(_ byte: UInt8) -> Bool {
        switch byte {
        case 0xC2...0xDF: missingByteCount = 1
        case 0xE0...0xEF:
            missingByteCount = 2
            if byte == 0xE0 { lowest = 0xA0 }
            if byte == 0xED { highest = 0x9F }
        case 0xF0...0xF4:
            missingByteCount = 3
            if byte == 0xF0 { lowest = 0x90 }
            if byte == 0xF4 { highest = 0x8F }
        default: return false
        }
        return true
    }
}
