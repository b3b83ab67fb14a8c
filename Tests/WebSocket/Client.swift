import NIOCore
import Testing
import WebSocketCodec

/// Bytes out of hexadecimal pairs, as the RFCs print them.
func bytes(_ hexadecimal: String) -> ByteBuffer {
    ByteBuffer(bytes: hexadecimal.split(separator: " ").compactMap { UInt8($0, radix: 16) })
}

/// What a client sends: frames with any header bits, masked byte by byte as RFC 6455 §5.3 words it.
struct ClientFrame {
    var opcode: UInt8
    var payload: ByteBuffer
    var isFinal = true
    /// RSV1 to RSV3, as bits 0x40, 0x20 and 0x10.
    var reserved: UInt8 = 0
    var mask: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]
    /// 125, 65,535 or anything larger: the least form that the length is written in.
    var lengthForm = 125

    var encoded: ByteBuffer {
        var frame = ByteBuffer()
        frame.writeInteger((isFinal ? 0x80 : 0) | reserved | opcode)
        let maskBit: UInt8 = mask == nil ? 0 : 0x80
        switch max(payload.readableBytes, lengthForm) {
        case ...125: frame.writeInteger(maskBit | UInt8(payload.readableBytes))
        case ...65_535: frame.writeMultipleIntegers(maskBit | 126, UInt16(payload.readableBytes))
        default: frame.writeMultipleIntegers(maskBit | 127, UInt64(payload.readableBytes))
        }
        frame.writeBytes(mask ?? [])
        for (index, byte) in payload.readableBytesView.enumerated() {
            frame.writeInteger(byte ^ (mask?[index % 4] ?? 0))
        }
        return frame
    }

    static func text(_ text: String, isFinal: Bool = true) -> ClientFrame {
        ClientFrame(opcode: 1, payload: ByteBuffer(string: text), isFinal: isFinal)
    }

    static func binary(_ payload: ByteBuffer, isFinal: Bool = true) -> ClientFrame {
        ClientFrame(opcode: 2, payload: payload, isFinal: isFinal)
    }

    static func more(_ text: String, isFinal: Bool = false) -> ClientFrame {
        ClientFrame(opcode: 0, payload: ByteBuffer(string: text), isFinal: isFinal)
    }

    static func close(_ payload: ByteBuffer = ByteBuffer()) -> ClientFrame { ClientFrame(opcode: 8, payload: payload) }

    static func ping(_ text: String) -> ClientFrame { ClientFrame(opcode: 9, payload: ByteBuffer(string: text)) }

    static func pong(_ text: String) -> ClientFrame { ClientFrame(opcode: 10, payload: ByteBuffer(string: text)) }

    /// A compressed text message.
    static func compressed(_ payload: ByteBuffer, isFinal: Bool = true) -> ClientFrame {
        ClientFrame(opcode: 1, payload: payload, isFinal: isFinal, reserved: 0x40)
    }
}

/// All that a new reader makes of the bytes, which arrive in pieces of a size. It reads after every piece until it needs more.
func read(
    _ sent: [UInt8], pieces: Int = .max, maximumMessageByteCount: Int = 1024 * 1024, deflate: DeflateAgreement? = nil
) -> [FrameReader.Input] {
    var reader = FrameReader(maximumMessageByteCount: maximumMessageByteCount, deflate: deflate)
    let inflater = MessageInflater()
    var buffer = ByteBuffer()
    var inputs: [FrameReader.Input] = []
    var start = 0
    while start < sent.count {
        let end = start + min(pieces, sent.count - start)
        buffer.writeBytes(sent[start..<end])
        start = end
        while let input = reader.next(&buffer, inflater: inflater) { inputs.append(input) }
    }
    return inputs
}

func read(
    _ frames: [ClientFrame], pieces: Int = .max, maximumMessageByteCount: Int = 1024 * 1024,
    deflate: DeflateAgreement? = nil
) -> [FrameReader.Input] {
    read(
        frames.flatMap { Array(buffer: $0.encoded) }, pieces: pieces, maximumMessageByteCount: maximumMessageByteCount,
        deflate: deflate)
}

/// A request for a WebSocket, with the key of RFC 6455 §1.3 where none is given.
func upgradeRequest(
    extensions: String? = nil, replacing replaced: String = "", with replacement: String = ""
) throws -> RequestHead {
    var text = """
        GET /gateway HTTP/1.1
        Host: server.example.com
        Upgrade: websocket
        Connection: Upgrade
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
        Origin: http://example.com
        Sec-WebSocket-Version: 13

        """
    if let extensions { text += "Sec-WebSocket-Extensions: \(extensions)\n" }
    if !replaced.isEmpty { text.replace(replaced, with: replacement) }
    return try head((text + "\n").replacing("\n", with: "\r\n"))
}

/// The head that a text is; fails the test if it is none.
func head(_ text: String) throws -> RequestHead {
    guard case .head(let head, _) = RequestHead.parse(ByteBuffer(string: text)) else {
        throw NoHead(text: text)
    }
    return head
}

struct NoHead: Error {
    let text: String
}

/// What a server agrees to when permessage-deflate is offered.
func agreement(_ offer: String = "permessage-deflate; client_max_window_bits") throws -> DeflateAgreement? {
    guard
        case .accepted(_, let deflate) = Handshake.answer(try upgradeRequest(extensions: offer), offeringDeflate: true)
    else { return nil }
    return deflate
}

/// SplitMix64: the same numbers for the same seed.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
