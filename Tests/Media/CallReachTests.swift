import Contracts
import Foundation
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("The way to the node, in virtual time")
struct CallReachTests {
    private func configuration(
        _ seed: UInt64, setup: String = "actpass", sources: [CallSource] = [.microphone, .camera]
    ) -> MediaPeer.Configuration {
        var configuration = MediaPeer.Configuration(seed: seed, sources: sources)
        configuration.setup = setup
        return configuration
    }

    private func expectMedia(_ viewer: CallNetwork.Person, from other: CallNetwork.Person, atLeast count: Int) throws {
        for source in [CallSource.microphone, .camera] {
            let mid = try #require(viewer.mid(of: other, source))
            let section = try #require(viewer.peer.received[mid])
            #expect(section.completeFrames >= count)
            #expect(section.corrupt == 0 && section.duplicates == 0)
        }
    }

    // MARK: DTLS

    @Test(
        "To an offer that is passive the node is the DTLS client, also when much gets lost",
        arguments: [0, 0.1, 0.3])
    func client(loss: Double) throws {
        let network = try CallNetwork(
            seed: 51, conditions: Conditions(loss: loss, delay: .milliseconds(20), jitter: .milliseconds(10)))
        let (ada, bob) = (try network.join(configuration(1, setup: "passive")), try network.join(configuration(2)))
        #expect(network.run(atMost: .seconds(20)) { ada.peer.isConnected && bob.peer.isConnected })
        network.conditions = Conditions()
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(5))
        try expectMedia(ada, from: bob, atLeast: 120)
        try expectMedia(bob, from: ada, atLeast: 120)
    }

    @Test(
        "A certificate that was not announced is refused whichever side of DTLS the node is",
        arguments: ["actpass", "active", "passive"])
    func wrongFingerprint(setup: String) throws {
        let network = try CallNetwork(seed: 52)
        var wrong = configuration(1, setup: setup)
        wrong.fingerprint = try DTLSCertificate.selfSigned().fingerprint.description
        let ada = try network.join(wrong)
        #expect(network.run(atMost: .seconds(20)) { ada.ended != nil })
        #expect(ada.peer.profile == nil || network.worker.counters.forwardedPackets == 0)
        #expect(!ada.peer.isConnected || ada.peer.isClosed)
        #expect(network.worker.isEmpty)
    }

    @Test("The sides of DTLS stay as they were when an offer comes again")
    func sides() throws {
        let network = try CallNetwork(seed: 53)
        let ada = try network.join(configuration(1, setup: "passive"))
        #expect(network.run(atMost: .seconds(5)) { ada.peer.isConnected })
        // A browser's second offer is actpass whatever was agreed on (RFC 8842 §5.3); the answer is active again.
        try network.offer(ada) { $0.replacing("a=setup:passive", with: "a=setup:actpass") }
        #expect(throws: SeatError.self) {
            try network.offer(ada) { $0.replacing("a=setup:passive", with: "a=setup:active") }
        }
        #expect(ada.peer.isConnected)
    }

    @Test("Streams without MID are found by the SSRC that was announced, and without one by the payload type")
    func withoutMids() throws {
        for isAnnounced in [true, false] {
            let network = try CallNetwork(seed: 54)
            let ada = try network.join(configuration(1)) { offer in
                offer.split(separator: "\r\n").filter { line in
                    !line.hasSuffix("sdes:mid") && (isAnnounced || !line.hasPrefix("a=ssrc"))
                }.map { $0 + "\r\n" }.joined()
            }
            let bob = try network.join(configuration(2))
            var senders = [Sender(ada), Sender(bob)]
            network.talk(&senders, for: .seconds(5))
            try expectMedia(bob, from: ada, atLeast: 120)
            #expect(network.worker.counters.dropped(.unknownStream) == 0)
        }
    }

    // MARK: ICE restarts

    private static let isFull = ProcessInfo.processInfo.environment["ROOST_TEST_FULL"] != nil

    @Test(
        "10,000 ICE restarts (a tenth of it in make test) from ever new addresses interrupt nothing and leave nothing")
    func restarts() throws {
        let network = try CallNetwork(seed: 55)
        let (ada, bob) = (
            try network.join(configuration(1, sources: [.microphone])),
            try network.join(configuration(2, sources: [.microphone]))
        )
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(1))
        var most = 0
        for restart in 0..<(Self.isFull ? 10_000 : 1_000) {
            ada.peer.restartIce()
            ada.address = .v4(0x0A01_0000 + UInt32(restart % 60_000), port: UInt16(1_024 + restart % 50_000))
            ada.address.kind = restart % 3 == 0 ? .tcp : .udp
            try network.offer(ada)
            let due = network.now + .seconds(2)
            while !(ada.peer.isConnected && network.worker.isValid(ada.address)) && network.now < due {
                network.talk(&senders, for: .milliseconds(5))
            }
            guard network.worker.isValid(ada.address) else {
                Issue.record("restart \(restart) found no path")
                return
            }
            most = max(most, network.worker.pathCount)
        }
        // Two seats: a fragment each and one that goes, at most 8 addresses of one and 1 of the other.
        #expect(most <= 12)
        network.talk(&senders, for: .seconds(3))
        for (viewer, other) in [(ada, bob), (bob, ada)] {
            let mid = try #require(viewer.mid(of: other, .microphone))
            let section = try #require(viewer.peer.received[mid])
            #expect(section.corrupt == 0 && section.duplicates == 0)
            #expect((section.lastFrame ?? 0) > 150)
            #expect(viewer.ended == nil)
        }
        network.leave(ada)
        network.leave(bob)
        network.run(for: .seconds(1))
        #expect(network.worker.isEmpty)
    }

    @Test("A peer whose address changes without a word is followed by its next check")
    func moved() throws {
        let network = try CallNetwork(seed: 56)
        let (ada, bob) = (try network.join(configuration(1)), try network.join(configuration(2)))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(3))
        ada.address = .v4(0x0A09_0909, port: 4_444)
        let mid = try #require(ada.mid(of: bob, .microphone))
        let before = try #require(ada.peer.received[mid]).packets
        network.talk(&senders, for: .seconds(6))
        #expect(network.worker.isValid(ada.address))
        #expect(try #require(ada.peer.received[mid]).packets > before + 150)
        #expect(ada.ended == nil)
    }

    @Test("Who nominates two addresses, of which one hears nothing, is sent to where its own packets come from")
    func deadAddress() throws {
        let network = try CallNetwork(seed: 58, conditions: Conditions(delay: .milliseconds(10)))
        let bob = try network.join(configuration(2))
        let ada = try network.join(configuration(1))
        ada.deadAddress = .v4(0x0A08_0808, port: 4_444)
        #expect(network.run(atMost: .seconds(2)) { ada.peer.isConnected })
        var senders = [Sender(ada), Sender(bob)]
        // Each check that goes on nominates the dead one again.
        network.talk(&senders, for: .seconds(20))
        let sound = try #require(ada.mid(of: bob, .microphone).flatMap { ada.peer.received[$0] })
        #expect(sound.packets >= 950 && sound.missing <= 50, "\(sound.packets), \(sound.missing) missing")
        #expect(ada.ended == nil)
    }

    @Test("C8: 1,000 who join, talk and leave or vanish leave nothing in the worker")
    func churn() throws {
        let network = try CallNetwork(seed: 57)
        let host = try network.join(configuration(1, sources: [.microphone]))
        network.run(for: .milliseconds(200))
        for number in 0..<1_000 {
            var guest = configuration(UInt64(number) + 10, setup: number % 2 == 0 ? "actpass" : "passive")
            guest.sources = [.microphone]
            let person = try network.join(guest, by: number % 3 == 0 ? .tcp : .udp)
            #expect(network.run(atMost: .seconds(2)) { person.peer.isConnected }, "guest \(number)")
            person.peer.sendAudio(level: 20, now: network.now)
            if number % 5 == 0 { person.peer.close() } else { network.leave(person) }
            network.run(for: .milliseconds(20))
            #expect(network.worker.participantCount == 1)
            network.forget(person)
        }
        #expect(network.worker.pathCount == 2)
        network.leave(host)
        network.run(for: .seconds(1))
        #expect(network.worker.isEmpty)
    }
}
