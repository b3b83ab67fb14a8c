import APIServer
import Contracts
import NIOCore
import ServiceKit
import Testing

@Suite("What is published")
struct PublishingTests {
    @Test("A message's frame written by hand is what the encoder writes", arguments: 0..<400 as Range<UInt64>)
    func handWrittenFrames(seed: UInt64) throws {
        var random = Seeded(state: seed)
        let message = Message(
            id: random.id(), channelID: random.id(), seq: random.seq(), authorID: random.id(),
            content: random.text(), idempotencyKey: "key-\(random.next())", createdAt: random.time(),
            editedAt: Bool.random(using: &random) ? random.time() : nil,
            mentions: (0..<Int.random(in: 0...3, using: &random)).map { _ in random.id() },
            audience: [nil, .all, .here].randomElement(using: &random) ?? nil,
            attachments: Bool.random(using: &random) ? random.attachments() : nil, version: random.seq())
        let stream = StreamID.channel(message.channelID)
        for event in [Event.messageCreated(message), .messageEdited(message)] {
            let frame = EventFrame(stream: stream, seq: random.seq(), event: event)
            let expected = Array("\(frame.seq)\n".utf8) + (try WireJSON.encode(frame))
            #expect(String(buffer: try EncodedEvent(frame).payload) == String(decoding: expected, as: UTF8.self))
        }
    }

    @Test("Every character that JSON escapes is escaped as the encoder does")
    func escapes() throws {
        let content = String(String.UnicodeScalarView((1...0x2FF).compactMap(UnicodeScalar.init))) + "\u{2028}\u{FFFF}👩‍👩‍👧"
        let message = Message(
            id: .example, channelID: .example, seq: 1, authorID: .example, content: content,
            idempotencyKey: "key-12345",
            createdAt: .example, editedAt: nil, mentions: [], audience: nil, version: 1)
        let frame = EventFrame(stream: .channel(.example), seq: 1, event: .messageCreated(message))
        let expected = "1\n" + String(decoding: try WireJSON.encode(frame), as: UTF8.self)
        #expect(String(buffer: try EncodedEvent(frame).payload) == expected)
    }

    @Test("Heads are told for as long as they are new, the highest of each stream, in notices of bounded length")
    func recentHeads() {
        var random = Seeded(state: 7)
        var heads = RecentHeads()
        let start = ContinuousClock.now
        let early: StreamID = .channel(random.id())
        heads.saw(6, of: early, at: start)
        heads.saw(5, of: early, at: start)
        #expect(heads.notices(at: start + .seconds(1)).map(\.heads) == [[Cursor(stream: early, seq: 6)]])
        let many = (0..<Limits.headsPerNotice + 1).map { _ in StreamID.channel(random.id()) }
        for stream in many { heads.saw(1, of: stream, at: start + Limits.headsAge) }
        let notices = heads.notices(at: start + Limits.headsAge + .seconds(1))
        #expect(notices.map(\.heads.count) == [Limits.headsPerNotice, 1])
        #expect(Set(notices.flatMap { $0.heads.map(\.stream) }) == Set(many), "the early one is too old")
        #expect(heads.notices(at: start + Limits.headsAge * 3).isEmpty)
    }
}

/// SplitMix64, with values of the contract.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func id<Of>() -> EntityID<Of> { EntityID(at: time(), entropy: (next(), next())) }
    mutating func seq() -> StreamSequence { .random(in: 1...(1 << 53), using: &self) }
    mutating func time() -> Timestamp { Timestamp(milliseconds: .random(in: 0...4_000_000_000_000, using: &self)) }

    /// Files with and without what they may have.
    mutating func attachments() -> [Contracts.Attachment] {
        (0..<Int.random(in: 1...3, using: &self)).map { _ in
            Contracts.Attachment(
                id: id(), name: text(), mediaType: "video/webm", byteCount: .random(in: 1...(1 << 40), using: &self),
                width: Bool.random(using: &self) ? 640 : nil, height: Bool.random(using: &self) ? 480 : nil,
                durationMilliseconds: Bool.random(using: &self) ? .random(in: 0...100_000, using: &self) : nil)
        }
    }

    /// Any scalars, those that JSON escapes more often than others.
    mutating func text() -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...60, using: &self) {
            let bound: UInt32 = [0x24, 0x60, 0x3000, 0x10_FFFF].randomElement(using: &self) ?? 0x24
            if let scalar = UnicodeScalar(UInt32.random(in: 1...bound, using: &self)) { text.append(scalar) }
        }
        return String(text)
    }
}
