import CAllocations
import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("Key frames on narrow links")
struct RoomPacingTests {
    private func talk(_ network: CallNetwork, _ cameras: [LayeredSender], for duration: Duration) {
        network.run(for: duration) { millisecond in
            for camera in cameras { camera.tick(millisecond, network.now) }
        }
    }

    private func received(
        _ viewer: CallNetwork.Person, _ sender: CallNetwork.Person, _ source: CallSource
    ) throws -> ReceivedSection {
        try #require(viewer.mid(of: sender, source).flatMap { viewer.peer.received[$0] })
    }

    @Test("Key frames of 25 packets lose nothing on a link of 1.5 Mbit/s that holds 50 ms, and sound passes them")
    func burst() throws {
        let network = try CallNetwork(seed: 95, conditions: Conditions(delay: .milliseconds(20)))
        let ada = try network.join(layered([.microphone, .camera], seed: 1))
        let bob = try network.join(layered([], seed: 2))
        let eve = try network.join(layered([], seed: 3))
        (bob.downlink, bob.downlinkQueue) = (1_500_000, .milliseconds(50))
        var camera = LayeredSender(ada)
        talk(network, [camera], for: .seconds(20))
        camera.keyFrameByteCounts = [8_000, 29_000, 57_000]
        let lost = bob.overflowCount
        bob.shortWaits = []
        let before = try received(bob, ada, .camera)
        let sound = try received(bob, ada, .microphone)
        for _ in 0..<5 {
            bob.peer.requestKeyFrame(mid: try #require(bob.mid(of: ada, .camera)))
            talk(network, [camera], for: .milliseconds(1_500))
        }
        #expect(bob.overflowCount == lost)
        // Those that come upon a probe wait longer, key frame or not.
        let waits = bob.shortWaits.sorted()
        #expect(waits[waits.count * 95 / 100] <= .milliseconds(10), "\(waits.suffix(waits.count / 20))")
        let after = try received(bob, ada, .camera)
        #expect(after.keyFrames - before.keyFrames >= 5)
        #expect(after.completeFrames - before.completeFrames >= 215)
        #expect(after.longestPause <= .milliseconds(500), "\(after.longestPause)")
        #expect(try received(bob, ada, .microphone).packets - sound.packets >= 374)
        for viewer in [bob, eve] {
            let picture = try received(viewer, ada, .camera)
            #expect(picture.corrupt == 0 && picture.sequenceBreaks == 0 && picture.timestampBreaks == 0)
            #expect(picture.late == 0, "the order stays")
            #expect(picture.wrongMids == 0 && picture.pictureBreaks == 0)
        }
        #expect(try received(eve, ada, .camera).missing == 0)
        #expect(try received(eve, ada, .camera).longestPause <= .milliseconds(110), "her link was never seen full")
    }

    @Test("A change of size stops no picture for longer than half a second, with key frames of 50 packets")
    func change() throws {
        let network = try CallNetwork(seed: 96, conditions: Conditions(delay: .milliseconds(20)))
        let ada = try network.join(layered([.microphone, .camera], seed: 1))
        let bob = try network.join(layered([], seed: 2))
        let eve = try network.join(layered([], seed: 3))
        (bob.downlink, bob.downlinkQueue) = (2_500_000, .milliseconds(100))
        var camera = LayeredSender(ada)
        camera.keyFrameByteCounts = [5_000, 20_000, 56_000]
        talk(network, [camera], for: .seconds(10))
        let before = try received(bob, ada, .camera)
        for height in [180, 720, 300, 720, 180, 300, 180, 720] {
            try network.view(bob, [(ada, height)])
            talk(network, [camera], for: .seconds(5))
        }
        let picture = try received(bob, ada, .camera)
        #expect(picture.keyFrames - before.keyFrames >= 8)
        #expect(picture.longestPause <= .milliseconds(500), "\(picture.longestPause)")
        #expect(picture.sequenceBreaks == 0 && picture.timestampBreaks == 0 && picture.late == 0)
        #expect(try received(eve, ada, .camera).longestPause <= .milliseconds(110))
        #expect(try received(eve, ada, .camera).missing == 0)
    }

    @Test("Packets that wait, and those that have waited, allocate nothing")
    func allocations() throws {
        let network = try CallNetwork(seed: 98)
        let ada = try network.join(layered([.camera], seed: 1))
        let bob = try network.join(layered([], seed: 2))
        bob.downlink = 600_000
        let camera = LayeredSender(ada)
        talk(network, [camera], for: .seconds(10))
        let worker = network.worker
        var allocationCount: UInt = 0
        var (waited, now) = (0, network.now)
        // Memory for those that wait is taken in the first rounds.
        for round in 0..<5 {
            for index in 0..<3 {
                ada.peer.sendVideoFrame(byteCount: 30_000, isKeyFrame: true, encoding: index, now: now)
            }
            var packets: [[UInt8]] = []
            ada.peer.takeDatagrams { packets.append(Array($0)) }
            for packet in packets {
                var packet = packet
                packet.withUnsafeMutableBytes { packet in
                    let before = CAllocationsCount()
                    worker.receive(packet, from: ada.address, now: now)
                    if round > 1 { allocationCount += CAllocationsCount() - before }
                }
            }
            worker.outbox.removeAll()
            for _ in 0..<300 {
                now = now + .milliseconds(1)
                let before = CAllocationsCount()
                worker.sendWaiting(now: now)
                if round > 1 { allocationCount += CAllocationsCount() - before }
                if round > 1 { waited += worker.outbox.entries.count }
                worker.outbox.removeAll()
            }
        }
        #expect(waited >= 50)
        #expect(allocationCount == 0, "of \(waited) packets")
    }
}
