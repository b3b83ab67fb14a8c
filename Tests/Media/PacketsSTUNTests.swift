import MediaCore
import Testing

/// Messages of RFC 5769 §2.1–§2.3, and what they are made of.
enum STUNSamples {
    static let password = "VOkJxbRl1RmTxUk/WvJxBt"
    static let id = STUNTransactionID(high: 0xB7E7_A701, low: 0xBC34_D686_FA87_DFAE)
    /// The offset of FINGERPRINT in the request.
    static let requestFingerprint = 100

    static let request = packetBytes(
        """
        0001 0058 2112a442 b7e7a701bc34d686fa87dfae
        8022 0010 5354554e207465737420636c69656e74
        0024 0004 6e0001ff
        8029 0008 932ff9b151263b36
        0006 0009 6576746a3a68367659 202020
        0008 0014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
        8028 0004 e57a3bcf
        """)
    static let response4 = packetBytes(
        """
        0101 003c 2112a442 b7e7a701bc34d686fa87dfae
        8022 000b 7465737420766563746f72 20
        0020 0008 0001a147e112a643
        0008 0014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7
        8028 0004 c07d4c96
        """)
    static let response6 = packetBytes(
        """
        0101 0048 2112a442 b7e7a701bc34d686fa87dfae
        8022 000b 7465737420766563746f72 20
        0020 0014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
        0008 0014 a382954e4be67bf11784c97c8292c275bfe3ed41
        8028 0004 c8fb0b4c
        """)

    /// A message of these attributes with a right length, without integrity and fingerprint.
    static func message(type: String = "0001", _ attributes: String) -> [UInt8] {
        let body = packetBytes(attributes)
        let length = [UInt8(body.count >> 8), UInt8(body.count & 0xFF)]
        return packetBytes(type) + length + packetBytes("2112a442 b7e7a701bc34d686fa87dfae") + body
    }
}

@Suite("STUN")
struct PacketsSTUNTests {
    @Test("The sample request of RFC 5769 is read and authentic")
    func sampleRequest() throws {
        let bytes = STUNSamples.request
        let message = try #require(STUNMessage(bytes: bytes))
        #expect(message.kind == .bindingRequest)
        #expect(message.transactionID == STUNSamples.id)
        #expect(message.username == "evtj:h6vY")
        #expect(message.priority == 0x6E00_01FF)
        #expect(message.iceControlled == 0x932F_F9B1_5126_3B36)
        #expect(message.iceControlling == nil && !message.useCandidate && message.mappedAddress == nil)
        #expect(message.unknownRequired.isEmpty, "SOFTWARE is optional to understand")
        #expect(message.isAuthentic(bytes: bytes, password: STUNSamples.password))
        #expect(!message.isAuthentic(bytes: bytes, password: STUNSamples.password + "t"))
        #expect(!message.isAuthentic(bytes: bytes, password: ""))
    }

    @Test(
        "The sample responses of RFC 5769 tell the mapped address and are authentic",
        arguments: [
            (STUNSamples.response4, "192.0.2.1"), (STUNSamples.response6, "2001:db8:1234:5678:11:2233:4455:6677"),
        ])
    func sampleResponses(bytes: [UInt8], host: String) throws {
        let message = try #require(STUNMessage(bytes: bytes))
        #expect(message.kind == .bindingSuccess)
        #expect(message.transactionID == STUNSamples.id)
        #expect(message.mappedAddress == TransportAddress(host: host, port: 32853))
        #expect(message.isAuthentic(bytes: bytes, password: STUNSamples.password))
    }

    @Test("No bit of what is signed can be changed")
    func bitFlips() {
        for bit in 0..<STUNSamples.requestFingerprint * 8 {
            var bytes = STUNSamples.request
            bytes[bit / 8] ^= 1 << (bit % 8)
            let message = STUNMessage(bytes: bytes)
            #expect(message?.isAuthentic(bytes: bytes, password: STUNSamples.password) != true, "bit \(bit)")
        }
    }

    @Test("Without its FINGERPRINT a message is as authentic as before")
    func withoutFingerprint() throws {
        var bytes = Array(STUNSamples.request.prefix(STUNSamples.requestFingerprint))
        bytes[3] -= 8
        let message = try #require(STUNMessage(bytes: bytes))
        #expect(message.isAuthentic(bytes: bytes, password: STUNSamples.password))
    }

