import MediaPeer
import MediaSecurity
import Testing

@Suite("DTLS")
struct SecurityDTLSTests {
    @Test(
        "The profile is the server's first that the client offers",
        arguments: [
            (SRTPProfile.allCases, SRTPProfile.allCases, SRTPProfile.aeadAES128GCM),
            ([.aeadAES128GCM], SRTPProfile.allCases, .aeadAES128GCM),
            ([.aes128CMSHA1_80], SRTPProfile.allCases, .aes128CMSHA1_80),
            ([.aes128CMSHA1_80, .aeadAES128GCM], SRTPProfile.allCases, .aeadAES128GCM),
            (SRTPProfile.allCases, [.aes128CMSHA1_80], .aes128CMSHA1_80),
            ([.aes128CMSHA1_80, .aeadAES256GCM], SRTPProfile.allCases, .aeadAES256GCM),
        ] as [([SRTPProfile], [SRTPProfile], SRTPProfile)])
    func profiles(client: [SRTPProfile], server: [SRTPProfile], expected: SRTPProfile) throws {
        let link = try SecurityLink(clientProfiles: client, serverProfiles: server)
        link.handshake()
        let clientKeys = try #require(link.clientOutcome.keys)
        let serverKeys = try #require(link.serverOutcome.keys)
        #expect(clientKeys.profile == expected)
        #expect(serverKeys.profile == expected)
        #expect(clientKeys.local == serverKeys.remote)
        #expect(clientKeys.remote == serverKeys.local)
        #expect(clientKeys.local != clientKeys.remote)
        #expect(clientKeys.local.count == expected.keyByteCount + expected.saltByteCount)
        #expect(link.client.deadline == nil && link.server.deadline == nil)
    }

    @Test("A handshake takes two round trips, and no datagram has more than 1,200 bytes")
    func flights() throws {
        let link = try SecurityLink()
        link.handshake()
        #expect(link.now == MediaTime(nanoseconds: 80_000_000))
        #expect(link.sent.map(\.toServer) == [true, false, true, false])
        #expect(link.sent.allSatisfy { $0.bytes.count <= 1200 })
    }

    @Test("Without a common profile there are no keys")
    func noProfile() throws {
        let link = try SecurityLink(clientProfiles: [.aeadAES128GCM], serverProfiles: [.aes128CMSHA1_80])
        link.handshake()
        #expect(link.clientOutcome.error == .noProfile)
        #expect(link.serverOutcome.error == .noProfile)
    }

    /// The client's last flight and the server's answer to it have to arrive both in one of nine attempts: at 30 % loss
    /// two of a thousand handshakes are out of luck.
    @Test("A handshake completes over a network that loses, doubles and reorders datagrams")
    func lossy() throws {
        var unlucky: [UInt64] = []
        for seed in UInt64(1)...200 {
            let link = try SecurityLink(seed: seed)
            link.network = .init(loss: 0.3, duplication: 0.1, delay: 5...60)
            link.handshake()
            if link.clientOutcome.error == .timedOut {
                unlucky.append(seed)
                continue
            }
            #expect(link.clientOutcome.establishedCount == 1, "seed \(seed)")
            #expect(link.serverOutcome.establishedCount == 1, "seed \(seed)")
            #expect(link.clientOutcome.keys?.local == link.serverOutcome.keys?.remote, "seed \(seed)")
        }
        #expect(unlucky.count <= 2, "seeds \(unlucky)")
    }

