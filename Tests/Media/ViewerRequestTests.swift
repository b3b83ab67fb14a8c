import Contracts
import MediaCore
import MediaPeer
import Testing

@Suite("What viewers of other kinds ask for")
struct ViewerRequestTests {
    @Test("A key frame that is asked for by FIR is asked for at the publisher, and comes")
    func fullIntra() throws {
        let network = try CallNetwork(seed: 141)
        let ada = try network.join(MediaPeer.Configuration(seed: 1, sources: [.camera]))
        let bob = try network.join(MediaPeer.Configuration(seed: 2, sources: []))
        var senders = [Sender(ada)]
        network.talk(&senders, for: .seconds(3))
        let mid = try #require(bob.mid(of: ada, .camera))
        let asked = ada.peer.keyFrameRequestsReceived
        let keyFrames = try #require(bob.peer.received[mid]).keyFrames
        bob.peer.requestFullIntra(mid: mid, number: 1)
        network.talk(&senders, for: .milliseconds(300))
        #expect(ada.peer.keyFrameRequestsReceived == asked + 1)
        #expect(try #require(bob.peer.received[mid]).keyFrames == keyFrames + 1)
    }

    @Test("Who says what it can take gets the encoding that fits, and the large one when it says that it can take more")
    func receiverEstimate() throws {
        let network = try CallNetwork(seed: 142)
        let ada = try network.join(layered([.microphone, .camera], seed: 1))
        let bob = try network.join(layered([], seed: 2, isMeasured: false))
        let eve = try network.join(layered([], seed: 3))
        let sender = LayeredSender(ada)
        /// Which encoding arrived last.
        func layer(_ viewer: CallNetwork.Person) -> Int? {
            let origin = viewer.mid(of: ada, .camera).flatMap { viewer.peer.received[$0]?.origin }
            return ada.peer.encodings(.camera).firstIndex { $0.ssrc == origin }
        }
        for (bitrate, expected) in [(4_000_000, 2), (900_000, 1), (260_000, 0), (4_000_000, 2)] {
            network.run(for: .seconds(10)) { millisecond in
                if millisecond % 500 == 0 { bob.peer.tellEstimate(bitrate) }
                sender.tick(millisecond, network.now)
            }
            #expect(layer(bob) == expected, "of \(bitrate) bit/s")
        }
        let picture = try #require(bob.mid(of: ada, .camera).flatMap { bob.peer.received[$0] })
        #expect(picture.missing == 0 && picture.undecodable == 0 && picture.timestampBreaks == 0)
        #expect(layer(eve) == 2, "what one says is no matter of others")
    }
}
