import CAllocations
import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("Allocations of the packets' path")
struct PacketPathAllocationTests {
    @Test(
        "A received packet and its copies to ten viewers allocate nothing, their protection included",
        arguments: SRTPProfile.allCases)
    func forwarding(profile: SRTPProfile) throws {
        let network = try CallNetwork(seed: 1)
        let publisher = try network.join(Self.configuration(profile, sources: [.microphone, .camera], seed: 1))
        for seed in UInt64(2)...11 { _ = try network.join(Self.configuration(profile, sources: [], seed: seed)) }
        var senders = [Sender(publisher)]
        // Key frames are there, caches and arrays have grown.
        network.talk(&senders, for: .seconds(3))
        let worker = network.worker
        let forwardedBefore = worker.counters.forwardedPackets
        var allocationCount: UInt = 0
        for frame in 0..<200 {
            for packet in Self.packets(of: publisher.peer, isSound: frame.isMultiple(of: 2), now: network.now) {
                var packet = packet
                packet.withUnsafeMutableBytes { packet in
                    let before = CAllocationsCount()
                    worker.receive(packet, from: publisher.address, now: network.now)
                    allocationCount += CAllocationsCount() - before
                }
            }
            worker.outbox.removeAll()
        }
        let forwarded = worker.counters.forwardedPackets - forwardedBefore
        #expect(forwarded >= 5000)
        #expect(allocationCount == 0, "of \(forwarded) packets")
    }

    @Test("The counter counts what Swift and OpenSSL allocate")
    func counter() throws {
        let before = CAllocationsCount()
        var array: [Int] = []
        array.reserveCapacity(Int.random(in: 1000...2000))
        let between = CAllocationsCount()
        let keys = [UInt8](repeating: 1, count: 28)
        let session = try SRTPSession(keys: SRTPKeys(profile: .aeadAES128GCM, local: keys, remote: keys))
        #expect(between > before && array.isEmpty)
        #expect(CAllocationsCount() > between + 4 && session.replayCount == 0)
    }

    private static func configuration(
        _ profile: SRTPProfile, sources: [CallSource], seed: UInt64
    ) -> MediaPeer.Configuration {
        var configuration = MediaPeer.Configuration(seed: seed, sources: sources)
        configuration.profiles = [profile]
        return configuration
    }

    /// One packet of sound, or those of a picture.
    private static func packets(of peer: MediaPeer, isSound: Bool, now: MediaTime) -> [[UInt8]] {
        if isSound {
            peer.sendAudio(level: 20, now: now)
        } else {
            peer.sendVideoFrame(byteCount: 4_400, isKeyFrame: false, now: now)
        }
        var packets: [[UInt8]] = []
        peer.takeDatagrams { packets.append(Array($0)) }
        return packets
    }
}
