internal import COpenSSL

/// What protects the packets of one direction and purpose under one session key, whatever their stream. Nothing is
/// allocated for a packet: OpenSSL's context is made once, and each packet gives it a new initialisation vector.
///
/// A packet is `clear` bytes that stay readable, then what is encrypted up to `end`, and then room for a word and a tag.
/// The `word` is what is authenticated behind the packet: the roll-over counter of an RTP packet, flag and index of a
/// report. Not copied, so that the packets' path counts no references. Owned by one thread.
enum SRTPCipher: ~Copyable {
    case gcm(SRTPGaloisCipher)
    case counter(SRTPCounterCipher)

    init(profile: SRTPProfile, keys: SRTPSessionKeys, encrypts: Bool) throws(SRTPError) {
        if profile.isAEAD {
            self = .gcm(try SRTPGaloisCipher(profile: profile, keys: keys, encrypts: encrypts))
        } else {
            self = .counter(try SRTPCounterCipher(keys: keys))
        }
    }
}

/// AES-GCM with a tag of 16 bytes (RFC 7714).
///
/// | offset | bytes | initialisation vector, before the XOR with the salt (§8.1, §9.1) |
/// |---|---|---|
/// | 0 | 2 | 0 |
/// | 2 | 4 | SSRC |
/// | 6 | 6 | index |
struct SRTPGaloisCipher: ~Copyable {
    static let tagByteCount = 16

    private let context: CipherContext
    private let salt: (high: UInt64, low: UInt32)

    init(profile: SRTPProfile, keys: SRTPSessionKeys, encrypts: Bool) throws(SRTPError) {
        let algorithm = profile == .aeadAES256GCM ? SRTPCiphers.aes256GCM : SRTPCiphers.aes128GCM
        let context = try CipherContext(algorithm, key: keys.encryptionKey, encrypts: encrypts)
        self.context = context
        salt = keys.salt.withUnsafeBytes { salt in
            (
                UInt64(bigEndian: salt.loadUnaligned(as: UInt64.self)),
                UInt32(bigEndian: salt.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
            )
        }
    }

    /// Encrypts, and writes the tag at `end`. With `word` that is authenticated behind the clear bytes.
    ///
    /// SAFETY: `packet` has ``tagByteCount`` bytes of room behind `end`.
    func seal(
        _ packet: UnsafeMutableRawPointer, clear: Int, end: Int, word: UInt32?, ssrc: UInt32, index: UInt64
    ) -> Bool {
        let text = packet + clear
        var written: Int32 = 0
        guard begin(ssrc: ssrc, index: index), authenticate(packet, clear, word),
            clear == end
                || EVP_EncryptUpdate(context.pointer, bytes(text), &written, bytes(text), Int32(end - clear)) == 1,
            EVP_EncryptFinal_ex(context.pointer, bytes(packet + end), &written) == 1
        else { return false }
        return EVP_CIPHER_CTX_ctrl(context.pointer, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagByteCount), packet + end) == 1
    }

    /// Decrypts; `false` if the tag at `end` is not that of the packet.
    func open(
        _ packet: UnsafeMutableRawPointer, clear: Int, end: Int, word: UInt32?, ssrc: UInt32, index: UInt64
    ) -> Bool {
        let text = packet + clear
        var written: Int32 = 0
        guard begin(ssrc: ssrc, index: index), authenticate(packet, clear, word),
            clear == end
                || EVP_DecryptUpdate(context.pointer, bytes(text), &written, bytes(text), Int32(end - clear)) == 1,
            EVP_CIPHER_CTX_ctrl(context.pointer, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagByteCount), packet + end) == 1
        else { return false }
        return EVP_DecryptFinal_ex(context.pointer, bytes(packet + end), &written) == 1
    }

    private func begin(ssrc: UInt32, index: UInt64) -> Bool {
        var vector = (
            (salt.high ^ UInt64(ssrc) << 16 ^ index >> 32).bigEndian,
            (salt.low ^ UInt32(truncatingIfNeeded: index)).bigEndian
        )
        return withUnsafeBytes(of: &vector) { vector in
            EVP_CipherInit_ex2(context.pointer, nil, nil, vector.bindMemory(to: UInt8.self).baseAddress, -1, nil) == 1
        }
    }

    private func authenticate(_ packet: UnsafeMutableRawPointer, _ clear: Int, _ word: UInt32?) -> Bool {
        var written: Int32 = 0
        guard EVP_CipherUpdate(context.pointer, nil, &written, bytes(packet), Int32(clear)) == 1 else { return false }
        guard let word else { return true }
        var wordBytes = word.bigEndian
        return withUnsafeBytes(of: &wordBytes) {
            EVP_CipherUpdate(context.pointer, nil, &written, $0.bindMemory(to: UInt8.self).baseAddress, 4) == 1
        }
    }
}

