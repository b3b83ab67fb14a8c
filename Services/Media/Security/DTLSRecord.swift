/// Where the records of a datagram are (RFC 6347 §4.1):
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 1 | content type |
/// | 1 | 2 | version |
/// | 3 | 2 | epoch |
/// | 5 | 6 | sequence number |
/// | 11 | 2 | length of the fragment |
/// | 13 | | fragment |
struct DTLSRecord {
    static let headerByteCount = 13
    /// Bytes of a datagram at most: with IPv6, UDP and TURN around it, it fits the least MTU of IPv6 (1,280).
    static let datagramByteCount = 1200

    enum ContentType: UInt8 {
        case changeCipherSpec = 20
        case alert = 21
        case handshake = 22
    }

    /// `nil` for application data and what else this side has no use for.
    let type: ContentType?
    let epoch: UInt16
    /// Header and fragment.
    let range: Range<Int>

    /// The record that begins at `offset`, if the bytes hold all of it.
    init?(in bytes: UnsafeRawBufferPointer, at offset: Int) {
        guard offset + Self.headerByteCount <= bytes.count else { return nil }
        let byteCount = Int(bytes[offset + 11]) << 8 | Int(bytes[offset + 12])
        let end = offset + Self.headerByteCount + byteCount
        guard end <= bytes.count else { return nil }
        type = ContentType(rawValue: bytes[offset])
        epoch = UInt16(bytes[offset + 3]) << 8 | UInt16(bytes[offset + 4])
        range = offset..<end
    }

    /// Packs the records into as few datagrams as take them in order. A record is never divided: OpenSSL was told the
    /// size of a datagram and makes none that is longer.
    static func datagrams(_ records: UnsafeRawBufferPointer) -> [[UInt8]] {
        var datagrams: [[UInt8]] = []
        var start = 0
        var end = 0
        while let record = DTLSRecord(in: records, at: end) {
            if record.range.upperBound - start > datagramByteCount, end > start {
                datagrams.append(Array(records[start..<end]))
                start = end
            }
            end = record.range.upperBound
        }
        if end > start { datagrams.append(Array(records[start..<end])) }
        return datagrams
    }
}
