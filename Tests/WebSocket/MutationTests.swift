import NIOCore
import Testing
import WebSocketCodec

@Suite("Bytes of strangers")
struct MutationTests {
    /// A conversation of a few frames, valid as a rule.
    private func conversation(_ random: inout SeededRandom) -> [UInt8] {
        let deflater = MessageDeflater()
        var sent: [UInt8] = []
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            for frame in message(&random, deflater) {
                var frame = frame
                frame.mask = (0..<4).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
                sent += Array(buffer: frame.encoded)
            }
        }
        return sent
    }

    /// A message or control frame; a message may have parts, and be compressed.
    private func message(_ random: inout SeededRandom, _ deflater: MessageDeflater) -> [ClientFrame] {
        let count = [0, 3, 125, 126, 700].randomElement(using: &random) ?? 0
        let letters = Array("aé世👋\"{}: ")
        var payload = ByteBuffer(string: String((0..<count).map { _ in letters.randomElement(using: &random) ?? " " }))
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return [.ping("p")]
        case 1: return [.pong("")]
        case 2: return [.close(bytes("03 e8 62 79 65"))]
        default: break
        }
        let isCompressed = Bool.random(using: &random)
        if isCompressed { payload = deflater.deflate(payload) }
        var frames: [ClientFrame] = []
        while frames.isEmpty || payload.readableBytes > 0 {
            let part = payload.readSlice(length: Int.random(in: 0...payload.readableBytes, using: &random))
            frames.append(
                ClientFrame(
                    opcode: frames.isEmpty ? 1 : 0, payload: part ?? ByteBuffer(), isFinal: payload.readableBytes == 0,
                    reserved: isCompressed && frames.isEmpty ? 0x40 : 0))
        }
        return frames
    }

    /// Changes, drops, doubles or adds some bytes.
    private func mutate(_ sent: inout [UInt8], _ random: inout SeededRandom) {
        for _ in 0..<Int.random(in: 0...4, using: &random) where !sent.isEmpty {
            let index = Int.random(in: 0..<sent.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: sent[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: sent[index] = UInt8.random(in: 0 ... .max, using: &random)
            case 2: sent.removeSubrange(index..<min(sent.count, index + Int.random(in: 1...20, using: &random)))
            case 3: sent.insert(contentsOf: sent[index..<min(sent.count, index + 20)], at: index)
            default: sent.insert(UInt8.random(in: 0 ... .max, using: &random), at: index)
            }
        }
    }

    @Test(
        "Whatever comes is read without a crash, and split anywhere it means the same",
        arguments: 1...40 as ClosedRange<UInt64>)
    func splits(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let deflate = try agreement()
        for round in 0..<100 {
            var sent = conversation(&random)
            mutate(&sent, &random)
            let whole = read(sent, maximumMessageByteCount: 2048, deflate: deflate)
            for pieces in [1, 2, 3, 7, Int.random(in: 1...200, using: &random)] {
                let split = read(sent, pieces: pieces, maximumMessageByteCount: 2048, deflate: deflate)
                #expect(split == whole, "seed \(seed), round \(round), pieces of \(pieces): \(sent)")
            }
            let ends = whole.dropLast().contains {
                switch $0 {
                case .close, .failure: true
                default: false
                }
            }
            #expect(!ends, "seed \(seed), round \(round): something was read after the end")
        }
    }

    @Test("Random bytes are read, inflated and parsed without a crash", arguments: 1...8 as ClosedRange<UInt64>)
    func noise(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let deflate = try agreement()
        let inflater = MessageInflater()
        for _ in 0..<2000 {
            let noise = (0..<Int.random(in: 0...64, using: &random)).map { _ in
                UInt8.random(in: 0 ... .max, using: &random)
            }
            let inputs = read(noise, maximumMessageByteCount: 64, deflate: deflate)
            #expect(inputs.count <= noise.count / 2 + 1)
            if let inflated = try? inflater.inflate(ByteBuffer(bytes: noise), maximumByteCount: 512) {
                #expect(inflated.readableBytes <= 512)
            }
        }
    }

    @Test(
        "A changed head is parsed without a crash, and what is accepted has a well-formed answer",
        arguments: 1...20 as ClosedRange<UInt64>)
    func heads(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let text = """
            GET /gateway?a=%41&b HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r
            Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12; client_max_window_bits\r\n\r\n
            """
        var acceptedCount = 0
        for _ in 0..<500 {
            var sent = Array(text.utf8)
            mutate(&sent, &random)
            guard case .head(let head, let byteCount) = RequestHead.parse(ByteBuffer(bytes: sent)) else { continue }
            #expect(byteCount <= sent.count, "seed \(seed)")
            _ = head.query("a")
            switch Handshake.answer(head, offeringDeflate: true) {
            case .accepted(let response, _):
                acceptedCount += 1
                #expect(String(buffer: response).hasPrefix("HTTP/1.1 101 "), "seed \(seed)")
                #expect(String(buffer: response).hasSuffix("\r\n\r\n"), "seed \(seed)")
            case .refused(let response): #expect(String(buffer: response).hasPrefix("HTTP/1.1 4"), "seed \(seed)")
            }
        }
        // Unchanged and harmlessly changed ones.
        #expect(acceptedCount > 50, "seed \(seed)")
    }
}
