import Contracts
import MediaCore
import MediaPeer
import Testing

@Suite("Calls over TCP connections, in virtual time")
struct CallStreamTests {
    private func configuration(_ seed: UInt64) -> MediaPeer.Configuration {
        MediaPeer.Configuration(seed: seed, sources: [.microphone, .camera])
    }

    @Test("C9: Who comes by TCP and who comes by UDP get each other's sound and pictures")
    func mixed() throws {
        let network = try CallNetwork(seed: 41)
        let (ada, bob) = (try network.join(configuration(1), by: .tcp), try network.join(configuration(2)))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(5))
        for (viewer, other) in [(ada, bob), (bob, ada)] {
            for source in [CallSource.microphone, .camera] {
                let mid = try #require(viewer.mid(of: other, source))
                let section = try #require(viewer.peer.received[mid])
                #expect(section.completeFrames > 120)
                #expect(section.missing == 0 && section.corrupt == 0)
            }
        }
        #expect(network.worker.isValid(ada.address))
    }

    @Test("The same address by TCP and by UDP are two paths: only the one that was checked is taken")
    func kinds() throws {
        let network = try CallNetwork(seed: 42)
        let ada = try network.join(configuration(1), by: .tcp)
        var senders = [Sender(ada)]
        network.talk(&senders, for: .seconds(2))
        let before = network.worker.counters.dropped(.unknownAddress)
        var packet = [UInt8](repeating: 0x80, count: 60)
        var other = ada.address
        other.kind = .udp
        packet.withUnsafeMutableBytes { network.worker.receive($0, from: other, now: network.now) }
        #expect(network.worker.counters.dropped(.unknownAddress) == before + 1)
        #expect(!network.worker.isValid(other))
    }

    @Test("A connection that ends takes nothing with it but the path: from a new one media goes on")
    func reconnected() throws {
        let network = try CallNetwork(seed: 43)
        let (ada, bob) = (try network.join(configuration(1), by: .tcp), try network.join(configuration(2)))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(3))
        let mid = try #require(ada.mid(of: bob, .microphone))
        let former = ada.address
        network.worker.forget(former)
        #expect(!network.worker.isValid(former))
        ada.address = .v4(0x0A00_0001, port: 50_001)
        ada.address.kind = .tcp
        network.talk(&senders, for: .milliseconds(200))
        let between = try #require(ada.peer.received[mid]).packets
        // The next check for consent comes by the new connection.
        network.talk(&senders, for: .seconds(6))
        let after = try #require(ada.peer.received[mid])
        #expect(after.packets > between + 150)
        #expect(ada.ended == nil && network.worker.isValid(ada.address))
        #expect(!network.worker.isValid(former))
        network.leave(ada)
        network.leave(bob)
        network.run(for: .seconds(1))
        #expect(network.worker.isEmpty)
    }
}