    @Test("A message without MESSAGE-INTEGRITY is not authentic, nor one checked against other bytes")
    func noIntegrity() throws {
        let bare = STUNSamples.message("0024 0004 00000001")
        #expect(try #require(STUNMessage(bytes: bare)).isAuthentic(bytes: bare, password: "") == false)
        let message = try #require(STUNMessage(bytes: STUNSamples.request))
        #expect(!message.isAuthentic(bytes: bare, password: STUNSamples.password))
    }

    @Test("What follows MESSAGE-INTEGRITY is ignored")
    func afterIntegrity() throws {
        var bytes = Array(STUNSamples.request.prefix(STUNSamples.requestFingerprint))
        // USE-CANDIDATE, a required attribute that nobody knows, and a PRIORITY of a wrong size.
        let more = packetBytes("0025 0000  7fff 0000  0024 0001 00 000000")
        bytes[3] = UInt8(bytes.count + more.count - 20)
        bytes += more
        let message = try #require(STUNMessage(bytes: bytes))
        #expect(!message.useCandidate && message.unknownRequired.isEmpty && message.priority == 0x6E00_01FF)
        #expect(message.isAuthentic(bytes: bytes, password: STUNSamples.password))
    }

    @Test("Of an attribute that comes twice the first counts")
    func twice() throws {
        let bytes = STUNSamples.message("0024 0004 00000001 0024 0004 00000002 0006 0001 61000000 0006 0001 62000000")
        let message = try #require(STUNMessage(bytes: bytes))
        #expect(message.priority == 1 && message.username == "a")
    }

    @Test("Unknown attributes that must be understood are told once each, and only so many")
    func unknown() throws {
        let some = STUNSamples.message("7001 0000 8001 0000 7002 0001 00000000 7001 0000 0001 0000 0014 0000")
        #expect(try #require(STUNMessage(bytes: some)).unknownRequired == [0x7001, 0x7002])
        let types = (0x10..<0x50).map { "70" + String($0, radix: 16) + "0000" }
        let many = STUNSamples.message(types.joined())
        let unknown = try #require(STUNMessage(bytes: many)).unknownRequired
        #expect(unknown == (0x7010..<0x7020).map { UInt16($0) })
    }

    @Test(
        "The four classes of Binding are told apart, and nothing else is STUN",
        arguments: [
            ("0001", STUNMessage.Kind.bindingRequest), ("0011", .bindingIndication), ("0101", .bindingSuccess),
            ("0111", .bindingError), ("0003", nil), ("0000", nil), ("8001", nil), ("0002", nil),
        ])
    func kinds(type: String, kind: STUNMessage.Kind?) {
        #expect(STUNMessage(bytes: STUNSamples.message(type: type, ""))?.kind == kind)
    }

    @Test(
        "A malformed message is refused",
        arguments: [
            ("nothing", ""),
            ("a header cut short", "0001 0000 2112a442 b7e7a701bc34d686fa87df"),
            ("a cookie of another protocol", "0001 0000 2112a443 b7e7a701bc34d686fa87dfae"),
            ("a length beyond the datagram", "0001 0004 2112a442 b7e7a701bc34d686fa87dfae"),
            ("a length short of the datagram", "0001 0000 2112a442 b7e7a701bc34d686fa87dfae 80220000"),
            ("a length that is no multiple of 4", "0001 0002 2112a442 b7e7a701bc34d686fa87dfae 0000"),
            ("an attribute that leaves the message", "0001 0004 2112a442 b7e7a701bc34d686fa87dfae 80220001"),
            ("a priority of 3 bytes", "0001 0008 2112a442 b7e7a701bc34d686fa87dfae 0024000300000000"),
            ("a tie-breaker of 4 bytes", "0001 0008 2112a442 b7e7a701bc34d686fa87dfae 802a000400000000"),
            ("another tie-breaker of 4 bytes", "0001 0008 2112a442 b7e7a701bc34d686fa87dfae 8029000400000000"),
            ("a USE-CANDIDATE with a value", "0001 0008 2112a442 b7e7a701bc34d686fa87dfae 0025000400000000"),
            ("an integrity of 4 bytes", "0001 0008 2112a442 b7e7a701bc34d686fa87dfae 0008000400000000"),
            ("a username that is no UTF-8", "0001 0008 2112a442 b7e7a701bc34d686fa87dfae 00060002c3280000"),
            ("an address of no family", "0101 000c 2112a442 b7e7a701bc34d686fa87dfae 002000080003a147e112a643"),
            ("an address cut short", "0101 0008 2112a442 b7e7a701bc34d686fa87dfae 002000040001a147"),
            ("an error of 2xx", "0111 0008 2112a442 b7e7a701bc34d686fa87dfae 0009000400000200"),
            ("an error of 4 hundreds and 100", "0111 0008 2112a442 b7e7a701bc34d686fa87dfae 0009000400000464"),
            ("a wrong fingerprint", "0001 0008 2112a442 b7e7a701bc34d686fa87dfae 8028000400000000"),
            ("a fingerprint of 2 bytes", "0001 0008 2112a442 b7e7a701bc34d686fa87dfae 8028000200000000"),
        ])
    func malformed(what: String, hex: String) {
        #expect(STUNMessage(bytes: packetBytes(hex)) == nil, "\(what)")
    }

