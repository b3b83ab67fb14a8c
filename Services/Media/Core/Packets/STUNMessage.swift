import Crypto

/// A STUN Binding message (RFC 8489 §5) with what ICE adds to it (RFC 8445 §16.1).
///
/// | offset | size | header |
/// |---|---|---|
/// | 0 | 2 | type: 0x0001 request, 0x0011 indication, 0x0101 success, 0x0111 error |
/// | 2 | 2 | length of what follows the header, a multiple of 4 |
/// | 4 | 4 | magic cookie 0x2112A442 |
/// | 8 | 12 | transaction id |
/// | 20 | | attributes |
///
/// | offset | size | attribute (§14) |
/// |---|---|---|
/// | 0 | 2 | type |
/// | 2 | 2 | length n of the value |
/// | 4 | n | value, then 0–3 bytes up to a multiple of 4 |
///
/// Of an attribute that occurs more than once the first counts. What follows MESSAGE-INTEGRITY is not covered by it and is
/// ignored, FINGERPRINT excepted (§14.5). Before ``isAuthentic(_:password:)`` anyone may have written all of this.
package struct STUNMessage: Sendable {
    /// The classes of the method Binding, the only one ICE uses (RFC 8489 §5).
    package enum Kind: Hashable, Sendable {
        case bindingRequest, bindingSuccess, bindingError, bindingIndication
    }

    /// How many types ``unknownRequired`` holds at most: an answer names no more, and a datagram could carry thousands.
    package static let unknownRequiredLimit = 16

    /// Request, answer, refusal, or an indication, which keeps a binding alive and is never answered.
    package let kind: Kind
    /// What an answer repeats of its request.
    package let transactionID: STUNTransactionID
    /// USERNAME: in ICE `receiver's fragment:sender's fragment` (RFC 8445 §7.2.2). At most 508 bytes.
    package private(set) var username: String?
    /// PRIORITY, of the peer-reflexive candidate that the check may reveal.
    package private(set) var priority: UInt32?
    /// USE-CANDIDATE: the controlling side nominates this pair.
    package private(set) var useCandidate = false
    /// ICE-CONTROLLING with its tie-breaker.
    package private(set) var iceControlling: UInt64?
    /// ICE-CONTROLLED with its tie-breaker.
    package private(set) var iceControlled: UInt64?
    /// XOR-MAPPED-ADDRESS: where the request came from, as the answerer saw it.
    package private(set) var mappedAddress: TransportAddress?
    /// ERROR-CODE, 300–699.
    package private(set) var errorCode: Int?
    /// Types below 0x8000 that are not known here, each once, at most ``unknownRequiredLimit``. A request with any is
    /// answered 420 (RFC 8489 §6.3.1).
    package private(set) var unknownRequired: [UInt16] = []
    /// Where MESSAGE-INTEGRITY begins.
    private var integrityOffset: Int?

    /// Reads a whole datagram. `nil` when it is no Binding message: another type, a wrong length or cookie, an attribute
    /// that leaves the datagram or has a value of a wrong form, or a FINGERPRINT that is wrong or not the last.
    package init?(_ datagram: Span<UInt8>) {
        guard datagram.count >= STUNFormat.headerByteCount, datagram.count % 4 == 0,
            let kind = Kind(messageType: datagram.uint16(at: 0)),
            Int(datagram.uint16(at: 2)) == datagram.count - STUNFormat.headerByteCount,
            datagram.uint32(at: 4) == STUNFormat.magicCookie
        else { return nil }
        self.kind = kind
        transactionID = STUNTransactionID(high: datagram.uint32(at: 8), low: datagram.uint64(at: 12))

        var offset = STUNFormat.headerByteCount
        while offset < datagram.count {
            // Everything so far was a multiple of 4, so the attribute's header is there.
            let byteCount = Int(datagram.uint16(at: offset + 2))
            let end = offset + STUNFormat.attributeHeaderByteCount + (byteCount + 3) / 4 * 4
            guard end <= datagram.count else { return nil }
            guard readAttribute(datagram.uint16(at: offset), in: datagram, at: offset, byteCount: byteCount) else {
                return nil
            }
            offset = end
        }
    }

    /// Whether MESSAGE-INTEGRITY is there and is the HMAC-SHA1 of what precedes it under `password`, the short-term
    /// credential (RFC 8489 §9.1, §14.5). Compares in constant time.
    /// - Parameter datagram: the one this message was read from.
    package func isAuthentic(_ datagram: Span<UInt8>, password: String) -> Bool {
        guard let integrityOffset else { return false }
        let end = integrityOffset + STUNFormat.integrityAttributeByteCount
        guard end <= datagram.count else { return false }
        var covered = datagram.copy(0..<integrityOffset)
        // The length that was hashed ends with MESSAGE-INTEGRITY, for FINGERPRINT was not there yet.
        covered.overwrite(UInt16(truncatingIfNeeded: end - STUNFormat.headerByteCount), at: 2)
        return HMAC<Insecure.SHA1>.isValidAuthenticationCode(
            datagram.copy(end - STUNFormat.integrityByteCount..<end), authenticating: covered,
            using: SymmetricKey(data: Array(password.utf8)))
    }
}

