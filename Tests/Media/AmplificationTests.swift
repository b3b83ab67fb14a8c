import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("What strangers get from a node, in virtual time")
struct AmplificationTests {
    /// What a node may send, by what it was sent, to an address that is not validated.
    private static let bound = 3

    @Test("An address that no authenticated check came from gets three times what it sent at most, and mostly nothing")
    func strangers() throws {
        let network = try CallNetwork(seed: 91)
        let ada = try network.join(MediaPeer.Configuration(seed: 1, sources: [.microphone]))
        let recorded = record(ada, network)
        let kinds = Set(recorded.map { datagram in datagram.withUnsafeBytes(kind) })
        #expect(ada.peer.isConnected && kinds.isSuperset(of: [.stun, .dtls, .rtp]))
        var random = SplitMix64(seed: 92)
        var answered = 0
        /// What each has sent, if no check of it was authentic, and what it got.
        var unproven: [TransportAddress: (sent: Int, got: Int)] = [:]
        let later = network.now + .seconds(1)
        for number in 0..<2_000 {
            var datagram = recorded[number % recorded.count]
            // Some are as they were, in most a byte or two is another.
            for _ in 0..<(number % 3) {
                datagram[Int(random.next() % UInt64(datagram.count))] ^= UInt8(1 + number % 255)
            }
            let stranger = TransportAddress.v4(0xCB00_7100 + UInt32(number % 256), port: UInt16(1_000 + number))
            network.worker.outbox.removeAll()
            deliver(datagram, to: network, from: stranger, now: later)
            let sent = network.worker.outbox.entries.filter { $0.destination == stranger }.reduce(0) {
                $0 + $1.byteCount
            }
            #expect(sent <= Self.bound * datagram.count, "\(sent) bytes for \(datagram.count)")
            if sent > 0 { answered += 1 }
            let isCheck = datagram.withUnsafeBytes(kind) == .stun
            if !isCheck || !isAuthentic(datagram, of: recorded) { unproven[stranger] = (datagram.count, sent) }
        }
        // Nor does anything follow later: no retransmission of a handshake, no media, no reports.
        for millisecond in 0..<10_000 {
            network.worker.outbox.removeAll()
            network.worker.handleTimeout(now: later + .milliseconds(millisecond))
            for entry in network.worker.outbox.entries { unproven[entry.destination]?.got += entry.byteCount }
        }
        #expect(unproven.count > 1_500)
        #expect(unproven.values.allSatisfy { $0.got <= Self.bound * $0.sent })
        // Only checks are answered: those that are authentic, and those that are told why they are not.
        #expect(answered < 2_000 / 2)
    }

    /// What a peer sends from its first check to its media: the best that a stranger can send again.
    private func record(_ ada: CallNetwork.Person, _ network: CallNetwork) -> [[UInt8]] {
        var recorded: [[UInt8]] = []
        var now = network.now
        for millisecond in 0..<1_000 {
            now = now + .milliseconds(1)
            network.worker.handleTimeout(now: now)
            ada.peer.handleTimeout(now: now)
            if ada.peer.isConnected, millisecond % 20 == 0 { ada.peer.sendAudio(level: 20, now: now) }
            var datagrams: [[UInt8]] = []
            ada.peer.takeDatagrams { datagrams.append([UInt8]($0)) }
            for datagram in datagrams { deliver(datagram, to: network, from: ada.address, now: now) }
            recorded += datagrams
            network.worker.outbox.withMemory { memory in
                for entry in network.worker.outbox.entries where entry.destination == ada.address {
                    var bytes = [UInt8](memory[entry.offset..<(entry.offset + entry.byteCount)])
                    bytes.withUnsafeMutableBytes { ada.peer.receive($0, now: now) }
                }
            }
            network.worker.outbox.removeAll()
        }
        return recorded
    }

    /// Whether a datagram is one of those that the peer itself has sent.
    private func isAuthentic(_ datagram: [UInt8], of recorded: [[UInt8]]) -> Bool { recorded.contains(datagram) }

    private func deliver(
        _ bytes: [UInt8], to network: CallNetwork, from source: TransportAddress, now: MediaTime
    ) {
        var copy = bytes
        copy.withUnsafeMutableBytes { network.worker.receive($0, from: source, now: now) }
    }

    private func kind(_ datagram: UnsafeRawBufferPointer) -> DatagramKind {
        DatagramKind(datagram.assumingMemoryBound(to: UInt8.self).span)
    }
}
