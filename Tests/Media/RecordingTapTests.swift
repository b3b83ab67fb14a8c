import CAllocations
import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("The tap of a recording")
struct RecordingTapTests {
    /// What came out of a ring.
    private struct Taken {
        var tracks: [(number: UInt32, source: CallSource)] = []
        var packets: [RecordingRing.Entry] = []
        var reports = 0

        mutating func take(_ ring: RecordingRing) {
            while ring.read({ entry, _ in
                switch entry.kind {
                case .track: tracks.append((entry.track, CallSource.allCases[Int(entry.source)]))
                case .packet: packets.append(entry)
                case .report: reports += 1
                }
            }) {}
        }
    }

    private func recording(by person: CallNetwork.Person) -> CallRecording {
        CallRecording(id: .example, userID: person.userID, startedAt: .example)
    }

    @Test("S5: What all send is in the ring, each as a track of its own; all are told, and who comes later too")
    func tracks() throws {
        let network = try CallNetwork(seed: 1)
        let ada = try network.join(.init(seed: 1, sources: [.microphone, .camera]))
        let bob = try network.join(.init(seed: 2, sources: [.microphone]))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(1))
        #expect(ada.state.recording == nil)
        let ring = RecordingRing()
        let recording = recording(by: ada)
        try network.worker.beginRecording(recording, of: network.channel, into: ring, now: network.now)
        network.talk(&senders, for: .seconds(2))
        #expect(ada.state.recording == recording)
        #expect(bob.state.recording == recording)
        let cleo = try network.join(.init(seed: 3))
        #expect(cleo.state.recording == recording)
        var taken = Taken()
        taken.take(ring)
        #expect(taken.tracks.map(\.source).sorted { $0.rawValue < $1.rawValue } == [.camera, .microphone, .microphone])
        #expect(taken.tracks.map(\.number) == [1, 2, 3])
        for track in taken.tracks {
            let sequences = taken.packets.filter { $0.track == track.number }.map(\.sequence)
            #expect(sequences.count >= 90)
            #expect(zip(sequences, sequences.dropFirst()).allSatisfy { $1 == $0 + 1 })
        }
        #expect(ring.droppedCount == 0)
        network.worker.endRecording(recording.id, of: network.channel, .diskFull, now: network.now)
        network.talk(&senders, for: .seconds(1))
        #expect(bob.state.recording == recording.ended(.diskFull))
        var after = Taken()
        after.take(ring)
        #expect(after.packets.count < 10)
    }

    @Test("A recording needs a seat in the call, and there is one at a time")
    func refusals() throws {
        let network = try CallNetwork(seed: 2)
        let ada = try network.join(.init(seed: 1))
        let stranger = CallRecording(id: .example, userID: network.freshID(), startedAt: .example)
        let (worker, ring) = (network.worker, RecordingRing(byteCount: 4096))
        #expect(throws: SeatError.self, "a stranger") {
            try worker.beginRecording(stranger, of: network.channel, into: ring, now: network.now)
        }
        try worker.beginRecording(recording(by: ada), of: network.channel, into: ring, now: network.now)
        #expect(throws: SeatError.self, "twice") {
            try worker.beginRecording(recording(by: ada), of: network.channel, into: ring, now: network.now)
        }
    }

    @Test("The last to leave ends the recording")
    func leaving() throws {
        let network = try CallNetwork(seed: 3)
        let ada = try network.join(.init(seed: 1))
        try network.worker.beginRecording(
            recording(by: ada), of: network.channel, into: RecordingRing(byteCount: 4096), now: network.now)
        network.leave(ada)
        let isOver = network.worker.takeNotices().contains { notice in
            if case .recordingOver(.example) = notice { true } else { false }
        }
        #expect(isOver)
    }

    @Test("The largest picture is recorded, also when nobody looks at it")
    func layers() throws {
        let network = try CallNetwork(seed: 4)
        var configuration = MediaPeer.Configuration(seed: 1, sources: [.camera])
        configuration.encodings = ["q", "h", "f"]
        let ada = try network.join(configuration)
        let bob = try network.join(.init(seed: 2))
        func talk(_ duration: Duration) {
            network.run(for: duration) { millisecond in
                guard ada.peer.isConnected, millisecond % 33 == 0 else { return }
                let active = ada.layers?.layers.first?.active
                for (index, track) in ada.peer.encodings(.camera).enumerated() {
                    if let active, let name = track.streamID, !active.contains(name) { continue }
                    ada.peer.sendVideoFrame(
                        byteCount: 1000, isKeyFrame: track.isKeyFrameWanted || track.frameCount == 0, encoding: index,
                        now: network.now)
                }
            }
        }
        talk(.seconds(1))
        try network.view(bob, [])
        talk(.seconds(8))
        #expect(ada.layers?.layers.first?.active == ["q"])
        let ring = RecordingRing()
        try network.worker.beginRecording(recording(by: ada), of: network.channel, into: ring, now: network.now)
        talk(.seconds(3))
        #expect(ada.layers?.layers.first?.active == ["q", "h", "f"])
        var taken = Taken()
        taken.take(ring)
        let largest = ada.peer.encodings(.camera)[2].ssrc
        #expect(taken.packets.suffix(20).allSatisfy { $0.ssrc == largest })
        // Each goes over once: never back and forth.
        let changes = zip(taken.packets, taken.packets.dropFirst()).count { $0.ssrc != $1.ssrc }
        #expect(changes <= 2)
    }

    @Test("A packet that is recorded besides allocates nothing, and a full ring costs only what has no room in it")
    func allocations() throws {
        let network = try CallNetwork(seed: 5)
        let ada = try network.join(.init(seed: 1, sources: [.microphone, .camera]))
        _ = try network.join(.init(seed: 2))
        var senders = [Sender(ada)]
        network.talk(&senders, for: .seconds(1))
        let ring = RecordingRing(byteCount: 64 * 1024)
        try network.worker.beginRecording(recording(by: ada), of: network.channel, into: ring, now: network.now)
        network.talk(&senders, for: .seconds(1))
        var taken = Taken()
        taken.take(ring)
        let (forwarded, dropped) = (network.worker.counters.forwardedPackets, ring.droppedCount)
        var allocationCount: UInt = 0
        for _ in 0..<300 {
            ada.peer.sendVideoFrame(byteCount: 2_000, isKeyFrame: false, now: network.now)
            var packets: [[UInt8]] = []
            ada.peer.takeDatagrams { packets.append(Array($0)) }
            for packet in packets {
                var packet = packet
                packet.withUnsafeMutableBytes { packet in
                    let before = CAllocationsCount()
                    network.worker.receive(packet, from: ada.address, now: network.now)
                    allocationCount += CAllocationsCount() - before
                }
            }
            network.worker.outbox.removeAll()
        }
        #expect(allocationCount == 0)
        #expect(ring.droppedCount > dropped)
        #expect(network.worker.counters.forwardedPackets - forwarded >= 500)
    }
}
