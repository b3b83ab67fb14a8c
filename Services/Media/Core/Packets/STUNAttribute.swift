/// The attribute types that are known here (RFC 8489 §18.3, RFC 8445 §16.1). A receiver must understand those below 0x8000
/// and may ignore the others.
enum STUNAttribute: UInt16 {
    case mappedAddress = 0x0001
    case username = 0x0006
    case messageIntegrity = 0x0008
    case errorCode = 0x0009
    case unknownAttributes = 0x000A
    case realm = 0x0014
    case nonce = 0x0015
    case xorMappedAddress = 0x0020
    case priority = 0x0024
    case useCandidate = 0x0025
    case fingerprint = 0x8028
    case iceControlled = 0x8029
    case iceControlling = 0x802A

    /// Types from here on are optional to understand (RFC 8489 §14).
    static let firstOptional: UInt16 = 0x8000
}

/// What all STUN messages share.
enum STUNFormat {
    /// Bytes 4–7 of every message (RFC 8489 §5).
    static let magicCookie: UInt32 = 0x2112_A442
    static let headerByteCount = 20
    /// Type and length of an attribute.
    static let attributeHeaderByteCount = 4
    /// The value of MESSAGE-INTEGRITY: an HMAC-SHA1 (RFC 8489 §14.5).
    static let integrityByteCount = 20
    /// MESSAGE-INTEGRITY and FINGERPRINT with their headers.
    static let integrityAttributeByteCount = attributeHeaderByteCount + integrityByteCount
    static let fingerprintAttributeByteCount = attributeHeaderByteCount + 4
    /// The CRC-32 of FINGERPRINT is XORed with this, so that it differs from the CRC of an enclosed protocol
    /// (RFC 8489 §14.7).
    static let fingerprintMask: UInt32 = 0x5354_554E
    /// A USERNAME is shorter than 509 bytes (RFC 8489 §14.3).
    static let usernameByteLimit = 508
}

/// The 12 bytes by which an answer is matched with its request (RFC 8489 §5).
package struct STUNTransactionID: Hashable, Sendable {
    /// The first four bytes in host order.
    package let high: UInt32
    /// The last eight bytes in host order.
    package let low: UInt64

    /// Takes 96 bits, random for a request of one's own.
    package init(high: UInt32, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// CRC-32 with the polynomial of ITU V.42 (reflected 0xEDB88320), as FINGERPRINT demands (RFC 8489 §14.7).
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { rest, _ in rest & 1 == 0 ? rest >> 1 : rest >> 1 ^ 0xEDB8_8320 }
    }

    /// Of the first `count` bytes, which exist.
    static func checksum(_ bytes: Span<UInt8>, count: Int) -> UInt32 {
        var rest = UInt32.max
        for offset in 0..<count { rest = rest >> 8 ^ table[Int(UInt8(truncatingIfNeeded: rest) ^ bytes[offset])] }
        return ~rest
    }
}
