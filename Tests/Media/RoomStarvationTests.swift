import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

private func at(_ milliseconds: Int) -> MediaTime { MediaTime(nanoseconds: Int64(milliseconds) * 1_000_000) }

@Suite("Pictures that a link cannot carry")
struct VideoStarvationTests {
    /// Looks every 100 ms and answers after how many of them it is starved; `nil` if it never is.
    private func steps(_ count: Int, budget: (Int) -> Int, queueDelay: (Int) -> Duration) -> Int? {
        var starvation = VideoStarvation()
        return (0..<count).first { step in
            starvation.update(
                budget: budget(step), need: 200_000, loss: 0, queueDelay: queueDelay(step), now: at(step * 100))
        }
    }

    @Test("They pause when the estimate was below half of what they need for three seconds and the link is full")
    func pause() {
        #expect(steps(100, budget: { _ in 90_000 }, queueDelay: { _ in .milliseconds(150) }) == 30)
        // A sign each 900 ms is enough.
        let seldom = steps(
            100, budget: { _ in 90_000 }, queueDelay: { $0 % 9 == 0 ? .milliseconds(150) : .zero })
        #expect(seldom == 30)
    }

    @Test("They do not pause for an estimate alone, one that is not far too low, or one that is wrong for a moment")
    func noPause() {
        #expect(steps(100, budget: { _ in 50_000 }, queueDelay: { _ in .zero }) == nil)
        #expect(steps(100, budget: { _ in 110_000 }, queueDelay: { _ in .seconds(1) }) == nil)
        #expect(steps(100, budget: { $0 % 25 == 0 ? 150_000 : 50_000 }, queueDelay: { _ in .seconds(1) }) == nil)
        #expect(steps(100, budget: { _ in 50_000 }, queueDelay: { $0 % 25 == 0 ? .seconds(1) : .zero }) == nil)
    }

    @Test("They come again when there is room for all of them")
    func end() {
        var starvation = VideoStarvation()
        func update(_ step: Int, _ budget: Int) -> Bool {
            starvation.update(
                budget: budget, need: 200_000, loss: 0.2, queueDelay: .zero, now: at(step * 100))
        }
        for step in 0...30 { _ = update(step, 60_000) }
        let isStarved = update(31, 199_000)
        #expect(isStarved)
        let isStarvedStill = update(32, 201_000)
        #expect(!isStarvedStill)
    }

    private static func configuration(_ sources: [CallSource], seed: UInt64) -> MediaPeer.Configuration {
        var configuration = MediaPeer.Configuration(seed: seed, sources: sources)
        configuration.usesRepair = true
        configuration.usesTransportFeedback = true
        return configuration
    }

    /// A camera of 300 kbit/s at 30 pictures a second, and a microphone.
    private func talk(_ network: CallNetwork, _ person: CallNetwork.Person, for duration: Duration) {
        network.run(for: duration) { millisecond in
            guard person.peer.isConnected, let track = person.peer.published(.camera) else { return }
            if millisecond % 20 == 0 { person.peer.sendAudio(level: 20, now: network.now) }
            guard millisecond % 33 == 0 else { return }
            let isKeyFrame = track.isKeyFrameWanted || track.frameCount == 0
            person.peer.sendVideoFrame(byteCount: isKeyFrame ? 4_000 : 1_250, isKeyFrame: isKeyFrame, now: network.now)
        }
    }

    private func received(
        _ viewer: CallNetwork.Person, _ sender: CallNetwork.Person, _ source: CallSource
    ) throws -> ReceivedSection {
        try #require(viewer.mid(of: sender, source).flatMap { viewer.peer.received[$0] })
    }

    @Test("On a link below the least of a picture, sound stays whole and the picture pauses, and comes again with room")
    func soundFirst() throws {
        let network = try CallNetwork(seed: 70, conditions: Conditions(delay: .milliseconds(20)))
        let ada = try network.join(Self.configuration([.microphone, .camera], seed: 1))
        let bob = try network.join(Self.configuration([], seed: 2))
        talk(network, ada, for: .seconds(4))
        let before = try received(bob, ada, .camera)
        #expect(before.completeFrames > 90)
        bob.downlink = 100_000
        talk(network, ada, for: .seconds(12))
        let (picture, sound) = (try received(bob, ada, .camera), try received(bob, ada, .microphone))
        talk(network, ada, for: .seconds(5))
        let later = try received(bob, ada, .microphone)
        let heard = later.packets - sound.packets
        #expect(heard >= 248, "\(heard) of 250 packets of sound")
        let shown = try received(bob, ada, .camera).completeFrames - picture.completeFrames
        #expect(shown <= 15, "\(shown) of 150 pictures, when it is tried whether there is room")
        bob.downlink = 3_000_000
        talk(network, ada, for: .seconds(10))
        let again = try received(bob, ada, .camera)
        talk(network, ada, for: .seconds(2))
        #expect(try received(bob, ada, .camera).completeFrames - again.completeFrames >= 59)
    }

    @Test(
        "A viewer without feedback on each packet sees the picture again when its link carries it again",
        arguments: [[.microphone, .camera], [.camera]] as [[CallSource]])
    func unmeasured(sources: [CallSource]) throws {
        let network = try CallNetwork(seed: 72, conditions: Conditions(delay: .milliseconds(20)))
        let ada = try network.join(Self.configuration(sources, seed: 1))
        let bob = try network.join(MediaPeer.Configuration(seed: 2))
        talk(network, ada, for: .seconds(4))
        bob.downlink = 100_000
        talk(network, ada, for: .seconds(8))
        let before = try received(bob, ada, .camera).completeFrames
        talk(network, ada, for: .seconds(4))
        let shown = try received(bob, ada, .camera).completeFrames - before
        #expect(shown <= 60, "\(shown) of 120 pictures")
        bob.downlink = 3_000_000
        talk(network, ada, for: .seconds(25))
        let again = try received(bob, ada, .camera).completeFrames
        talk(network, ada, for: .seconds(2))
        #expect(try received(bob, ada, .camera).completeFrames - again >= 55)
    }

    @Test("On a link that carries the picture nearly, it does not pause")
    func nearly() throws {
        let network = try CallNetwork(seed: 71, conditions: Conditions(delay: .milliseconds(20)))
        let ada = try network.join(Self.configuration([.microphone, .camera], seed: 1))
        let bob = try network.join(Self.configuration([], seed: 2))
        bob.downlink = 330_000
        talk(network, ada, for: .seconds(4))
        for _ in 0..<10 {
            let before = try received(bob, ada, .camera).completeFrames
            talk(network, ada, for: .seconds(2))
            #expect(try received(bob, ada, .camera).completeFrames - before >= 10)
        }
    }
}
