import MediaCore

/// Reads on in the content of one header.
struct ContentReader {
    private let bytes: [UInt8]
    private var reader: BitReader

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        reader = BitReader(byteCount: bytes.count)
    }

    var isPastEnd: Bool { reader.isPastEnd }
    /// Bits read so far.
    var position: Int { reader.position }

    /// At most 32.
    mutating func bits(_ count: Int) -> Int {
        let bytes = bytes
        return Int(reader.bits(count, of: bytes.span))
    }

    mutating func flag() -> Bool { bits(1) == 1 }

    mutating func skip(_ count: Int) {
        var rest = count
        while rest > 0 {
            _ = bits(min(rest, 32))
            rest -= 32
        }
    }

    /// `uvlc` (§4.10.3): zeros, a one, and as many bits as there were zeros; with 32 zeros none.
    mutating func skipVariableLength() {
        var zeros = 0
        while !isPastEnd, !flag() { zeros += 1 }
        if zeros < 32 { skip(zeros) }
    }
}
