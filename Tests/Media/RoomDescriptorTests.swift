import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("Dependency descriptors that are passed on")
struct RoomDescriptorTests {
    private static func configuration(_ sources: [CallSource], seed: UInt64) -> MediaPeer.Configuration {
        var configuration = MediaPeer.Configuration(seed: seed, sources: sources)
        configuration.usesRepair = true
        configuration.usesTransportFeedback = true
        configuration.videoCodecs = ["AV1"]
        return configuration
    }

    private func talk(_ network: CallNetwork, _ senders: [SpatialSender], for duration: Duration) {
        network.run(for: duration) { millisecond in
            for sender in senders { sender.tick(millisecond, network.now) }
        }
    }

    @Test("A section that goes over to another camera counts its frames on")
    func numbers() throws {
        let network = try CallNetwork(seed: 70)
        let bob = try network.join(Self.configuration([], seed: 9))
        var mids: Set<String> = []
        for seed in 1...6 as ClosedRange<UInt64> {
            let sender = SpatialSender(try network.join(Self.configuration([.microphone, .camera], seed: seed)))
            talk(network, [sender], for: .seconds(3))
            mids.insert(try #require(bob.mid(of: sender.person, .camera)))
            network.leave(sender.person)
        }
        #expect(mids.count == 1)
        let picture = try #require(mids.first.flatMap { bob.peer.received[$0] })
        let descriptors = picture.layered.descriptors
        #expect(picture.keyFrames >= 6 && picture.sequenceBreaks + picture.corrupt == 0)
        #expect(descriptors.numberBreaks == 0, "no key picture looks older than what was seen before")
        #expect(descriptors.undecodable + descriptors.unannounced + descriptors.unreadCount == 0)
    }

    @Test("They cross a relay, behind which each gets the layers that it shows")
    func relayed() throws {
        let network = try CallNetwork(seed: 73, workerCount: 2)
        let sender = SpatialSender(try network.join(Self.configuration([.microphone, .camera], seed: 1)))
        let viewers = try (2...3).map { try network.join(Self.configuration([], seed: $0), at: 1) }
        talk(network, [sender], for: .seconds(6))
        try network.view(viewers[1], [(sender.person, 180)])
        talk(network, [sender], for: .seconds(6))
        let pictures = try viewers.map { viewer in
            try #require(viewer.mid(of: sender.person, .camera).flatMap { viewer.peer.received[$0] })
        }
        for picture in pictures {
            let descriptors = picture.layered.descriptors
            #expect(picture.missing + picture.corrupt + picture.sequenceBreaks == 0)
            #expect(descriptors.readCount > 500)
            #expect(descriptors.undecodable + descriptors.unannounced + descriptors.unreadCount == 0)
        }
        #expect(pictures[0].layered.frameCounts[2] > pictures[1].layered.frameCounts[2] + 60)
        #expect(pictures[1].layered.frameCounts[0] > pictures[1].layered.frameCounts[2] + 60)
    }

    @Test("Who does not let short and long extensions mix gets no descriptors, and the pictures all the same")
    func unmixed() throws {
        let network = try CallNetwork(seed: 71)
        let sender = SpatialSender(try network.join(Self.configuration([.microphone, .camera], seed: 1)))
        let bob = try network.join(Self.configuration([], seed: 2)) {
            $0.replacing("a=extmap-allow-mixed\r\n", with: "")
        }
        talk(network, [sender], for: .seconds(6))
        let picture = try #require(bob.mid(of: sender.person, .camera).flatMap { bob.peer.received[$0] })
        #expect(picture.layered.descriptors.readCount == 0 && picture.layered.descriptors.unreadCount > 500)
        #expect(picture.layered.frameCounts[2] > 60)
        #expect(picture.corrupt + picture.wrongMids + picture.missing + picture.sequenceBreaks == 0)
    }

    @Test("Where packets are sent again as they were, descriptors stay as they came")
    func unchanging() throws {
        let network = try CallNetwork(seed: 72)
        let sender = SpatialSender(try network.join(Self.configuration([.microphone, .camera], seed: 1)))
        var configuration = Self.configuration([], seed: 2)
        (configuration.usesRepair, configuration.usesTransportFeedback) = (false, false)
        let bob = try network.join(configuration)
        talk(network, [sender], for: .seconds(6))
        network.conditions = Conditions(loss: 0.05, delay: .milliseconds(20))
        try network.view(bob, [(sender.person, 180)])
        talk(network, [sender], for: .seconds(6))
        network.conditions = Conditions()
        talk(network, [sender], for: .seconds(1))
        let picture = try #require(bob.mid(of: sender.person, .camera).flatMap { bob.peer.received[$0] })
        #expect(picture.recovered > 5 && picture.repaired == 0 && picture.corrupt == 0)
        #expect(picture.layered.descriptors.activeTargets == 1 << 9 - 1)
        #expect(picture.layered.frameCounts[0] > picture.layered.frameCounts[2] + 100)
    }
}
