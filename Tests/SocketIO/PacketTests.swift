import Contracts
import NIOCore
import SocketIOCodec
import Testing

private let bytes = ByteBuffer(bytes: [1, 2, 3, 4])

@Suite("Packets of Engine.IO and Socket.IO")
struct PacketTests {
    @Test(
        "A packet of Engine.IO is its digit and its data",
        arguments: [
            ("0{}", EngineIOPacket.open("{}")), ("1", .close), ("2", .ping("")), ("2probe", .ping("probe")),
            ("3", .pong("")), ("4hello", .message(.text("hello"))), ("4", .message(.text(""))), ("5", .upgrade),
            ("6", .noop),
            ("4\u{301}x", .message(.text("\u{301}x"))),
        ])
    func enginePackets(text: String, packet: EngineIOPacket) {
        #expect(EngineIOPacket(text: text) == packet)
        #expect(packet.frame == .text(text))
    }

    @Test("What begins with no digit of a packet is none", arguments: ["", "7", "abc", "bAQ==", "-1"])
    func noEnginePacket(text: String) {
        #expect(EngineIOPacket(text: text) == nil)
    }

    @Test("A polling payload carries text and base64 with a record separator between")
    func payload() {
        let packets: [EngineIOPacket] = [.message(.text("hello")), .message(.binary(bytes)), .pong("")]
        #expect(EngineIOPayload.encode(packets) == "4hello\u{1E}bAQIDBA==\u{1E}3")
        #expect(EngineIOPayload.parse(ByteBuffer(string: "4hello\u{1E}bAQIDBA==\u{1E}3")) == packets)
    }

    @Test(
        "A polling payload with one bad packet is refused",
        arguments: ["", "abc", "4a\u{1E}", "\u{1E}4a", "4a\u{1E}x", "b!", "bA", "bAQI*"])
    func badPayload(text: String) {
        #expect(EngineIOPayload.parse(ByteBuffer(string: text)) == nil)
    }

    @Test("A polling payload that is no UTF-8 is refused")
    func noUTF8() {
        #expect(EngineIOPayload.parse(ByteBuffer(bytes: [0x34, 0xFF])) == nil)
    }

