package import NIOCore

/// What one Engine.IO packet carries for the layer above: a text or bytes.
package enum EngineIOMessage: Hashable, Sendable {
    case text(String)
    case binary(ByteBuffer)

    /// Bytes that it takes on a WebSocket.
    package var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count + 1
        case .binary(let bytes): bytes.readableBytes
        }
    }
}

/// A packet of the Engine.IO protocol, revision 4 (engine.io-protocol, "Packet encoding").
///
/// | first character | packet |
/// |---|---|
/// | `0` | open: the handshake, from the server |
/// | `1` | close |
/// | `2` | ping, from the server; from the client only as the probe of an upgrade |
/// | `3` | pong |
/// | `4` | message |
/// | `5` | upgrade, from the client |
/// | `6` | noop, from the server |
///
/// A message of bytes has no such character: on a WebSocket it is a binary frame, in a polling payload `b` and base64.
package enum EngineIOPacket: Hashable, Sendable {
    case open(String)
    case close
    /// With the text `probe` during an upgrade.
    case ping(String)
    case pong(String)
    case message(EngineIOMessage)
    case upgrade
    case noop

    /// Reads the text of one packet; `nil` if it is none.
    package init?(text: some StringProtocol) {
        guard let first = text.utf8.first else { return nil }
        // By bytes: a combining mark after the digit would be one character with it.
        let rest = String(decoding: text.utf8.dropFirst(), as: UTF8.self)
        switch first {
        case UInt8(ascii: "0"): self = .open(rest)
        case UInt8(ascii: "1"): self = .close
        case UInt8(ascii: "2"): self = .ping(rest)
        case UInt8(ascii: "3"): self = .pong(rest)
        case UInt8(ascii: "4"): self = .message(.text(rest))
        case UInt8(ascii: "5"): self = .upgrade
        case UInt8(ascii: "6"): self = .noop
        default: return nil
        }
    }

    /// As it travels on a WebSocket: a text frame, but for bytes.
    package var frame: EngineIOMessage {
        switch self {
        case .open(let handshake): .text("0" + handshake)
        case .close: .text("1")
        case .ping(let data): .text("2" + data)
        case .pong(let data): .text("3" + data)
        case .message(.text(let text)): .text("4" + text)
        case .message(.binary(let bytes)): .binary(bytes)
        case .upgrade: .text("5")
        case .noop: .text("6")
        }
    }

    /// As it travels in a polling payload: always text.
    package var pollingText: String {
        switch frame {
        case .text(let text): text
        case .binary(let bytes): "b" + Base64.encode(bytes.readableBytesView)
        }
    }
}

/// What a polling request or answer carries: packets with a record separator between two.
package enum EngineIOPayload {
    /// U+001E. JSON escapes it, so it stands in no packet of Socket.IO.
    static let separator = UInt8(0x1E)

    /// The packets of a payload; `nil` if one of them is none, or the payload is empty or no UTF-8.
    package static func parse(_ body: ByteBuffer) -> [EngineIOPacket]? {
        guard body.readableBytes > 0 else { return nil }
        var packets: [EngineIOPacket] = []
        for part in body.readableBytesView.split(separator: separator, omittingEmptySubsequences: false) {
            if part.first == UInt8(ascii: "b") {
                guard let bytes = Base64.decode(part.dropFirst()) else { return nil }
                packets.append(.message(.binary(ByteBuffer(bytes: bytes))))
            } else {
                guard let text = String(validating: part, as: UTF8.self), let packet = EngineIOPacket(text: text) else {
                    return nil
                }
                packets.append(packet)
            }
        }
        return packets
    }

    /// The payload of these packets.
    package static func encode(_ packets: some Collection<EngineIOPacket>) -> String {
        packets.map(\.pollingText).joined(separator: "\u{1E}")
    }
}

/// Base64 with padding (RFC 4648 §4).
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The value of each character; 255 for those that are none.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    static func encode(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var group: UInt32 = 0
        var count = 0
        for byte in bytes {
            group = group << 8 | UInt32(byte)
            count += 1
            guard count == 3 else { continue }
            text.append(alphabet[Int(group >> 18)])
            text.append(alphabet[Int(group >> 12 & 63)])
            text.append(alphabet[Int(group >> 6 & 63)])
            text.append(alphabet[Int(group & 63)])
            group = 0
            count = 0
        }
        if count == 1 { text += [alphabet[Int(group >> 2)], alphabet[Int(group << 4 & 63)]] + "==".utf8 }
        if count == 2 {
            text += [alphabet[Int(group >> 10)], alphabet[Int(group >> 4 & 63)], alphabet[Int(group << 2 & 63)]]
            text.append(UInt8(ascii: "="))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// `nil` for what is not base64. Padding may be left out; bits past the last byte are not looked at.
    static func decode(_ text: some BidirectionalCollection<UInt8>) -> [UInt8]? {
        var digits = text[...]
        for _ in 0..<2 where digits.last == UInt8(ascii: "=") { digits.removeLast() }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count * 3 / 4)
        var group: UInt32 = 0
        var bitCount = 0
        for character in digits {
            let value = values[Int(character)]
            guard value < 64 else { return nil }
            group = group << 6 | UInt32(value)
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bitCount)))
            }
        }
        // One character alone is six bits, and no byte.
        return digits.count % 4 == 1 ? nil : bytes
    }
}
