internal import COpenSSL

/// A digest of a certificate as signalling carries it, `sha-256 AB:CD:…` (RFC 8122 §5).
package struct CertificateFingerprint: Hashable, Sendable, CustomStringConvertible {
    /// The hash functions that are accepted; MD5 and SHA-1 are not (RFC 8122 §5).
    enum Algorithm: String, CaseIterable, Sendable {
        case sha256 = "sha-256"
        case sha384 = "sha-384"
        case sha512 = "sha-512"

        var byteCount: Int {
            switch self {
            case .sha256: 32
            case .sha384: 48
            case .sha512: 64
            }
        }

        /// OpenSSL's description of the function, which lives as long as the process.
        var digest: OpaquePointer? {
            switch self {
            case .sha256: EVP_sha256()
            case .sha384: EVP_sha384()
            case .sha512: EVP_sha512()
            }
        }
    }

    let algorithm: Algorithm
    private let bytes: [UInt8]

    /// Reads the value of an `a=fingerprint` line. The name and the digits may be in either case; `nil` for a function
    /// that is not accepted, a wrong number of bytes, or anything else that is malformed.
    package init?(_ sdp: some StringProtocol) {
        let words = sdp.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, let algorithm = Algorithm(rawValue: words[0].lowercased()) else { return nil }
        let pairs = words[1].utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard pairs.count == algorithm.byteCount else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pairs.count)
        for pair in pairs {
            guard let byte = Self.byte(pair) else { return nil }
            bytes.append(byte)
        }
        self.algorithm = algorithm
        self.bytes = bytes
    }

    /// The digest of a certificate; `nil` when OpenSSL cannot make it.
    ///
    /// SAFETY: `certificate` is a valid `X509 *` for the time of the call.
    init?(of certificate: OpaquePointer, algorithm: Algorithm) {
        var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard X509_digest(certificate, algorithm.digest, &bytes, &count) == 1 else { return nil }
        self.algorithm = algorithm
        self.bytes = Array(bytes.prefix(Int(count)))
    }

    /// As signalling carries it, the name in small letters and the digits in capitals.
    package var description: String {
        let digits = bytes.map { byte in
            let hexadecimal = String(byte, radix: 16, uppercase: true)
            return hexadecimal.count == 1 ? "0" + hexadecimal : hexadecimal
        }
        return "\(algorithm.rawValue) \(digits.joined(separator: ":"))"
    }

    private static func byte(_ pair: some Collection<UInt8>) -> UInt8? {
        guard pair.count == 2 else { return nil }
        var byte: UInt8 = 0
        for character in pair {
            guard let digit = Character(UnicodeScalar(character)).hexDigitValue else { return nil }
            byte = byte << 4 | UInt8(digit)
        }
        return byte
    }
}