/// AES in counter mode, and HMAC-SHA1 cut to 10 bytes (RFC 3711 §4.1.1, §4.2.1).
///
/// | offset | bytes | initialisation vector, before the XOR with the salt |
/// |---|---|---|
/// | 4 | 4 | SSRC |
/// | 8 | 6 | index |
/// | 14 | 2 | counter of blocks, 0 |
struct SRTPCounterCipher: ~Copyable {
    static let tagByteCount = 10

    private let context: CipherContext
    private let salt: (high: UInt64, low: UInt64)
    private let authentication: HMACSHA1

    init(keys: SRTPSessionKeys) throws(SRTPError) {
        let context = try CipherContext(SRTPCiphers.aes128CTR, key: keys.encryptionKey, encrypts: true)
        self.context = context
        salt = (keys.salt + [0, 0]).withUnsafeBytes { salt in
            (
                UInt64(bigEndian: salt.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: salt.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        authentication = HMACSHA1(key: keys.authenticationKey)
    }

    /// Encrypts, or decrypts: it is the same.
    func crypt(
        _ packet: UnsafeMutableRawPointer, clear: Int, end: Int, ssrc: UInt32, index: UInt64
    ) -> Bool {
        guard end > clear else { return true }
        var vector = ((salt.high ^ UInt64(ssrc)).bigEndian, (salt.low ^ index << 16).bigEndian)
        var written: Int32 = 0
        return withUnsafeBytes(of: &vector) { vector in
            let text = bytes(packet + clear)
            return EVP_EncryptInit_ex2(context.pointer, nil, nil, vector.bindMemory(to: UInt8.self).baseAddress, nil)
                == 1
                && EVP_EncryptUpdate(context.pointer, text, &written, text, Int32(end - clear)) == 1
        }
    }

    /// The whole digest of the first `count` bytes, of which ``tagByteCount`` are the tag.
    @inline(__always)
    func digest(_ packet: UnsafeRawPointer, count: Int, to digest: UnsafeMutablePointer<UInt8>) {
        authentication.authenticate(packet, count: count, to: digest)
    }

    /// Whether `tag` is that of the first `count` bytes. Takes the same time whatever the difference.
    func isAuthentic(_ packet: UnsafeRawPointer, count: Int, tag: UnsafeRawPointer) -> Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: HMACSHA1.digestByteCount) { digest in
            guard let start = digest.baseAddress else { return false }
            authentication.authenticate(packet, count: count, to: start)
            return CRYPTO_memcmp(start, tag, Self.tagByteCount) == 0
        }
    }
}

/// Owns an `EVP_CIPHER_CTX *` that holds a key.
private struct CipherContext: ~Copyable {
    // SAFETY: made and freed by this value, which is not copied.
    let pointer: OpaquePointer

    init(_ algorithm: OpaquePointer?, key: [UInt8], encrypts: Bool) throws(SRTPError) {
        guard let algorithm, let pointer = EVP_CIPHER_CTX_new() else { throw .cipher }
        guard EVP_CipherInit_ex2(pointer, algorithm, key, nil, encrypts ? 1 : 0, nil) == 1 else {
            EVP_CIPHER_CTX_free(pointer)
            throw .cipher
        }
        self.pointer = pointer
    }

    deinit { EVP_CIPHER_CTX_free(pointer) }
}

@inline(__always)
private func bytes(_ pointer: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt8> {
    pointer.assumingMemoryBound(to: UInt8.self)
}
