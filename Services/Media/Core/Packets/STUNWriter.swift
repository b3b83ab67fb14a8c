import Crypto

/// Writes whole STUN Binding messages; the layout is that of ``STUNMessage``. All end with FINGERPRINT, as ICE demands
/// (RFC 8445 §7.2.2).
package enum STUNWriter {
    /// The answer to a request that was authentic, signed with the password it was checked with.
    package static func success(
        to id: STUNTransactionID, mapped: TransportAddress, password: String
    ) -> [UInt8] {
        var message = STUNBuilder(.bindingSuccess, id)
        message.append(.xorMappedAddress, mapped.xored(id))
        return message.finish(password: password)
    }

    /// A refusal: 400 bad request, 401 not authentic, 420 unknown attribute, 487 role conflict.
    /// - Parameters:
    ///   - code: 300–699.
    ///   - unknown: ``STUNMessage/unknownRequired`` of the request, for 420.
    ///   - password: signs the answer; `nil` after 400 and 401, where no key is agreed (RFC 8489 §9.1.3).
    package static func error(
        _ code: Int, to id: STUNTransactionID, unknown: [UInt16] = [], password: String?
    ) -> [UInt8] {
        precondition(300...699 ~= code, "a STUN error code lies in 300–699")
        var message = STUNBuilder(.bindingError, id)
        message.append(.errorCode, [0, 0, UInt8(code / 100), UInt8(code % 100)] + Array(reason(of: code).utf8))
        if !unknown.isEmpty {
            var types: [UInt8] = []
            for type in unknown.prefix(STUNMessage.unknownRequiredLimit) { types.append(bigEndian: type) }
            message.append(.unknownAttributes, types)
        }
        return message.finish(password: password)
    }

    /// A connectivity check of the controlling side (RFC 8445 §7.2).
    /// - Parameters:
    ///   - username: `remote fragment:own fragment`.
    ///   - password: the remote one.
    ///   - priority: what a peer-reflexive candidate found by this check shall have.
    ///   - useCandidate: nominates the pair.
    package static func bindingRequest(
        _ id: STUNTransactionID, username: String, password: String, priority: UInt32, tieBreaker: UInt64,
        useCandidate: Bool
    ) -> [UInt8] {
        precondition(username.utf8.count <= STUNFormat.usernameByteLimit, "a STUN username has at most 508 bytes")
        var message = STUNBuilder(.bindingRequest, id)
        message.append(.username, Array(username.utf8))
        message.append(.priority, bigEndian: priority)
        message.append(.iceControlling, bigEndian: tieBreaker)
        if useCandidate { message.append(.useCandidate, []) }
        return message.finish(password: password)
    }

    /// The phrase beside the code, for people who read captures (RFC 8489 §14.8, RFC 8445 §16.2).
    private static func reason(of code: Int) -> String {
        switch code {
        case 400: "Bad Request"
        case 401: "Unauthenticated"
        case 420: "Unknown Attribute"
        case 487: "Role Conflict"
        default: ""
        }
    }
}

/// A message that grows by attributes and keeps the length in its header right.
private struct STUNBuilder {
    private var bytes: [UInt8] = []

    init(_ kind: STUNMessage.Kind, _ id: STUNTransactionID) {
        bytes.reserveCapacity(128)
        bytes.append(bigEndian: kind.messageType)
        bytes.append(bigEndian: UInt16(0))
        bytes.append(bigEndian: STUNFormat.magicCookie)
        bytes.append(bigEndian: id.high)
        bytes.append(bigEndian: id.low)
    }

    mutating func append(_ type: STUNAttribute, _ value: [UInt8]) {
        bytes.append(bigEndian: type.rawValue)
        bytes.append(bigEndian: UInt16(value.count))
        bytes += value
        while bytes.count % 4 != 0 { bytes.append(0) }
        setLength(byteCount: bytes.count)
    }

    mutating func append(_ type: STUNAttribute, bigEndian value: some FixedWidthInteger) {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: value)
        append(type, bytes)
    }

    /// Appends MESSAGE-INTEGRITY, if there is a password, and FINGERPRINT. Either covers a header whose length already
    /// includes it (RFC 8489 §14.5, §14.7).
    consuming func finish(password: String?) -> [UInt8] {
        if let password {
            setLength(byteCount: bytes.count + STUNFormat.integrityAttributeByteCount)
            let key = SymmetricKey(data: Array(password.utf8))
            append(.messageIntegrity, Array(HMAC<Insecure.SHA1>.authenticationCode(for: bytes, using: key)))
        }
        setLength(byteCount: bytes.count + STUNFormat.fingerprintAttributeByteCount)
        let checksum = CRC32.checksum(bytes.span, count: bytes.count)
        append(.fingerprint, bigEndian: checksum ^ STUNFormat.fingerprintMask)
        return bytes
    }

    private mutating func setLength(byteCount: Int) {
        bytes.overwrite(UInt16(byteCount - STUNFormat.headerByteCount), at: 2)
    }
}
