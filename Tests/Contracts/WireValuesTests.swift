import Contracts
import Foundation
import Testing

@Suite("Identifiers, times and envelopes")
struct WireValuesTests {
    @Test("An id is a UUID version 7 that sorts by time (RFC 9562 §5.7)")
    func identifiers() throws {
        let first = UserID(at: Timestamp(milliseconds: 1_000), entropy: (.max, .max))
        let second = UserID(at: Timestamp(milliseconds: 1_001), entropy: (0, 0))
        #expect(first < second)
        #expect(first.description == "00000000-03e8-7fff-bfff-ffffffffffff")
        #expect(second.description == "00000000-03e9-7000-8000-000000000000")
        #expect(UserID(first.description) == first)
        #expect(UserID(first.description.uppercased()) == first)
    }

    @Test(
        "What is no UUID is no id",
        arguments: [
            "", "1", "00000000-03e8-7fff-bfff-fffffffffff", "00000000-03e8-7fff-bfff-ffffffffffff0",
            "00000000x03e8-7fff-bfff-ffffffffffff", "0000000g-03e8-7fff-bfff-ffffffffffff",
            "00000000-03e8-7fff-bfff-fffffffffff\u{e9}",
        ])
    func noIdentifiers(text: String) { #expect(UserID(text) == nil) }

    @Test(
        "Times are read in the forms of RFC 3339 and PostgreSQL and written in one",
        arguments: [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"),
            ("2026-11-21T07:28:29.185Z", 1_795_246_109_185, "2026-11-21T07:28:29.185Z"),
            ("2026-11-21 07:28:29.185432+00", 1_795_246_109_185, "2026-11-21T07:28:29.185Z"),
            ("2026-11-21 07:28:29.1+00", 1_795_246_109_100, "2026-11-21T07:28:29.100Z"),
            ("2026-11-21T12:58:29+05:30", 1_795_246_109_000, "2026-11-21T07:28:29.000Z"),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999, "2000-02-29T23:59:59.999Z"),
            ("1969-12-31T23:59:59.999Z", -1, "1969-12-31T23:59:59.999Z"),
        ])
    func times(text: String, milliseconds: Int64, written: String) throws {
        let time = try #require(Timestamp(text))
        #expect(time.milliseconds == milliseconds)
        #expect(time.description == written)
    }

    @Test("Every day of four centuries survives writing and reading")
    func days() {
        for day in stride(from: Int64(-73_000), to: 73_100, by: 1) {
            let time = Timestamp(milliseconds: day * 86_400_000 + 12_345)
            #expect(Timestamp(time.description) == time)
        }
    }

    @Test(
        "What is no time is refused",
        arguments: ["", "2026", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "now"])
    func noTimes(text: String) { #expect(Timestamp(text) == nil) }

    @Test("A stream's name is its kind and id, in the wire's form and in Redis's")
    func streams() throws {
        let stream = StreamID.channel(.example)
        #expect(stream.description == "channel:\(ChannelID.example)")
        #expect(StreamID(stream.description) == stream)
        #expect(Topic.stream(stream).name == "channel:{\(ChannelID.example)}")
        #expect(StreamID("planet:\(ChannelID.example)") == nil)
        #expect(StreamID("channel") == nil)
    }

    @Test("The header of an event carries its number and what it changes (O4)")
    func streamEnvelopes() {
        let effects: [AccessEffect] = [
            .join(Cursor(stream: .channel(.example), seq: 41)), .leave(.workspace(.example)), .revoke(.example),
        ]
        for envelope in [
            StreamEnvelope(seq: 7), StreamEnvelope(seq: .max, effects: effects),
            StreamEnvelope(seq: 8, hidesEarlier: true),
            StreamEnvelope(seq: 9, effects: effects, hidesEarlier: true),
        ] {
            #expect(StreamEnvelope(header: envelope.header) == envelope)
        }
        for text in ["", "0", "-1", "x", "1 jump=3", "1 join=channel:1@2", "1 join=\(StreamID.example)"] {
            #expect(StreamEnvelope(header: text) == nil, "\(text)")
        }
    }

    @Test("A place before the beginning of a stream is none", arguments: [-1, .min] as [StreamSequence])
    func negativePlaces(seq: StreamSequence) throws {
        let place = Cursor(stream: .user(.example), seq: seq)
        let json = try JSONEncoder().encode(place)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(Cursor.self, from: json) }
        #expect(Cursor(text: "\(place.stream)@\(seq)") == nil)
        #expect(Cursor(text: "\(place.stream)@0") == Cursor(stream: place.stream, seq: 0))
    }

    @Test("The header of a request or reply on the bus is read as it was written")
    func busEnvelopes() {
        let address = InstanceAddress(kind: .gateway, id: .example)
        let envelopes: [BusEnvelope] = [
            .request(id: .example, replyTo: address, deadline: .example, kind: .replay), .reply(id: .example),
            .failure(id: .example, code: .unavailable),
        ]
        for envelope in envelopes { #expect(BusEnvelope(header: envelope.header) == envelope) }
        for text in ["", "reply", "reply x", "request \(RequestID.example)", "failure \(RequestID.example) odd"] {
            #expect(BusEnvelope(header: text) == nil, "\(text)")
        }
    }

    @Test("Close codes say by their range what a client does next (O3)")
    func closeCodes() {
        #expect(CloseCode.goingAway.action == .resume)
        #expect(CloseCode.tokenExpired.action == .refresh)
        #expect(CloseCode.sessionRevoked.action == .signIn)
        #expect(CloseCode.malformedFrame.action == .stop)
        #expect(CloseCode.allCases.allSatisfy { (4000...4999).contains($0.rawValue) && $0.reason.utf8.count <= 123 })
    }
}
