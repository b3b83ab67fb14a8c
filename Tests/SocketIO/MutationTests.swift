import Contracts
import Foundation
import NIOCore
import SocketIOCodec
import Testing

/// Random numbers that a seed decides (SplitMix64).
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// The seed of the run: `ROOST_SEED`, by chance in the long tests, always the same in the short ones.
private let seed: UInt64 = {
    let environment = ProcessInfo.processInfo.environment
    if let chosen = environment["ROOST_SEED"].flatMap(UInt64.init) { return chosen }
    return environment["ROOST_TEST_FULL"] == nil ? 1 : .random(in: 0 ... .max)
}()

private let samples = [
    #"4 2["message",1,"2",{"3":[true]}]"#, "40{\"token\":\"x\"}",
    #"452-/custom,7["a",{"_placeholder":true,"num":0},-1.5e3]"#,
    #"43/custom,456["\ud83d\ude00",null,[],{}]"#, "41/custom,", "2probe", "3probe", "5", "6", "1",
]

@Suite("Packets that were tampered with")
struct MutationTests {
    @Test("No bytes crash the codecs, and what is read is written in a form that is read the same")
    func mutations() {
        print("seed \(seed)")
        var random = SeededGenerator(state: seed)
        for _ in 0..<30_000 {
            let bytes = mutated(&random)
            guard let packets = EngineIOPayload.parse(ByteBuffer(bytes: bytes)) else { continue }
            #expect(EngineIOPayload.parse(ByteBuffer(string: EngineIOPayload.encode(packets))) == packets)
            var reader = SocketIOReader(maximumByteCount: 1000)
            for case .message(let message) in packets {
                if case .packet(let packet) = reader.receive(message) { expectSame(packet) }
            }
        }
    }

    @Test("Whatever order things happen in, a session answers each poll once and ends once")
    func histories() {
        print("seed \(seed)")
        var random = SeededGenerator(state: seed)
        for _ in 0..<300 { runHistory(&random) }
    }

    private func mutated(_ random: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            if !bytes.isEmpty { bytes.append(0x1E) }
            bytes += (samples.randomElement(using: &random) ?? "").utf8
        }
        for _ in 0..<Int.random(in: 0...4, using: &random) where !bytes.isEmpty {
            let position = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: position)
            case 2: bytes.insert(contentsOf: bytes[position...].prefix(5), at: position)
            default: bytes.removeLast(bytes.count - position)
            }
        }
        return bytes
    }

    private func expectSame(_ packet: SocketIOPacket) {
        var reader = SocketIOReader(maximumByteCount: 10_000)
        var last = SocketIOReader.Input.malformed
        for message in packet.messages { last = reader.receive(message) }
        #expect(last == .packet(packet))
    }

    private func runHistory(_ random: inout SeededGenerator) {
        let settings = EngineIOSession.Settings(
            pingInterval: .milliseconds(300), pingTimeout: .milliseconds(200), maximumPayload: 200)
        var now = Timestamp(milliseconds: 0)
        let id = EngineIOSessionID(gateway: "g0", entropy: (1, 2))
        var session = EngineIOSession.polling(id, settings, now: now).session
        var (waiting, ends, sent, received) = (0, 0, 0, "")
        for _ in 0..<60 {
            now = now + .milliseconds(Int64.random(in: 0...120, using: &random))
            var actions: [EngineIOSession.Action]
            switch Int.random(in: 0..<9, using: &random) {
            case 0, 1:
                waiting += 1
                actions = session.poll(now: now)
            case 2: actions = session.beginPost()
            case 3: actions = session.post([.pong("")], now: now)
            case 4:
                actions = session.send([.text("m\(sent);")])
                sent += 1
            case 5:
                _ = session.attachWebSocket(now: now)
                actions = []
            case 6: actions = session.receive(.text("2probe"), now: now)
            case 7: actions = session.receive(.text("5"), now: now)
            default: actions = session.check(now: now)
            }
            for action in actions {
                switch action {
                case .answerPoll(let payload):
                    waiting -= 1
                    received += payload
                case .refusePoll: waiting -= 1
                case .write(.text(let text)): received += text
                case .end: ends += 1
                default: break
                }
            }
            #expect((0...1).contains(waiting))
            #expect(ends == (session.hasEnded ? 1 : 0))
        }
        // Messages that went out did so once and in the order in which they were sent.
        let numbers = received.matches(of: /m(\d+);/).compactMap { Int($0.output.1) }
        #expect(numbers == Array(0..<numbers.count))
    }
}
