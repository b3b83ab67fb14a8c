/// Which decode targets a dependency descriptor says are sent (AV1 RTP specification, appendix A.8,
/// `active_decode_targets_bitmask`), and where in it: who leaves layers out of a stream tells so there.
package struct ActiveTargets: Hashable, Sendable {
    /// Bits in front of it, whether or not it is there: the mandatory fields, and if there are more, five flags and the
    /// structure.
    private var offset: Int { Int(offsetBits) }
    /// How many decode targets there are: a bit each.
    package var count: Int { Int(countBits) }
    // Small, because each packet that is kept has one.
    private let offsetBits: UInt16
    private let countBits: UInt8
    private let isPresent: Bool
    /// Those that are sent, bit n for decode target n: what the descriptor says, or one before it.
    package let sent: UInt32

    private static let mandatoryBitCount = 24
    private static let flagBitCount = 5
    /// That of the flags which tells that it is there.
    private static let flag: UInt32 = 0b01000

    init(offset: Int, isPresent: Bool, count: Int, sent: UInt32) {
        offsetBits = UInt16(truncatingIfNeeded: offset)
        countBits = UInt8(truncatingIfNeeded: count)
        self.isPresent = isPresent
        self.sent = sent
    }

    /// Copies the descriptor that this was read from, with these decode targets in it.
    /// - Parameter place: room for ``DependencyReader/byteCount`` bytes.
    /// - Returns: how many bytes it has; as it was, where it would be longer than a descriptor can be.
    package func copy(
        _ descriptor: UnsafeRawBufferPointer, telling targets: UInt32, to place: UnsafeMutableRawBufferPointer
    ) -> Int {
        place.copyMemory(from: descriptor)
        let byteCount = byteCount(of: descriptor.count)
        guard byteCount > descriptor.count || isPresent else { return descriptor.count }
        var writer = BitPlace(bytes: place, position: offset)
        if isPresent {
            writer.write(targets, count)
            return byteCount
        }
        if offset == Self.mandatoryBitCount {
            writer.write(Self.flag, Self.flagBitCount)
            writer.write(targets, count)
        } else {
            writer.write(targets, count)
            // What is behind it moves up, a byte at a time.
            var position = offset
            while position < descriptor.count * 8 {
                let width = min(8, descriptor.count * 8 - position)
                writer.write(Self.bits(descriptor, position, width), width)
                position += width
            }
            place[Self.mandatoryBitCount / 8] |= UInt8(Self.flag << 3)
        }
        writer.write(0, byteCount * 8 - writer.position)
        return byteCount
    }

    /// How many bytes a descriptor of so many has with it; as many where there is no room for more.
    private func byteCount(of byteCount: Int) -> Int {
        if isPresent { return byteCount }
        let flags = offset == Self.mandatoryBitCount ? Self.flagBitCount : 0
        let grown = (byteCount * 8 + flags + count + 7) / 8
        return grown <= DependencyReader.byteCount ? grown : byteCount
    }

    /// Up to eight bits.
    private static func bits(_ bytes: UnsafeRawBufferPointer, _ position: Int, _ width: Int) -> UInt32 {
        let index = position >> 3
        let next: UInt8 = index + 1 < bytes.count ? bytes[index + 1] : 0
        let both = UInt32(bytes[index]) << 8 | UInt32(next)
        return both >> UInt32(16 - (position & 7) - width) & (1 << UInt32(width) - 1)
    }
}

/// A place in memory that bits are written to, the highest of each byte first.
private struct BitPlace {
    let bytes: UnsafeMutableRawBufferPointer
    private(set) var position: Int

    /// The lowest `count` bits of a value, 32 at most.
    mutating func write(_ value: UInt32, _ count: Int) {
        for place in stride(from: count - 1, through: 0, by: -1) {
            let bit: UInt8 = 0x80 >> UInt8(position & 7)
            if value >> UInt32(place) & 1 == 1 {
                bytes[position >> 3] |= bit
            } else {
                bytes[position >> 3] &= ~bit
            }
            position += 1
        }
    }
}

/// Continuity of the numbers of frames in one outgoing stream, as ``Rewriter`` is for its packets: a frame names those that
/// it refers to by how many numbers back they are, so that all of an encoding move alike. Owned by the section.
package struct FrameNumberRewriter: Sendable {
    private var shift: UInt16 = 0
    private var highest: UInt16?

    /// A stream that has not begun.
    package init() {}

    /// Goes on with this frame of another encoding.
    package mutating func start(_ number: UInt16) {
        if let highest { shift = highest &+ 1 &- number }
    }

    /// Takes a packet that is sent into account.
    package mutating func note(_ number: UInt16) {
        let outgoing = self.number(number)
        if let highest, Int16(bitPattern: outgoing &- highest) <= 0 { return }
        highest = outgoing
    }

    package func number(_ number: UInt16) -> UInt16 { number &+ shift }
}
