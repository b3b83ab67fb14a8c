import MediaCore
import Testing

@Suite("Datagrams and addresses")
struct PacketsAddressTests {
    @Test("The first two bytes tell the protocol")
    func kind() {
        for first in UInt8.min...UInt8.max {
            for second: UInt8 in [0, 96, 191, 192, 200, 223, 224, 255] {
                let expected: DatagramKind =
                    switch first {
                    case 0...3: .stun
                    case 20...63: .dtls
                    case 128...191: second >= 192 && second <= 223 ? .rtcp : .rtp
                    default: .unknown
                    }
                #expect(DatagramKind(bytes: [first, second]) == expected, "\(first) \(second)")
            }
        }
    }

    @Test("An empty datagram is unknown, and a single byte never RTP")
    func short() {
        let empty: [UInt8] = []
        #expect(DatagramKind(bytes: empty) == .unknown)
        #expect(DatagramKind(bytes: [128]) == .unknown)
        #expect(DatagramKind(bytes: [0]) == .stun)
    }

    @Test(
        "An address is read from its text and written in its short form",
        arguments: [
            ("192.0.2.1", "192.0.2.1", "192.0.2.1:40000"), ("0.0.0.0", "0.0.0.0", "0.0.0.0:40000"),
            ("255.255.255.255", "255.255.255.255", "255.255.255.255:40000"),
            ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1", "[2001:db8::1]:40000"), ("::", "::", "[::]:40000"),
            ("::1", "::1", "[::1]:40000"), ("fe80::0:1:2", "fe80::1:2", "[fe80::1:2]:40000"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:40000"),
        ])
    func text(text: String, host: String, description: String) throws {
        let address = try #require(TransportAddress(host: text, port: 40000))
        #expect(address.host == host)
        #expect("\(address)" == description)
        #expect(address == TransportAddress(host: host, port: 40000))
        #expect(address.isIPv4 == !host.contains(":"))
    }

    @Test(
        "What is no address is refused",
        arguments: [
            "", "localhost", "192.0.2", "192.0.2.256", "192.0.2.01", " 192.0.2.1", "192.0.2.1 ", "192.0.2.1\0",
            "192.0.2.1:80",
            "[::1]", "fe80::1%eth0", "::1::", "1:2:3:4:5:6:7:8:9", "12345::", "é::1",
        ])
    func refused(text: String) {
        #expect(TransportAddress(host: text, port: 1) == nil)
    }

    @Test("The numbers of an address are in host order")
    func numbers() throws {
        let four = try #require(TransportAddress(host: "192.0.2.1", port: 7))
        #expect(four == .v4(0xC000_0201, port: 7))
        #expect(four.ipv4 == 0xC000_0201 && four.ipv6 == nil && four.port == 7)
        let six = try #require(TransportAddress(host: "2001:db8:1:2:3:4:5:6", port: 7))
        #expect(six == .v6(high: 0x2001_0DB8_0001_0002, low: 0x0003_0004_0005_0006, port: 7))
        #expect(six.ipv4 == nil)
        #expect(six.ipv6.map { [$0.0, $0.1] } == [0x2001_0DB8_0001_0002, 0x0003_0004_0005_0006])
    }

    @Test("Family and port keep addresses apart")
    func distinct() {
        let addresses: Set<TransportAddress> = [
            .v4(0xC000_0201, port: 1), .v4(0xC000_0201, port: 2), .v6(high: 0, low: 0xC000_0201, port: 1),
            .v6(high: 0, low: 0xFFFF_C000_0201, port: 1), .v6(high: 1, low: 0xC000_0201, port: 1),
        ]
        #expect(addresses.count == 5)
        #expect(addresses.contains(.v4(0xC000_0201, port: 2)))
    }
}
