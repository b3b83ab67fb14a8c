/// The text of a UUID (RFC 9562 §4): 32 hexadecimal digits with hyphens before the 9th, 13th, 17th and 21st. Every message
/// and every reconnect reads and writes dozens of them, so this is free of generics and allocations.
package enum UUIDText {
    /// Characters of a UUID.
    package static let count = 36

    /// The two words of a UUID, the first digits in the high one; `nil` if the bytes are anything else.
    package static func read(_ bytes: UnsafeRawBufferPointer) -> (high: UInt64, low: UInt64)? {
        guard bytes.count == count else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        var position = 0
        for digitIndex in 0..<32 {
            if isHyphen(before: digitIndex) {
                guard bytes[position] == UInt8(ascii: "-") else { return nil }
                position += 1
            }
            guard let digit = digitValue(bytes[position]) else { return nil }
            if digitIndex < 16 { words.0 = words.0 << 4 | digit } else { words.1 = words.1 << 4 | digit }
            position += 1
        }
        return words
    }

    /// Writes the characters, digits in lower case. Answers ``count``.
    @discardableResult
    package static func write(_ high: UInt64, _ low: UInt64, to text: UnsafeMutableRawBufferPointer) -> Int {
        var position = 0
        for digitIndex in 0..<32 {
            if isHyphen(before: digitIndex) {
                text[position] = UInt8(ascii: "-")
                position += 1
            }
            let word = digitIndex < 16 ? high : low
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (digitIndex & 15))) & 15
            text[position] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            position += 1
        }
        return position
    }

    private static func isHyphen(before digitIndex: Int) -> Bool {
        digitIndex == 8 || digitIndex == 12 || digitIndex == 16 || digitIndex == 20
    }

    private static func digitValue(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
