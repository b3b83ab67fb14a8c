import NIOCore
import Testing
import WebSocketCodec

@Suite("UTF-8 and closing")
struct TextAndCloseTests {
    // MARK: UTF-8 (Autobahn 6.x; Unicode table 3-7)

    private static let valid = [
        "", "00", "7f", "c2 80", "df bf", "e0 a0 80", "ec bf bf", "ed 9f bf", "ee 80 80", "ef bf bf", "f0 90 80 80",
        "f3 bf bf bf", "f4 8f bf bf", "ce ba e1 bd b9 cf 83 ce bc ce b5", "ef bf bd", "ef bb bf 61", "f4 8f bf be",
        "31 32 33 34 35 36 37 38 c3 a9 31 32 33 34 35 36 37 38 39",
    ]

    private static let invalid = [
        "80", "bf", "80 bf", "c0 80", "c1 bf", "c2", "c2 41", "c2 c2", "e0 80 80", "e0 9f bf", "e0 a0", "e1 80",
        "ed a0 80", "ed bf bf", "ed a0 80 ed b0 80", "f0 80 80 80", "f0 8f bf bf", "f0 90 80", "f4 90 80 80",
        "f5 80 80 80", "f8 88 80 80 80", "fc 84 80 80 80 80", "fe", "ff", "fe fe ff ff", "e1 80 41",
        "31 32 33 34 35 36 37 38 80", "ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64", "f4 8f bf",
    ]

    @Test("Text is UTF-8, whole or in parts of any size", arguments: valid)
    func validText(hexadecimal: String) {
        for part in 1...5 {
            #expect(read(fragments(bytes(hexadecimal), part)) == [.text(bytes(hexadecimal))], "parts of \(part)")
        }
        #expect(read([ClientFrame(opcode: 1, payload: bytes(hexadecimal))]) == [.text(bytes(hexadecimal))])
    }

    @Test("Text that is not UTF-8 is an error, whole or in parts of any size (RFC 6455 §8.1)", arguments: invalid)
    func invalidText(hexadecimal: String) throws {
        let payload = bytes(hexadecimal)
        for part in 1...5 {
            #expect(read(fragments(payload, part)) == [.failure(.invalidUTF8)], "parts of \(part)")
        }
        #expect(read([ClientFrame(opcode: 1, payload: payload)]) == [.failure(.invalidUTF8)])
        #expect(read([.binary(payload)]) == [.binary(payload)])
        let compressed = MessageDeflater().deflate(payload)
        #expect(read([.compressed(compressed)], deflate: try agreement()) == [.failure(.invalidUTF8)])
    }

    @Test("Every scalar value is UTF-8, and nothing else of two to four bytes is: as the standard library has it")
    func exhaustive() {
        var random = SeededRandom(seed: 6)
        for _ in 0..<20_000 {
            let count = Int.random(in: 1...6, using: &random)
            // Mostly bytes at the borders of the ranges, where mistakes are.
            let borders: [UInt8] = [
                0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5,
            ]
            let payload = (0..<count).map { _ in
                borders.randomElement(using: &random) ?? 0
            }
            let isValid = String(validating: payload, as: UTF8.self) != nil
            let buffer = ByteBuffer(bytes: payload)
            #expect(
                read([ClientFrame(opcode: 1, payload: buffer)])
                    == [isValid ? .text(buffer) : .failure(.invalidUTF8)], "\(payload)")
        }
    }

    @Test("Text that cannot become UTF-8 any more fails before the message ends (Autobahn 6.4)")
    func failsFast() {
        let greeting = "ce ba e1 bd b9 cf 83 ce bc ce b5"
        let frame = ClientFrame(opcode: 1, payload: bytes(greeting + " f4 90"), isFinal: false)
        #expect(read([frame]) == [.failure(.invalidUTF8)])
    }

    /// A text message in parts, the last of them empty.
    private func fragments(_ payload: ByteBuffer, _ size: Int) -> [ClientFrame] {
        var rest = payload
        var frames: [ClientFrame] = []
        while let part = rest.readSlice(length: min(size, rest.readableBytes)), part.readableBytes > 0 {
            frames.append(ClientFrame(opcode: frames.isEmpty ? 1 : 0, payload: part, isFinal: false))
        }
        frames.append(ClientFrame(opcode: frames.isEmpty ? 1 : 0, payload: ByteBuffer()))
        return frames
    }

    // MARK: Closing (Autobahn 7.x)

    private func closing(_ code: UInt16, _ reason: String = "") -> ByteBuffer {
        var payload = ByteBuffer(integer: code)
        payload.writeString(reason)
        return payload
    }

    @Test(
        "A code that may be sent is read, with its reason",
        arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
            as [UInt16])
    func codes(code: UInt16) {
        #expect(read([.close(closing(code))]) == [.close(code: code, reason: ByteBuffer())])
        let reason = String(repeating: "*", count: 123)
        #expect(read([.close(closing(code, reason))]) == [.close(code: code, reason: ByteBuffer(string: reason))])
    }

    @Test(
        "A code that may not be sent is an error (RFC 6455 §7.4)",
        arguments: [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] as [UInt16])
    func invalidCodes(code: UInt16) {
        #expect(read([.close(closing(code, "x"))]) == [.failure(.protocolError)])
    }

    @Test("A close has a whole code or nothing, and its reason is UTF-8")
    func payloads() {
        #expect(read([.close()]) == [.close(code: nil, reason: ByteBuffer())])
        #expect(read([.close(bytes("03"))]) == [.failure(.protocolError)])
        #expect(read([.close(bytes("03 e8 ce ba e1 bd b9 ed a0 80"))]) == [.failure(.invalidUTF8)])
        #expect(read([.close(bytes("03 e8 ce"))]) == [.failure(.invalidUTF8)])
    }

    @Test("A close may come inside a message, which then never ends")
    func insideMessage() {
        #expect(
            read([.text("a", isFinal: false), .close(closing(1000)), .more("b", isFinal: true)])
                == [.close(code: 1000, reason: ByteBuffer())])
    }

    @Test("Every failure has its close code")
    func closeCodes() {
        let codes: [(ReadFailure, UInt16)] = [
            (.protocolError, 1002), (.invalidUTF8, 1007), (.invalidCompression, 1007), (.tooLarge, 1009),
        ]
        for (failure, code) in codes { #expect(failure.closeCode == code) }
    }
}
