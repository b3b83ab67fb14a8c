/// Changes inputs at random, the same way for the same seed.
package struct Mutator: RandomNumberGenerator, Sendable {
    /// Bytes of an input at most: more than a datagram has.
    package static let byteCount = 4096
    private static let edges: [UInt8] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF]
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// SplitMix64.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// One of the corpus, which must not be empty, with one to eight changes.
    package mutating func input(from corpus: [[UInt8]]) -> [UInt8] {
        var bytes = corpus[below(corpus.count)]
        for _ in 0...below(8) { change(&bytes, other: corpus[below(corpus.count)]) }
        if bytes.count > Self.byteCount { bytes.removeLast(bytes.count - Self.byteCount) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8], other: [UInt8]) {
        guard !bytes.isEmpty else {
            bytes = noise(1 + below(40))
            return
        }
        let place = below(bytes.count)
        switch below(9) {
        case 0: bytes[place] ^= 1 << UInt8(below(8))
        case 1: bytes[place] = UInt8(truncatingIfNeeded: next())
        case 2: bytes[place] = Self.edges[below(Self.edges.count)]
        case 3: changeLength(&bytes, at: place)
        case 4: bytes.removeLast(below(bytes.count))
        case 5: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(16)))
        case 6: bytes.insert(contentsOf: noise(1 + below(16)), at: place)
        case 7:
            // A piece of the same once more.
            bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 1 + below(32))], at: below(bytes.count))
        default:
            // The beginning of this, the end of another.
            if !other.isEmpty { bytes = Array(bytes[..<place] + other[below(other.count)...]) }
        }
    }

    /// Lengths and counts have 16 bits, and what is wrong with them is often wrong by little.
    private mutating func changeLength(_ bytes: inout [UInt8], at place: Int) {
        guard place + 1 < bytes.count else { return }
        let value = UInt16(bytes[place]) << 8 | UInt16(bytes[place + 1])
        let changed: UInt16 =
            switch below(4) {
            case 0: value &+ 1
            case 1: value &- 1
            case 2: UInt16(truncatingIfNeeded: bytes.count - place)
            default: 0xFFFF
            }
        bytes[place] = UInt8(changed >> 8)
        bytes[place + 1] = UInt8(truncatingIfNeeded: changed)
    }

    private mutating func noise(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

    private mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
}
