internal import COpenSSL

/// HMAC-SHA1 under one key (RFC 2104): both hashes are kept as they are after the key's block, so that a tag costs no
/// more than its message and two short blocks.
///
/// OpenSSL's `EVP_MAC` and `HMAC` would do the same, but from 3.0 on allocate memory for each message.
struct HMACSHA1 {
    static let blockByteCount = 64
    static let digestByteCount = 20

    private let inner: SHA_CTX
    private let outer: SHA_CTX

    /// - Parameter key: at most a block; longer ones would have to be hashed first, and none are here.
    init(key: [UInt8]) {
        precondition(key.count <= Self.blockByteCount, "A key of SRTP has 20 bytes.")
        inner = Self.start(key, 0x36)
        outer = Self.start(key, 0x5C)
    }

    private static func start(_ key: [UInt8], _ pad: UInt8) -> SHA_CTX {
        let padded = key + [UInt8](repeating: 0, count: blockByteCount - key.count)
        var state = SHA_CTX()
        SHA1_Init(&state)
        SHA1_Update(&state, padded.map { $0 ^ pad }, blockByteCount)
        return state
    }

    /// Writes the tag of a message to `digest`, which has room for ``digestByteCount`` bytes and may be right behind it.
    @inline(__always)
    func authenticate(_ message: UnsafeRawPointer, count: Int, to digest: UnsafeMutablePointer<UInt8>) {
        var state = inner
        SHA1_Update(&state, message, count)
        SHA1_Final(digest, &state)
        state = outer
        SHA1_Update(&state, digest, Self.digestByteCount)
        SHA1_Final(digest, &state)
    }
}
