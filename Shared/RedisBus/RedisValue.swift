package import NIOCore

/// A reply of Redis (RESP2).
package enum RedisValue: Hashable, Sendable {
    /// A bulk string.
    case bytes(ByteBuffer)
    case integer(Int64)
    case array([RedisValue])
    /// A bulk string or array that does not exist.
    case null
    /// A status, such as `OK`.
    case simple(String)
    /// Redis refused the command. Only replies of a pipeline and elements of arrays hold it; ``RedisBus/send(_:)`` throws it.
    case error(String)

    /// The bytes of a bulk string; `nil` for anything else.
    package var bytes: ByteBuffer? {
        guard case .bytes(let bytes) = self else { return nil }
        return bytes
    }

    /// A bulk string or status as text; `nil` for anything else.
    package var text: String? {
        switch self {
        case .bytes(let bytes): String(buffer: bytes)
        case .simple(let text): text
        default: nil
        }
    }

    /// `nil` for anything but an integer.
    package var integer: Int64? {
        guard case .integer(let integer) = self else { return nil }
        return integer
    }

    /// `nil` for anything but an array.
    package var array: [RedisValue]? {
        guard case .array(let values) = self else { return nil }
        return values
    }

    /// Itself, unless it is an error.
    func accepted() -> Result<RedisValue, RedisError> {
        guard case .error(let text) = self else { return .success(self) }
        return .failure(.refused(text))
    }

    /// Whether a script is not known by its digest.
    var isUnknownScript: Bool {
        guard case .error(let text) = self else { return false }
        return text.hasPrefix("NOSCRIPT")
    }
}
