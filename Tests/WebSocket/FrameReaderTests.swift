import NIOCore
import Testing
import WebSocketCodec

@Suite("Frames that a client sends")
struct FrameReaderTests {
    private static let hello = FrameReader.Input.text(ByteBuffer(string: "Hello"))

    // MARK: RFC 6455 §5.7

    @Test("The masked frames of RFC 6455 §5.7")
    func examples() {
        #expect(read(Array(buffer: bytes("81 85 37 fa 21 3d 7f 9f 4d 51 58"))) == [Self.hello])
        #expect(
            read(Array(buffer: bytes("8a 85 37 fa 21 3d 7f 9f 4d 51 58"))) == [.pong(ByteBuffer(string: "Hello"))])
    }

    @Test("A fragmented message is one message")
    func fragmentedExample() {
        #expect(read([.text("Hel", isFinal: false), .more("lo", isFinal: true)]) == [Self.hello])
    }

    // MARK: Lengths (Autobahn 1.x)

    @Test(
        "A message of any length is read whole, masked and in any pieces",
        arguments: [0, 1, 7, 8, 9, 15, 125, 126, 127, 128, 255, 65_535, 65_536, 100_003], [Int.max, 997])
    func lengths(count: Int, pieces: Int) {
        let payload = ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        #expect(read([.binary(payload), .binary(payload)], pieces: pieces) == [.binary(payload), .binary(payload)])
        let text = ByteBuffer(repeating: UInt8(ascii: "*"), count: count)
        #expect(read([ClientFrame(opcode: 1, payload: text)], pieces: pieces) == [.text(text)])
    }

    @Test("A length may be written longer than it needs", arguments: [65_535, 65_536])
    func longForm(form: Int) {
        #expect(read([ClientFrame(opcode: 1, payload: ByteBuffer(string: "Hello"), lengthForm: form)]) == [Self.hello])
    }

    @Test("A length of more than 63 bits is an error (RFC 6455 §5.2)")
    func signBit() {
        #expect(read(Array(buffer: bytes("82 ff 80 00 00 00 00 00 00 00 00 00 00 00"))) == [.failure(.protocolError)])
        #expect(read(Array(buffer: bytes("82 ff 7f ff ff ff ff ff ff ff 00 00 00 00"))) == [.failure(.tooLarge)])
    }

    // MARK: Control frames (Autobahn 2.x)

    @Test("Control frames come between the parts of a message, in their order")
    func controlBetween() {
        let inputs = read(
            [.text("Hel", isFinal: false), .ping("1"), .pong("2"), .more(""), .ping(""), .more("lo", isFinal: true)],
            pieces: 1)
        #expect(
            inputs == [
                .ping(ByteBuffer(string: "1")), .pong(ByteBuffer(string: "2")), .ping(ByteBuffer()), Self.hello,
            ])
    }

    @Test(
        "A control frame has at most 125 bytes and is never fragmented (RFC 6455 §5.5)",
        arguments: [8, 9, 10] as [UInt8])
    func controlBounds(opcode: UInt8) {
        // Of a close, the first two bytes are the code.
        let payload = ByteBuffer(repeating: 0x0B, count: 125)
        #expect(read([ClientFrame(opcode: opcode, payload: payload)]).first != nil)
        var longer = payload
        longer.writeInteger(UInt8(0x0B))
        #expect(read([ClientFrame(opcode: opcode, payload: longer)]) == [.failure(.protocolError)])
        #expect(
            read([ClientFrame(opcode: opcode, payload: ByteBuffer(), isFinal: false)]) == [.failure(.protocolError)])
        #expect(
            read([ClientFrame(opcode: opcode, payload: ByteBuffer(), lengthForm: 65_535)])
                == [.failure(.protocolError)])
    }

    @Test("A ping keeps its bytes, whatever they are")
    func pingBytes() {
        let payload = bytes("00 ff fe fd fc fb 00 ff")
        #expect(read([ClientFrame(opcode: 9, payload: payload)]) == [.ping(payload)])
    }

    // MARK: Reserved bits and opcodes, masks (Autobahn 3.x, 4.x)

    @Test(
        "A reserved bit is an error, in every kind of frame and from its first byte on",
        arguments: [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70] as [UInt8], [1, 2, 8, 9, 10] as [UInt8])
    func reservedBits(bits: UInt8, opcode: UInt8) throws {
        let frame = ClientFrame(opcode: opcode, payload: ByteBuffer(string: "x"), reserved: bits)
        #expect(read([.text("Hello"), frame]) == [Self.hello, .failure(.protocolError)])
        if bits == 0x40, opcode < 8 { return }
        #expect(read([frame], deflate: try agreement()) == [.failure(.protocolError)])
    }

    @Test("A reserved opcode is an error at the first byte", arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8])
    func reservedOpcodes(opcode: UInt8) {
        #expect(read([0x80 | opcode]) == [.failure(.protocolError)])
        #expect(
            read([.text("Hello"), ClientFrame(opcode: opcode, payload: ByteBuffer()), .ping("")])
                == [Self.hello, .failure(.protocolError)])
    }

    @Test("A frame without a mask is an error (RFC 6455 §5.1)", arguments: [1, 2, 8, 9] as [UInt8])
    func unmasked(opcode: UInt8) {
        #expect(
            read([ClientFrame(opcode: opcode, payload: ByteBuffer(), mask: nil)]) == [.failure(.protocolError)])
    }

    // MARK: Fragmentation (Autobahn 5.x)

    @Test("A part without a message, or a message inside another, is an error (RFC 6455 §5.4)")
    func order() {
        #expect(read([.more("x", isFinal: true)]) == [.failure(.protocolError)])
        #expect(read([.more("x")]) == [.failure(.protocolError)])
        #expect(read([.text("Hello"), .more("x")]) == [Self.hello, .failure(.protocolError)])
        #expect(read([.text("a", isFinal: false), .text("b")]) == [.failure(.protocolError)])
        #expect(read([.text("a", isFinal: false), .binary(ByteBuffer())]) == [.failure(.protocolError)])
        #expect(
            read([.text("Hel", isFinal: false), .more("lo", isFinal: true), .more("x", isFinal: true)])
                == [Self.hello, .failure(.protocolError)])
    }

    @Test("Parts may be empty, all of them too")
    func emptyParts() {
        #expect(read([.text("", isFinal: false), .more(""), .more("", isFinal: true)]) == [.text(ByteBuffer())])
        #expect(
            read([.text("", isFinal: false), .more("Hello"), .more("", isFinal: true), .text("Hello")])
                == [Self.hello, Self.hello])
    }

    @Test("Nothing is read after an error or a close")
    func ends() {
        #expect(read([.more("x"), .text("Hello")]) == [.failure(.protocolError)])
        #expect(read([.close(), .text("Hello"), .ping("")]) == [.close(code: nil, reason: ByteBuffer())])
        #expect(read([.close(), .close()], pieces: 1) == [.close(code: nil, reason: ByteBuffer())])
    }

    // MARK: Limits (Autobahn 9.x)

    @Test("A message over the bound fails before its payload comes, alone or with all its parts")
    func bound() {
        let eight = ByteBuffer(repeating: 0x61, count: 8)
        let nine = ByteBuffer(repeating: 0x61, count: 9)
        #expect(read([.binary(eight)], maximumMessageByteCount: 8) == [.binary(eight)])
        let header = Array(buffer: ClientFrame.binary(nine).encoded).prefix(6)
        #expect(read(Array(header), maximumMessageByteCount: 8) == [.failure(.tooLarge)])
        #expect(
            read([.text("1234", isFinal: false), .more("5678", isFinal: true)], maximumMessageByteCount: 8)
                == [.text(ByteBuffer(string: "12345678"))])
        #expect(
            read([.text("1234", isFinal: false), .more("5678"), .more("9")], maximumMessageByteCount: 8)
                == [.failure(.tooLarge)])
    }

    @Test("A bound of a message does not bind control frames")
    func boundAndControl() {
        #expect(read([.ping("123456789")], maximumMessageByteCount: 8) == [.ping(ByteBuffer(string: "123456789"))])
    }

    @Test("A long message in many small parts is read")
    func manyParts() {
        let part = ByteBuffer(repeating: 0x2A, count: 64)
        let frames = (0..<2048).map { index in
            ClientFrame(opcode: index == 0 ? 2 : 0, payload: part, isFinal: index == 2047)
        }
        #expect(read(frames) == [.binary(ByteBuffer(repeating: 0x2A, count: 64 * 2048))])
    }

    @Test("A message that is alone in its frame is a slice of the buffer it came in")
    func noCopy() throws {
        var buffer = ClientFrame.text("Hello").encoded
        let storage = buffer.withUnsafeReadableBytes { $0.baseAddress }
        var reader = FrameReader(maximumMessageByteCount: 100, deflate: nil)
        guard case .text(let text) = reader.next(&buffer, inflater: MessageInflater()) else {
            Issue.record("not read")
            return
        }
        #expect(String(buffer: text) == "Hello")
        #expect(text.withUnsafeReadableBytes { $0.baseAddress } == storage.map { $0 + 6 })
    }
}
