import NIOCore
import Testing
import WebSocketCodec

@Suite("Frames that a gateway writes")
struct FrameWriterTests {
    @Test("The unmasked frames of RFC 6455 §5.7")
    func examples() {
        #expect(FrameWriter.frame(.text, ByteBuffer(string: "Hello")) == bytes("81 05 48 65 6c 6c 6f"))
        #expect(FrameWriter.frame(.ping, ByteBuffer(string: "Hello")) == bytes("89 05 48 65 6c 6c 6f"))
    }

    @Test(
        "A length takes the shortest form it fits in",
        arguments: [
            (0, "82 00"), (125, "82 7d"), (126, "82 7e 00 7e"), (256, "82 7e 01 00"), (65_535, "82 7e ff ff"),
            (65_536, "82 7f 00 00 00 00 00 01 00 00"),
        ])
    func lengths(count: Int, header: String) {
        let payload = ByteBuffer(repeating: 0x61, count: count)
        var expected = bytes(header)
        expected.writeImmutableBuffer(payload)
        #expect(FrameWriter.frame(.binary, payload) == expected)
    }

    @Test("A compressed message has RSV1 set (RFC 7692 §7.2.3.1)")
    func compressed() {
        let frame = FrameWriter.frame(.text, bytes("f2 48 cd c9 c9 07 00"), isCompressed: true)
        #expect(frame == bytes("c1 07 f2 48 cd c9 c9 07 00"))
    }

    @Test("A close frame has the code and the reason")
    func close() {
        #expect(FrameWriter.close(code: 1000) == bytes("88 02 03 e8"))
        #expect(FrameWriter.close(code: 4001, reason: "bye") == bytes("88 05 0f a1 62 79 65"))
    }

    @Test("A reason that is too long is cut between characters")
    func longReason() {
        // 61 characters of two bytes fit into 123 bytes.
        let frame = FrameWriter.close(code: 1000, reason: String(repeating: "é", count: 100))
        #expect(frame.getInteger(at: 1, as: UInt8.self) == 124)
        #expect(frame.getString(at: 4, length: 122) == String(repeating: "é", count: 61))
    }
}