    @Test("Messages in fragments that overtake each other are put together", arguments: 1...100)
    func fragments(seed: UInt64) throws {
        let link = try SecurityLink(seed: seed)
        link.network = .init(loss: 0.1, duplication: 0.1, delay: 1...80)
        link.rewrite = { datagram, _ in SecurityRecords.fragment(datagram, byteCount: 60) }
        link.handshake()
        #expect(link.sent.filter(\.toServer).first.map { $0.bytes.count } == 13 + 12 + 60)
        #expect(
            link.clientOutcome.establishedCount == 1, "seed \(seed): \(String(describing: link.clientOutcome.error))")
        #expect(
            link.serverOutcome.establishedCount == 1, "seed \(seed): \(String(describing: link.serverOutcome.error))")
    }

    @Test("A client that nobody answers sends its first flight nine times, then gives up")
    func timeout() throws {
        let certificates = try SecurityLink.Certificates.shared.get()
        let client = try DTLSConnection(certificate: certificates.client, role: .client, expected: nil)
        var now = MediaTime(nanoseconds: 0)
        var sent: [[UInt8]] = []
        var waits: [Int64] = []
        var outcome = SecurityLink.Outcome()
        outcome.apply(client.start(now: now))
        client.takeDatagrams { sent.append(Array($0)) }
        while let deadline = client.deadline {
            outcome.apply(client.handleTimeout(now: deadline + .nanoseconds(-1)))
            client.takeDatagrams { _ in Issue.record("It is too early.") }
            waits.append((deadline - now).wholeNanoseconds / 1_000_000)
            now = deadline
            outcome.apply(client.handleTimeout(now: now))
            client.takeDatagrams { sent.append(Array($0)) }
        }
        #expect(waits == [400, 800, 1600, 3200, 3200, 3200, 3200, 3200, 3200])
        #expect(sent.count == 9)
        #expect(Set(sent).count == 1)
        #expect(outcome.error == .timedOut)
    }

    @Test("A server answers a repeated last flight of the client, and at most each 100 ms")
    func lastFlight() throws {
        let link = try SecurityLink()
        link.handshake()
        let lastOfClient = try #require(link.sent.last { $0.toServer }).bytes
        let lastOfServer = try #require(link.sent.last { !$0.toServer }).bytes
        for _ in 0..<5 { link.deliver(lastOfClient, toServer: true) }
        var answers: [[UInt8]] = []
        link.server.takeDatagrams { answers.append(Array($0)) }
        #expect(answers == [lastOfServer])
        for milliseconds in [99, 100] {
            lastOfClient.withUnsafeBytes { _ = link.server.receive($0, now: link.now + .milliseconds(milliseconds)) }
        }
        link.server.takeDatagrams { answers.append(Array($0)) }
        #expect(answers == [lastOfServer, lastOfServer])
    }

    @Test("The side that finds another certificate than announced gives no keys, and tells the other")
    func wrongFingerprint() throws {
        let certificates = try SecurityLink.Certificates.shared.get()
        let stranger = try DTLSCertificate.selfSigned().fingerprint
        for deceived in [DTLSRole.client, .server] {
            let link = SecurityLink(
                client: try DTLSConnection(
                    certificate: certificates.client, role: .client,
                    expected: deceived == .client ? stranger : certificates.server.fingerprint),
                server: try DTLSConnection(
                    certificate: certificates.server, role: .server,
                    expected: deceived == .server ? stranger : certificates.client.fingerprint))
            link.handshake()
            #expect(link.clientOutcome.keys == nil && link.serverOutcome.keys == nil)
            let (finder, other) =
                deceived == .client
                ? (link.clientOutcome, link.serverOutcome) : (link.serverOutcome, link.clientOutcome)
            #expect(finder.error == .wrongFingerprint)
            guard case .handshake = other.error else {
                Issue.record("The other side came to \(String(describing: other.error)).")
                continue
            }
        }
    }

    @Test("A client without a certificate is refused")
    func noCertificate() throws {
        let link = try SecurityLink()
        link.rewrite = { datagram, toServer in [toServer ? SecurityRecords.withoutCertificate(datagram) : datagram] }
        link.handshake()
        #expect(link.serverOutcome.error == .noCertificate)
        #expect(link.clientOutcome.keys == nil)
    }

    @Test("Either side sees that the other has closed, once")
    func close() throws {
        for closesClient in [true, false] {
            let link = try SecurityLink()
            link.handshake()
            (closesClient ? link.client : link.server).close()
            link.settle()
            #expect((closesClient ? link.serverOutcome : link.clientOutcome).closedCount == 1)
            #expect((closesClient ? link.clientOutcome : link.serverOutcome).closedCount == 0)
            let alert = try #require(link.sent.last).bytes
            link.deliver(alert, toServer: closesClient)
            #expect((closesClient ? link.serverOutcome : link.clientOutcome).closedCount == 1)
        }
    }

    @Test("After the handshake nothing that is forged ends the association")
    func forgery() throws {
        let link = try SecurityLink()
        link.handshake()
        link.client.close()
        var alert: [UInt8] = []
        link.client.takeDatagrams { alert = Array($0) }
        let plainAlert: [UInt8] = [21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40]
        link.deliver(plainAlert, toServer: true)
        // The version, bytes 1 and 2, is not authenticated: OpenSSL takes the agreed one into the tag, not the written
        // one.
        for bit in 0..<(alert.count * 8) where !(8..<24).contains(bit) {
            var forged = alert
            forged[bit / 8] ^= 1 << (bit % 8)
            link.deliver(forged, toServer: true)
            if link.serverOutcome.closedCount != 0 {
                Issue.record("Bit \(bit) made no difference.")
                break
            }
        }
        for record in SecurityRecords.split(link.sent.flatMap(\.bytes)) { link.deliver(record, toServer: true) }
        #expect(link.serverOutcome.closedCount == 0)
        link.deliver(alert, toServer: true)
        #expect(link.serverOutcome.closedCount == 1)
    }

    @Test("Garbage never completes a handshake", arguments: [20_251_121])
    func garbage(seed: UInt64) throws {
        let recorded = try SecurityLink()
        recorded.handshake()
        let datagrams = recorded.sent.map(\.bytes)
        var random = SplitMix64(seed: seed)
        var link = try SecurityLink(seed: seed)
        for round in 0..<20_000 {
            if round % 25 == 0 {
                link = try SecurityLink(seed: seed)
                _ = link.client.start(now: link.now)
            }
            var datagram = datagrams.randomElement(using: &random) ?? []
            if random.chance(0.3) {
                datagram = (0..<Int.random(in: 0...1500, using: &random)).map { _ in
                    .random(in: 0...255, using: &random)
                }
                if random.chance(0.8), let first = datagram.indices.first {
                    datagram[first] = .random(in: 20...23, using: &random)
                }
            }
            for _ in 0..<Int.random(in: 1...4, using: &random) where !datagram.isEmpty {
                let index = Int.random(in: 0..<datagram.count, using: &random)
                datagram[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            if random.chance(0.1) { datagram.removeLast(Int.random(in: 0...datagram.count, using: &random)) }
            link.deliver(datagram, toServer: random.chance(0.5))
        }
        #expect(link.serverOutcome.establishedCount == 0 && link.clientOutcome.establishedCount == 0)
    }
}

@Suite("Certificate fingerprints")
struct SecurityFingerprintTests {
    private static func text(_ name: String, _ digits: String, _ count: Int, separator: String = ":") -> String {
        name + " " + [String](repeating: digits, count: count).joined(separator: separator)
    }

    @Test("A fingerprint reads back as it was written, in either case")
    func roundTrip() throws {
        let fingerprint = try DTLSCertificate.selfSigned().fingerprint
        let text = fingerprint.description
        #expect(text.count == "sha-256 ".count + 32 * 3 - 1)
        #expect(CertificateFingerprint(text) == fingerprint)
        #expect(CertificateFingerprint(text.lowercased()) == fingerprint)
        #expect(CertificateFingerprint(text.uppercased())?.description == text)
    }

    @Test(
        "The long digests are accepted, and compared",
        arguments: [("sha-384", 48), ("SHA-512", 64)])
    func longDigests(name: String, byteCount: Int) throws {
        let text = Self.text(name, "0A", byteCount)
        let fingerprint = try #require(CertificateFingerprint(text))
        #expect(fingerprint.description == text.replacing("SHA", with: "sha"))
        let certificates = try SecurityLink.Certificates.shared.get()
        let link = SecurityLink(
            client: try DTLSConnection(certificate: certificates.client, role: .client, expected: fingerprint),
            server: try DTLSConnection(certificate: certificates.server, role: .server, expected: nil))
        link.handshake()
        #expect(link.clientOutcome.error == .wrongFingerprint)
    }

    @Test(
        "What is no acceptable fingerprint is refused",
        arguments: [
            "", "sha-256", "sha-256 ", "sha-256 AB:CD",
            text("sha-1", "AB", 20), text("md5", "AB", 16), text("sha-256", "AB", 33), text("sha-384", "AB", 32),
            text("sha-256", "AB", 32, separator: "-"), text("sha-256", "AG", 32), text("sha-256 ", "AB", 32),
            text("sha-256", "AB", 32) + ":", text("sha-256", "A", 32), text("sha-256", "１２", 32),
        ])
    func malformed(text: String) {
        #expect(CertificateFingerprint(text) == nil)
    }
}
