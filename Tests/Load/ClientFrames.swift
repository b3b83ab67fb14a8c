import Contracts
import Glibc
import ServiceKit

/// What a subscriber writes (RFC 6455).
enum ClientFrames {
    /// The upgrade. The key and its answer are the example of RFC 6455 §1.3: nothing here depends on chance.
    static func upgrade(path: String, offersDeflate: Bool) -> [UInt8] {
        let extensions =
            offersDeflate
            ? "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
            : ""
        return Array(
            """
            GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(extensions)\r\n
            """.utf8)
    }

    static let upgradeAnswer = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    static func identify(token: String, cursors: [Cursor]) throws -> [UInt8] {
        masked(try WireJSON.encode(ClientFrame.identify(Identify(token: token, cursors: cursors))))
    }

    static func heartbeat() throws -> [UInt8] {
        masked(try WireJSON.encode(ClientFrame.heartbeat(Heartbeat())))
    }

    /// A final text frame as clients send it (RFC 6455 §5.2, §5.3). Its mask is zero, which leaves the payload as it is.
    private static func masked(_ payload: [UInt8]) -> [UInt8] {
        var frame: [UInt8] = [0x81]
        if payload.count < 126 {
            frame.append(0x80 | UInt8(payload.count))
        } else if payload.count <= 65_535 {
            frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        } else {
            frame.append(0x80 | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                frame.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        return frame + [0, 0, 0, 0] + payload
    }
}

/// One whole frame of a server, in memory that is valid until the next is read.
struct ServerFrameBytes {
    /// The kinds of frame that the servers measured send.
    enum Kind: UInt8 {
        case text = 0x1
        case close = 0x8
        case ping = 0x9
        case pong = 0xA
    }

    let kind: Kind
    /// RSV1: the payload is deflated (RFC 7692 §6).
    let isDeflated: Bool
    let payload: UnsafeRawBufferPointer
    /// Bytes of header and payload.
    let byteCount: Int

    /// The frame at the beginning of the bytes; `nil` until it is whole (RFC 6455 §5.2).
    ///
    /// | bytes | what |
    /// |---|---|
    /// | 1 | FIN, RSV1 and opcode |
    /// | 1 | length up to 125, or 126, or 127; no mask, as servers do not mask |
    /// | 0, 2 or 8 | the longer length, big-endian |
    /// | n | payload |
    init?(_ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count >= 2 else { return nil }
        let (first, second) = (bytes[0], bytes[1])
        guard first & 0xB0 == 0x80, let kind = Kind(rawValue: first & 0x0F), second & 0x80 == 0 else {
            throw LoadFailure(
                "The server sent a frame that begins with the bytes \(first) and \(second).")
        }
        let header: Int
        let length: Int
        switch second {
        case 126:
            guard bytes.count >= 4 else { return nil }
            header = 4
            length = Int(bytes[2]) << 8 | Int(bytes[3])
        case 127:
            guard bytes.count >= 10 else { return nil }
            header = 10
            length = (2..<10).reduce(0) { $0 << 8 | Int(bytes[$1]) }
        default: (header, length) = (2, Int(second))
        }
        guard length <= bytes.count - header else { return nil }
        self.kind = kind
        isDeflated = first & 0x40 != 0
        payload = UnsafeRawBufferPointer(rebasing: bytes[header..<(header + length)])
        byteCount = header + length
    }
}

/// Finds the number that a published frame carries.
struct FrameNumber {
    private static let marker = Array(Population.marker.utf8)
    private static let digitCount = 12
    /// Where the last one was: frames of a run are alike.
    private var hint = 0

    /// The number behind the marker; `nil` in any other frame.
    mutating func find(in payload: UnsafeRawBufferPointer) -> Int? {
        guard let base = payload.baseAddress else { return nil }
        let length = Self.marker.count + Self.digitCount
        if hint + length > payload.count || memcmp(base + hint, Self.marker, Self.marker.count) != 0 {
            guard let found = firstPlace(of: Self.marker, in: payload), found + length <= payload.count
            else {
                return nil
            }
            hint = found
        }
        var number = 0
        for byte in payload[(hint + Self.marker.count)..<(hint + length)] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                number = number << 4 | Int(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"):
                number = number << 4 | Int(byte - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return number
    }
}

/// Where some bytes first stand in others.
func firstPlace(of pattern: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
    guard let base = bytes.baseAddress, let first = pattern.first else { return nil }
    var place = 0
    while place + pattern.count <= bytes.count,
        let found = memchr(base + place, Int32(first), bytes.count - pattern.count - place + 1)
    {
        place = UnsafeRawPointer(found) - base
        if memcmp(base + place, pattern, pattern.count) == 0 { return place }
        place += 1
    }
    return nil
}
