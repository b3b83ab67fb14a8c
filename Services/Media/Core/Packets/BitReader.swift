/// A place among bits, the highest of each byte first. The bytes are given to each call, since a span cannot be kept.
///
/// Past the end it gives zeros and notes that, so that a parser can look once, where it is done.
package struct BitReader: Sendable {
    /// Bits taken so far.
    package private(set) var position = 0
    private let bitCount: Int
    /// Whether more was taken than there is.
    package private(set) var isPastEnd = false

    /// - Parameter byteCount: of the bytes that each call is given.
    package init(byteCount: Int) { bitCount = byteCount * 8 }

    /// The next bits as a number, 32 at most.
    package mutating func bits(_ count: Int, of bytes: Span<UInt8>) -> UInt32 {
        guard count <= bitCount - position else {
            position = bitCount
            isPastEnd = true
            return 0
        }
        var value: UInt32 = 0
        for place in position..<(position + count) {
            value = value << 1 | UInt32(bytes[place >> 3] >> (7 - UInt8(place & 7)) & 1)
        }
        position += count
        return value
    }

    package mutating func flag(of bytes: Span<UInt8>) -> Bool { bits(1, of: bytes) == 1 }

    /// A number below `limit`, from 1 to 2^31, in as few bits as that takes: the smaller ones have one less
    /// (AV1 bitstream specification §4.10.7, ns(n)).
    package mutating func number(below limit: UInt32, of bytes: Span<UInt8>) -> UInt32 {
        let width = 32 - limit.leadingZeroBitCount
        let short = (1 << UInt32(width)) - limit
        let value = bits(width - 1, of: bytes)
        guard value >= short else { return value }
        return value << 1 - short + bits(1, of: bytes)
    }
}
