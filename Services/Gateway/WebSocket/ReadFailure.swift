/// Why a client's bytes cannot be read any further. The connection says so with the close code, and ends.
package enum ReadFailure: Error, Equatable, Sendable {
    /// Bytes that RFC 6455 does not allow: a reserved bit or opcode, no mask, a control frame that is too long or
    /// fragmented, a part without a message or a message inside another, a close code that may not be sent.
    case protocolError
    /// A text message or the reason of a close that is not UTF-8 (RFC 6455 §8.1).
    case invalidUTF8
    /// A compressed message that is not DEFLATE, or ends inside a block (RFC 7692 §7.2.2).
    case invalidCompression
    /// A message over the bound, before or after decompression.
    case tooLarge

    /// The code to close with (RFC 6455 §7.4.1). Compressed bytes that make no sense are bytes inconsistent with the
    /// type of the message.
    package var closeCode: UInt16 {
        switch self {
        case .protocolError: 1002
        case .invalidUTF8, .invalidCompression: 1007
        case .tooLarge: 1009
        }
    }
}
