/// One side's short-term credential of ICE (RFC 8445 §5.3): the fragment names a seat on this port, the password proves
/// that a check comes from the peer it was told to.
package struct IceCredentials: Hashable, Sendable {
    package let fragment: String
    package let password: String

    /// At least 24 bits for the fragment and 128 for the password are asked for; these have 48 and 144.
    init(using random: inout any RandomNumberGenerator) {
        fragment = Self.text(count: 8, &random)
        password = Self.text(count: 24, &random)
    }

    /// The ice-chars (RFC 8839 §5.4): 64, so that 6 bits make a character.
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static func text(count: Int, _ random: inout any RandomNumberGenerator) -> String {
        var bytes: [UInt8] = []
        for _ in 0..<count { bytes.append(alphabet[Int(random.next() >> 58)]) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