extension STUNMessage {
    /// Takes in one attribute, whose value lies in the datagram; `false` when it makes the message malformed.
    private mutating func readAttribute(
        _ type: UInt16, in datagram: Span<UInt8>, at offset: Int, byteCount: Int
    ) -> Bool {
        let start = offset + STUNFormat.attributeHeaderByteCount
        let attribute = STUNAttribute(rawValue: type)
        if attribute == .fingerprint {
            return Self.isFingerprint(in: datagram, at: offset, byteCount: byteCount)
        }
        guard integrityOffset == nil else { return true }
        if attribute == .messageIntegrity {
            integrityOffset = offset
            return byteCount == STUNFormat.integrityByteCount
        }
        return readValue(attribute, type, datagram.extracting(start..<start + byteCount))
    }

    private mutating func readValue(_ attribute: STUNAttribute?, _ type: UInt16, _ value: Span<UInt8>) -> Bool {
        switch attribute {
        case .username:
            guard value.count <= STUNFormat.usernameByteLimit,
                let text = String(validating: value.copy(0..<value.count), as: UTF8.self)
            else { return false }
            username = username ?? text
        case .priority:
            guard value.count == 4 else { return false }
            priority = priority ?? value.uint32(at: 0)
        case .useCandidate:
            guard value.isEmpty else { return false }
            useCandidate = true
        case .iceControlling:
            guard value.count == 8 else { return false }
            iceControlling = iceControlling ?? value.uint64(at: 0)
        case .iceControlled:
            guard value.count == 8 else { return false }
            iceControlled = iceControlled ?? value.uint64(at: 0)
        case .xorMappedAddress:
            guard let address = TransportAddress(xored: value, transactionID) else { return false }
            mappedAddress = mappedAddress ?? address
        case .errorCode:
            guard let code = Self.errorCode(in: value) else { return false }
            errorCode = errorCode ?? code
        case .mappedAddress, .unknownAttributes, .realm, .nonce, .messageIntegrity, .fingerprint:
            break
        case nil:
            noteUnknown(type)
        }
        return true
    }

    private mutating func noteUnknown(_ type: UInt16) {
        guard type < STUNAttribute.firstOptional, unknownRequired.count < Self.unknownRequiredLimit,
            !unknownRequired.contains(type)
        else { return }
        unknownRequired.append(type)
    }

    /// FINGERPRINT is the last attribute and the masked CRC-32 of all that precedes it (RFC 8489 §14.7).
    private static func isFingerprint(in datagram: Span<UInt8>, at offset: Int, byteCount: Int) -> Bool {
        byteCount == 4 && offset + STUNFormat.fingerprintAttributeByteCount == datagram.count
            && datagram.uint32(at: offset + STUNFormat.attributeHeaderByteCount)
                == CRC32.checksum(datagram, count: offset) ^ STUNFormat.fingerprintMask
    }

    /// ERROR-CODE: 21 reserved bits, the hundreds in 3 bits, the rest in 8, then a phrase (RFC 8489 §14.8).
    private static func errorCode(in value: Span<UInt8>) -> Int? {
        guard value.count >= 4 else { return nil }
        let (hundreds, rest) = (Int(value[2] & 0x07), Int(value[3]))
        guard 3...6 ~= hundreds, rest < 100 else { return nil }
        return hundreds * 100 + rest
    }
}

extension STUNMessage.Kind {
    /// The message type of the method Binding in its four classes (RFC 8489 §5).
    init?(messageType: UInt16) {
        switch messageType {
        case 0x0001: self = .bindingRequest
        case 0x0011: self = .bindingIndication
        case 0x0101: self = .bindingSuccess
        case 0x0111: self = .bindingError
        default: return nil
        }
    }

    var messageType: UInt16 {
        switch self {
        case .bindingRequest: 0x0001
        case .bindingIndication: 0x0011
        case .bindingSuccess: 0x0101
        case .bindingError: 0x0111
        }
    }
}

/// XOR-MAPPED-ADDRESS (RFC 8489 §14.2), so disguised because some NATs rewrite whatever looks like an address of theirs.
///
/// | offset | size | value |
/// |---|---|---|
/// | 0 | 1 | 0 |
/// | 1 | 1 | family: 1 IPv4, 2 IPv6 |
/// | 2 | 2 | port, XOR the upper half of the magic cookie |
/// | 4 | 4 or 16 | address, XOR magic cookie and transaction id |
extension TransportAddress {
    init?(xored value: Span<UInt8>, _ id: STUNTransactionID) {
        guard value.count >= 4 else { return nil }
        let port = value.uint16(at: 2) ^ UInt16(STUNFormat.magicCookie >> 16)
        switch (value[1], value.count) {
        case (1, 8): self = .v4(value.uint32(at: 4) ^ STUNFormat.magicCookie, port: port)
        case (2, 20): self = .v6(high: value.uint64(at: 4) ^ id.mask, low: value.uint64(at: 12) ^ id.low, port: port)
        default: return nil
        }
    }

    func xored(_ id: STUNTransactionID) -> [UInt8] {
        var value: [UInt8] = [0, isIPv4 ? 1 : 2]
        value.append(bigEndian: port ^ UInt16(STUNFormat.magicCookie >> 16))
        if let ipv4 { value.append(bigEndian: ipv4 ^ STUNFormat.magicCookie) }
        if let (high, low) = ipv6 {
            value.append(bigEndian: high ^ id.mask)
            value.append(bigEndian: low ^ id.low)
        }
        return value
    }
}

extension STUNTransactionID {
    /// What the first eight bytes of an IPv6 address are XORed with; the last eight are with ``low``.
    fileprivate var mask: UInt64 { UInt64(STUNFormat.magicCookie) << 32 | UInt64(high) }
}
