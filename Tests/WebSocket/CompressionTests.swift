import NIOCore
import Testing
import WebSocketCodec

@Suite("Compressed messages")
struct CompressionTests {
    private static let hello = FrameReader.Input.text(ByteBuffer(string: "Hello"))

    // MARK: RFC 7692 §7.2.3

    @Test(
        "The compressed messages of RFC 7692 §7.2.3 that need no context, and others' ways to write them",
        arguments: [
            // One block with fixed Huffman codes (§7.2.3.1).
            "f2 48 cd c9 c9 07 00",
            // A block without compression (§7.2.3.3).
            "00 05 00 fa ff 48 65 6c 6c 6f 00",
            // A block marked as the last (§7.2.3.4).
            "f3 48 cd c9 c9 07 00 00",
            // Two blocks (§7.2.3.5).
            "f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
        ])
    func examples(payload: String) throws {
        #expect(read([.compressed(bytes(payload))], deflate: try agreement()) == [Self.hello])
        let inflated = try MessageInflater().inflate(bytes(payload), maximumByteCount: 5)
        #expect(inflated == ByteBuffer(string: "Hello"))
    }

    @Test("A compressed message may be fragmented anywhere (RFC 7692 §7.2.3.1)")
    func fragmented() throws {
        let first = ClientFrame.compressed(bytes("f2 48 cd"), isFinal: false)
        let last = ClientFrame(opcode: 0, payload: bytes("c9 c9 07 00"))
        #expect(
            read([first, .ping("x"), last], deflate: try agreement()) == [.ping(ByteBuffer(string: "x")), Self.hello])
    }

    @Test("A message that refers to the one before is an error: no context is taken over")
    func contextTakeover() throws {
        // The second message of RFC 7692 §7.2.3.2.
        let frames = [ClientFrame.compressed(bytes("f2 48 cd c9 c9 07 00")), .compressed(bytes("f2 00 11 00 00"))]
        #expect(read(frames, deflate: try agreement()) == [Self.hello, .failure(.invalidCompression)])
    }

    @Test("A later block may refer to what came before a final block of the same message")
    func finalInside() throws {
        // "Hello" in a final block, padded to a byte, then the copy of five bytes from five before (§7.2.3.2's second).
        let payload = bytes("f3 48 cd c9 c9 07 00 f2 00 11 00 00")
        #expect(try MessageInflater().inflate(payload, maximumByteCount: 10) == ByteBuffer(string: "HelloHello"))
    }

    @Test("Compressed and plain messages follow each other as the client likes")
    func mixed() throws {
        let frames: [ClientFrame] = [
            .text("Hello"), .compressed(bytes("f2 48 cd c9 c9 07 00")), .text("Hello"),
            ClientFrame(opcode: 2, payload: bytes("f2 48 cd c9 c9 07 00"), reserved: 0x40),
        ]
        #expect(
            read(frames, deflate: try agreement())
                == [Self.hello, Self.hello, Self.hello, .binary(ByteBuffer(string: "Hello"))])
    }

    @Test("RSV1 is an error on a later part, on a control frame, and without an agreement (RFC 7692 §6.1)")
    func misplaced() throws {
        let later = ClientFrame(opcode: 0, payload: bytes("c9 c9 07 00"), reserved: 0x40)
        #expect(
            read([.compressed(bytes("f2 48 cd"), isFinal: false), later], deflate: try agreement())
                == [.failure(.protocolError)])
        let ping = ClientFrame(opcode: 9, payload: bytes("f2 48 cd c9 c9 07 00"), reserved: 0x40)
        #expect(read([ping], deflate: try agreement()) == [.failure(.protocolError)])
        #expect(read([.compressed(bytes("f2 48 cd c9 c9 07 00"))]) == [.failure(.protocolError)])
    }

    // MARK: Errors and bounds

    @Test(
        "What is no DEFLATE, or ends inside a block, is an error",
        arguments: ["", "ff", "07", "f2 48 cd", "00 05 00 fa fe 48", "00 07 00 f8 ff 48", "f2 48 cd c9 c9 07", "06"])
    func corrupt(payload: String) throws {
        #expect(read([.compressed(bytes(payload))], deflate: try agreement()) == [.failure(.invalidCompression)])
        #expect(throws: ReadFailure.invalidCompression) {
            try MessageInflater().inflate(bytes(payload), maximumByteCount: 100)
        }
    }

    @Test("After an error the inflater serves the next connection")
    func recovers() throws {
        let inflater = MessageInflater()
        for broken in ["f2 48 cd", "ff ff", "f2 48 cd c9 c9 07 00"] {
            #expect(throws: ReadFailure.self) { try inflater.inflate(bytes(broken), maximumByteCount: 4) }
            let hello = try inflater.inflate(bytes("f2 48 cd c9 c9 07 00"), maximumByteCount: 5)
            #expect(hello == ByteBuffer(string: "Hello"))
        }
    }

    @Test("A zip bomb stops at the bound: what comes after it is not looked at")
    func bomb() throws {
        var bomb = MessageDeflater(level: 9).deflate(ByteBuffer(repeating: 0, count: 16 * 1024 * 1024))
        #expect(bomb.readableBytes < 100_000)
        // A block of a reserved kind, after the empty one that the deflater took its end off.
        bomb.writeBytes([0x00, 0x00, 0xFF, 0xFF, 0x07])
        #expect(throws: ReadFailure.invalidCompression) {
            try MessageInflater().inflate(bomb, maximumByteCount: 16 * 1024 * 1024)
        }
        #expect(
            read([.compressed(bomb)], maximumMessageByteCount: 1024 * 1024, deflate: try agreement())
                == [.failure(.tooLarge)])
    }

    @Test("The bound is that of the inflated message, to the byte, also for one that does not compress")
    func bound() throws {
        var random = SeededRandom(seed: 9)
        let noise = ByteBuffer(bytes: (0..<100_000).map { _ in UInt8.random(in: 0 ... .max, using: &random) })
        let message = MessageDeflater(memoryLevel: 1).deflate(noise)
        #expect(message.readableBytes > noise.readableBytes)
        let frame = ClientFrame(opcode: 2, payload: message, reserved: 0x40)
        let deflate = try agreement()
        #expect(read([frame], maximumMessageByteCount: 100_000, deflate: deflate) == [.binary(noise)])
        #expect(read([frame], maximumMessageByteCount: 99_999, deflate: deflate) == [.failure(.tooLarge)])
    }

    // MARK: Compressing

    @Test("A deflater's message inflates to itself, of any size, again and again (Autobahn 12.x)")
    func roundTrips() throws {
        let deflater = MessageDeflater()
        let inflater = MessageInflater()
        var random = SeededRandom(seed: 12)
        for count in [0, 1, 16, 64, 256, 1024, 4096, 8192, 16_384, 16_385, 32_768, 65_536, 131_072] {
            for alphabet in [1, 16, 256] {
                let payload = ByteBuffer(
                    bytes: (0..<count).map { _ in UInt8(Int.random(in: 0..<alphabet, using: &random)) })
                let message = deflater.deflate(payload)
                #expect(try inflater.inflate(message, maximumByteCount: count) == payload, "\(count) of \(alphabet)")
                if count > 0 {
                    #expect(throws: ReadFailure.tooLarge) { try inflater.inflate(message, maximumByteCount: count - 1) }
                }
            }
        }
    }

    @Test("The same message is compressed to the same bytes, whatever came before: one frame serves all")
    func withoutContext() {
        let deflater = MessageDeflater()
        let message = ByteBuffer(string: "Hello, Hello, Hello, Hello")
        let first = deflater.deflate(message)
        _ = deflater.deflate(ByteBuffer(string: "Hello, something else"))
        #expect(deflater.deflate(message) == first)
        #expect(MessageDeflater().deflate(message) == first)
    }

    @Test("An empty message is one empty block (RFC 7692 §7.2.3.6)")
    func empty() throws {
        #expect(MessageDeflater().deflate(ByteBuffer()) == bytes("00"))
        #expect(read([.compressed(bytes("00"))], deflate: try agreement()) == [.text(ByteBuffer())])
    }

    @Test("No match reaches further back than the window that the handshake names")
    func window() throws {
        var random = SeededRandom(seed: 4)
        let noise = (0..<(1 << MessageDeflater.windowBits)).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
        // The second half repeats the first from just outside the window: only a larger window would find it.
        let payload = ByteBuffer(bytes: noise + noise)
        #expect(MessageDeflater(level: 9).deflate(payload).readableBytes > payload.readableBytes)
    }

    @Test("A compressed frame is made only where it is smaller")
    func frame() throws {
        let deflater = MessageDeflater()
        #expect(deflater.frame(.text, ByteBuffer(string: "Hello")) == nil)
        let text = ByteBuffer(string: String(repeating: "Hello, ", count: 40))
        let frame = try #require(deflater.frame(.text, text))
        #expect(frame == FrameWriter.frame(.text, deflater.deflate(text), isCompressed: true))
        #expect(frame.readableBytes < text.readableBytes / 4)
    }
}
