/// Where the parts of a packet are, as far as its protection has to know (RFC 3711 §3.1).
struct SRTPLayout {
    /// Bytes of a compound RTCP packet that stay readable: the first header and its SSRC (RFC 3711 §3.4).
    static let reportHeaderByteCount = 8
    /// E, the first bit of the word behind a report: it is encrypted (RFC 3711 §3.4).
    static let encryptedFlag: UInt32 = 0x8000_0000
    private static let fixedByteCount = 12

    let sequence: UInt16
    let ssrc: UInt32
    /// Fixed header, contributing sources and extension: what stays readable.
    let headerByteCount: Int

    /// `nil` when it is not version 2, or the header does not fit in `count` bytes.
    @inline(__always)
    init?(rtp packet: UnsafeMutableRawPointer, count: Int) {
        guard count >= Self.fixedByteCount, Self.isVersion2(packet) else { return nil }
        let first = packet.load(as: UInt8.self)
        var end = Self.fixedByteCount + 4 * Int(first & 0x0F)
        if first & 0x10 != 0 {
            guard end + 4 <= count else { return nil }
            end += 4 + 4 * Int(packet.halfWord(at: end + 2))
        }
        guard end <= count else { return nil }
        sequence = packet.halfWord(at: 2)
        ssrc = packet.word(at: 8)
        headerByteCount = end
    }

    static func isVersion2(_ packet: UnsafeMutableRawPointer) -> Bool { packet.load(as: UInt8.self) >> 6 == 2 }
}

/// Integers in network order, wherever they are.
///
/// SAFETY: the caller has seen that the packet is so long.
extension UnsafeMutableRawPointer {
    @inline(__always)
    func halfWord(at offset: Int) -> UInt16 {
        UInt16(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    @inline(__always)
    func word(at offset: Int) -> UInt32 { UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }

    @inline(__always)
    func storeWord(_ word: UInt32, at offset: Int) {
        storeBytes(of: word.bigEndian, toByteOffset: offset, as: UInt32.self)
    }
}