    @Test("Base64 of every length comes back", arguments: 0..<70)
    func base64(count: Int) {
        let bytes = ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 250) })
        let packet = EngineIOPacket.message(.binary(bytes))
        #expect(EngineIOPayload.parse(ByteBuffer(string: packet.pollingText)) == [packet])
    }

    // The examples of the protocol's own documents, and the shapes that clients send.
    static let socketPackets: [(String, SocketIOPacket)] = [
        ("0", SocketIOPacket(namespace: "/", .connect(nil))),
        (#"0{"token":"abc"}"#, SocketIOPacket(namespace: "/", .connect(["token": "abc"]))),
        ("0/custom,", SocketIOPacket(namespace: "/custom", .connect(nil))),
        (#"0/custom,{"a":1}"#, SocketIOPacket(namespace: "/custom", .connect(["a": 1]))),
        ("1/custom,", SocketIOPacket(namespace: "/custom", .disconnect)),
        (#"2["foo"]"#, SocketIOPacket(namespace: "/", .event(name: "foo", arguments: [], id: nil))),
        (#"2/admin,["bar",1]"#, SocketIOPacket(namespace: "/admin", .event(name: "bar", arguments: [1], id: nil))),
        (#"212["foo",null]"#, SocketIOPacket(namespace: "/", .event(name: "foo", arguments: [.null], id: 12))),
        (#"3/admin,13["bar"]"#, SocketIOPacket(namespace: "/admin", .acknowledgement(id: 13, arguments: ["bar"]))),
        (#"4{"message":"no"}"#, SocketIOPacket(namespace: "/", .connectError(["message": "no"]))),
    ]

    @Test("A packet of Socket.IO is read and written alike", arguments: socketPackets)
    func socketPacket(text: String, packet: SocketIOPacket) {
        let reader = ReaderUnderTest(maximumByteCount: 1000)
        #expect(reader.receive(.text(text)) == .packet(packet))
        #expect(packet.encode().text == text)
    }

    @Test("The comma after a namespace may be missing at the end")
    func bareNamespace() {
        let reader = ReaderUnderTest(maximumByteCount: 1000)
        #expect(reader.receive(.text("0/x")) == .packet(SocketIOPacket(namespace: "/x", .connect(nil))))
    }

    @Test("Attachments complete a packet, in their order")
    func attachments() {
        let text = #"52-/x,7["a",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]"#
        let other = ByteBuffer(string: "other")
        let packet = SocketIOPacket(
            namespace: "/x", .event(name: "a", arguments: [.binary(bytes), [.binary(other)]], id: 7))
        let reader = ReaderUnderTest(maximumByteCount: 1000)
        #expect(reader.receive(.text(text)) == .incomplete)
        #expect(reader.receive(.binary(bytes)) == .incomplete)
        #expect(reader.receive(.binary(other)) == .packet(packet))
        #expect(packet.messages == [.text(text), .binary(bytes), .binary(other)])
    }

    @Test(
        "What is no packet is malformed",
        arguments: [
            "", "7", "abc", "2", "2{}", "2[]", "2[1]", #"2["connect"]"#, #"2["disconnecting",1]"#, #"2abc["a"]"#,
            #"2-1["a"]"#,
            "2[", #"2["a"]x"#, #"3["a"]"#, "31", "31{}", #"5["a"]"#, #"50-["a"]"#, #"511-["a"]"#, #"51["a"]"#, "0[]",
            "0null", "1{}", "4", "4/,44", "4[]",
            #"299999999999999999999["a"]"#,
            "0/" + String(repeating: "x", count: Limits.socketIONamespaceByteCount),
        ])
    func malformed(text: String) {
        let reader = ReaderUnderTest(maximumByteCount: 1000)
        #expect(reader.receive(.text(text)) == .malformed)
    }

    @Test("Bytes that no packet announced, text among attachments and too many bytes are malformed")
    func attachmentFaults() {
        let reader = ReaderUnderTest(maximumByteCount: 60)
        #expect(reader.receive(.binary(bytes)) == .malformed)
        let head = EngineIOMessage.text(#"51-["a",{"_placeholder":true,"num":0}]"#)
        #expect(reader.receive(head) == .incomplete)
        #expect(reader.receive(head) == .malformed)
        let other = ReaderUnderTest(maximumByteCount: 60)
        #expect(other.receive(head) == .incomplete)
        #expect(other.receive(.binary(ByteBuffer(repeating: 0, count: 60))) == .malformed)
    }

    @Test("A session's id names its gateway and comes back from its text")
    func sessionID() {
        let id = EngineIOSessionID(gateway: "g0", entropy: (0x0123_4567_89AB_CDEF, .max))
        #expect(id.description.count == 23)
        #expect(id.description.hasPrefix("g0."))
        #expect(EngineIOSessionID(id.description) == id)
        #expect(id != EngineIOSessionID(gateway: "g0", entropy: (0x0123_4567_89AB_CDEE, .max)))
    }

    @Test(
        "What no gateway made is no session's id",
        arguments: [
            "", "g0", ".aaaaaaaaaaaaaaaaaaaa", "G0.aaaaaaaaaaaaaaaaaaaa", "g0.aaaaaaaaaaaaaaaaaaa",
            "g0.aaaaaaaaaaaaaaaaaaaaa",
            "g0.aaaaaaaaaaaaaaaaaaa/", "g0.g1.aaaaaaaaaaaaaaaaa", "g 0.aaaaaaaaaaaaaaaaaaaa",
        ])
    func noSessionID(text: String) {
        #expect(EngineIOSessionID(text) == nil)
    }

    private static let id = EngineIOSessionID(gateway: "g0", entropy: (1, 2))

    static let requests: [(String, Bool, [String: String], Result<EngineIORequest, EngineIORefusal>)] = [
        ("GET", false, ["EIO": "4", "transport": "polling"], .success(.open)),
        ("GET", true, ["EIO": "4", "transport": "websocket"], .success(.openWebSocket)),
        ("GET", false, ["EIO": "4", "transport": "polling", "sid": "\(id)"], .success(.poll(id))),
        ("POST", false, ["EIO": "4", "transport": "polling", "sid": "\(id)"], .success(.post(id))),
        ("GET", true, ["EIO": "4", "transport": "websocket", "sid": "\(id)"], .success(.upgrade(id))),
        ("GET", false, ["transport": "polling"], .failure(.unsupportedVersion)),
        ("GET", false, ["EIO": "3", "transport": "polling"], .failure(.unsupportedVersion)),
        ("GET", false, ["EIO": "4"], .failure(.transportUnknown)),
        ("GET", false, ["EIO": "4", "transport": "abc"], .failure(.transportUnknown)),
        ("POST", false, ["EIO": "4", "transport": "polling"], .failure(.badMethod)),
        ("PUT", false, ["EIO": "4", "transport": "polling"], .failure(.badMethod)),
        ("PUT", false, ["EIO": "4", "transport": "polling", "sid": "\(id)"], .failure(.badMethod)),
        ("GET", true, ["EIO": "4", "transport": "polling"], .failure(.badRequest)),
        ("GET", false, ["EIO": "4", "transport": "websocket"], .failure(.badRequest)),
        ("GET", false, ["EIO": "4", "transport": "polling", "sid": "x"], .failure(.sessionUnknown)),
    ]

    @Test("A request is what its method and query say", arguments: requests)
    func request(
        method: String, isUpgrade: Bool, query: [String: String], expected: Result<EngineIORequest, EngineIORefusal>
    ) {
        #expect(EngineIORequest.parse(method: method, isUpgrade: isUpgrade, query: { query[$0] }) == expected)
    }
}
