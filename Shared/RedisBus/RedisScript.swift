import Crypto

/// A Lua script. It may touch only the keys it is given, and they share one slot, so that it also runs in Redis Cluster.
package struct RedisScript: Sendable {
    package let source: String
    /// SHA-1 of the source as 40 hexadecimal digits: its name in `EVALSHA`.
    package let digest: String

    package init(_ source: String) {
        self.source = source
        var hash = Insecure.SHA1()
        var copy = source
        copy.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        let digits = Array("0123456789abcdef".utf8)
        digest = hash.finalize().reduce(into: "") { text, byte in
            text.unicodeScalars.append(Unicode.Scalar(digits[Int(byte >> 4)]))
            text.unicodeScalars.append(Unicode.Scalar(digits[Int(byte & 15)]))
        }
    }
}