    @Test("A fingerprint that is right but not the last is refused")
    func fingerprintNotLast() {
        let last = packetBytes("0001 0008 2112a442 b7e7a701bc34d686fa87dfae 80280004 fdf6ae02")
        #expect(STUNMessage(bytes: last) != nil)
        let before = packetBytes("0001 000c 2112a442 b7e7a701bc34d686fa87dfae 80280004 8efe89cd 80220000")
        #expect(STUNMessage(bytes: before) == nil)
    }

    @Test("A username of 509 bytes is refused")
    func longUsername() {
        for (count, isRead) in [(508, true), (509, false)] {
            let text = String(repeating: "61", count: count) + String(repeating: "00", count: (4 - count % 4) % 4)
            let length = "0" + String(count, radix: 16)
            #expect((STUNMessage(bytes: STUNSamples.message("0006" + length + text)) != nil) == isRead)
        }
    }

    @Test("An answer that is written is read again", arguments: ["198.51.100.7", "2001:db8::7", "::ffff:198.51.100.7"])
    func success(host: String) throws {
        let address = try #require(TransportAddress(host: host, port: 61234))
        let bytes = STUNWriter.success(to: STUNSamples.id, mapped: address, password: "secret")
        let message = try #require(STUNMessage(bytes: bytes))
        #expect(message.kind == .bindingSuccess && message.transactionID == STUNSamples.id)
        #expect(message.mappedAddress == address)
        #expect(message.isAuthentic(bytes: bytes, password: "secret"))
        #expect(!message.isAuthentic(bytes: bytes, password: "Secret"))
        // FINGERPRINT was covered: another last byte is noticed.
        #expect(STUNMessage(bytes: bytes.dropLast() + [bytes[bytes.count - 1] ^ 1]) == nil)
    }

    @Test(
        "A refusal tells its code, and the attributes that were not understood", arguments: [400, 401, 420, 487, 699])
    func error(code: Int) throws {
        let plain = STUNWriter.error(code, to: STUNSamples.id, password: nil)
        let message = try #require(STUNMessage(bytes: plain))
        #expect(message.kind == .bindingError && message.errorCode == code)
        #expect(message.transactionID == STUNSamples.id && message.unknownRequired.isEmpty)
        #expect(!message.isAuthentic(bytes: plain, password: ""))

        let signed = STUNWriter.error(code, to: STUNSamples.id, unknown: [0x7001, 0x7002, 0x7003], password: "secret")
        let second = try #require(STUNMessage(bytes: signed))
        #expect(second.errorCode == code && second.isAuthentic(bytes: signed, password: "secret"))
        // Three types are 6 bytes, so 2 more follow.
        let unknown = packetBytes("000a 0006 7001 7002 7003 0000")
        #expect(Array(signed[(signed.count - 32 - unknown.count)..<(signed.count - 32)]) == unknown)
    }

    @Test("A check that is written is read again", arguments: [true, false])
    func check(useCandidate: Bool) throws {
        let bytes = STUNWriter.bindingRequest(
            STUNSamples.id, username: "remote:own", password: "secret", priority: 0x6E7F_00FF,
            tieBreaker: 0x8000_0000_0000_0001,
            useCandidate: useCandidate)
        let message = try #require(STUNMessage(bytes: bytes))
        #expect(message.kind == .bindingRequest && message.transactionID == STUNSamples.id)
        #expect(message.username == "remote:own" && message.priority == 0x6E7F_00FF)
        #expect(message.iceControlling == 0x8000_0000_0000_0001 && message.iceControlled == nil)
        #expect(message.useCandidate == useCandidate && message.unknownRequired.isEmpty)
        #expect(message.isAuthentic(bytes: bytes, password: "secret"))
        #expect(DatagramKind(bytes: bytes) == .stun)
    }
}
