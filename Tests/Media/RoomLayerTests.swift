import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("Retransmission in streams of their own")
struct RepairTests {
    private static func configuration(_ sources: [CallSource], seed: UInt64) -> MediaPeer.Configuration {
        var configuration = MediaPeer.Configuration(seed: seed, sources: sources)
        configuration.usesRepair = true
        return configuration
    }

    @Test(
        "What is lost on either way is sent again by RTX and arrives whole",
        arguments: [0.0, 0.01, 0.05, 0.1, 0.2, 0.3], [31, 32] as [UInt64])
    func recovery(loss: Double, seed: UInt64) throws {
        let network = try CallNetwork(seed: seed)
        let ada = try network.join(Self.configuration([.camera], seed: seed))
        let bob = try network.join(Self.configuration([], seed: seed + 100))
        var senders = [Sender(ada)]
        network.talk(&senders, for: .seconds(2))
        let section = try #require(bob.mid(of: ada, .camera).flatMap { bob.peer.received[$0] })
        #expect(section.missing == 0)
        network.conditions = Conditions(loss: loss, delay: .milliseconds(20), jitter: .milliseconds(5))
        network.talk(&senders, for: .seconds(20))
        network.conditions = Conditions()
        network.run(for: .seconds(1))
        let mid = try #require(bob.mid(of: ada, .camera))
        let picture = try #require(bob.peer.received[mid])
        let sent = picture.packets + picture.missing
        let allowed = [0.0: 0, 0.01: 0, 0.05: 0.001, 0.1: 0.002, 0.2: 0.02, 0.3: 0.06][loss, default: 0]
        #expect(sent > 2_600)
        #expect(Double(picture.missing) <= allowed * Double(sent), "\(picture.missing) of \(sent)")
        // A second request overtakes the answer to the first one now and then.
        #expect(picture.duplicates <= picture.repaired / 2, "\(picture.duplicates) of \(picture.repaired)")
        #expect(picture.corrupt + picture.wrongMids + picture.sequenceBreaks == 0)
        if loss >= 0.05 {
            #expect(picture.repaired > sent / 50, "by RTX to the subscriber")
            #expect(network.worker.counters.repairedPackets > sent / 50, "by RTX from the publisher")
            #expect(ada.peer.published(.camera)?.nacksAnswered ?? 0 > 0)
        }
    }

    @Test("A retransmission that nobody misses, and one that repeats nothing, go no further")
    func unneeded() throws {
        let network = try CallNetwork(seed: 40, conditions: Conditions(duplicates: 0.5))
        let ada = try network.join(Self.configuration([.camera], seed: 1))
        let bob = try network.join(Self.configuration([], seed: 2))
        var senders = [Sender(ada)]
        network.talk(&senders, for: .seconds(5))
        let mid = try #require(bob.mid(of: ada, .camera))
        let picture = try #require(bob.peer.received[mid])
        #expect(picture.duplicates == 0)
        #expect(picture.repaired == 0)
        #expect(picture.missing == 0)
    }
}

/// Sends a camera in three sizes of 150, 500 and 1,700 kbit/s at 30 pictures a second, those of them that it was told to; a
/// key frame, four times as large if not said otherwise, when one is asked for.
struct LayeredSender {
    let person: CallNetwork.Person
    static let byteCounts = [625, 2_083, 7_083]
    /// Of key frames, by size.
    var keyFrameByteCounts = byteCounts.map { $0 * 4 }

    init(_ person: CallNetwork.Person) { self.person = person }

    func tick(_ millisecond: Int, _ now: MediaTime) {
        guard person.peer.isConnected else { return }
        if millisecond % 20 == 0 { person.peer.sendAudio(level: 20, now: now) }
        guard millisecond % 33 == 0 else { return }
        let active = person.layers?.layers.first?.active
        for (index, track) in person.peer.encodings(.camera).enumerated() {
            if let active, let name = track.streamID, !active.contains(name) { continue }
            let isKeyFrame = track.isKeyFrameWanted || track.frameCount == 0
            let byteCount = isKeyFrame ? keyFrameByteCounts[index] : Self.byteCounts[index]
            person.peer.sendVideoFrame(byteCount: byteCount, isKeyFrame: isKeyFrame, encoding: index, now: now)
        }
    }
}

func layered(
    _ sources: [CallSource], seed: UInt64, isMeasured: Bool = true, codec: String? = nil
) -> MediaPeer.Configuration {
    var configuration = MediaPeer.Configuration(seed: seed, sources: sources)
    if let codec { configuration.videoCodecs = [codec] }
    configuration.usesRepair = true
    configuration.usesTransportFeedback = isMeasured
    if sources.contains(.camera) { configuration.encodings = ["q", "h", "f"] }
    return configuration
}

@Suite("Layers of a picture")
struct LayerTests {
    private func talk(_ network: CallNetwork, _ sender: LayeredSender, for duration: Duration) {
        network.run(for: duration) { sender.tick($0, network.now) }
    }

    /// Which encoding of `sender` arrived last: 0 is the lowest.
    private func layer(_ viewer: CallNetwork.Person, _ sender: CallNetwork.Person) -> Int? {
        guard let mid = viewer.mid(of: sender, .camera), let origin = viewer.peer.received[mid]?.origin else {
            return nil
        }
        return sender.peer.encodings(.camera).firstIndex { $0.ssrc == origin }
    }

    private func picture(_ viewer: CallNetwork.Person, _ sender: CallNetwork.Person) throws -> ReceivedSection {
        try #require(viewer.mid(of: sender, .camera).flatMap { viewer.peer.received[$0] })
    }

    /// Lets time pass until `viewer` gets this encoding; how long that took.
    private func time(
        _ network: CallNetwork, _ sender: LayeredSender, until viewer: CallNetwork.Person, gets layer: Int,
        atMost limit: Duration
    ) -> Duration? {
        let start = network.now
        while self.layer(viewer, sender.person) != layer {
            guard network.now - start < limit else { return nil }
            talk(network, sender, for: .milliseconds(10))
        }
        return network.now - start
    }

    @Test(
        "A viewer gets the encoding that fits its tile, and a change of it leaves no gap",
        arguments: [(false, "VP8"), (true, "VP8"), (false, "H264"), (true, "H264")], UInt64(50)...55)
    func view(of link: (isMeasured: Bool, codec: String), seed: UInt64) throws {
        let (isMeasured, codec) = link
        let network = try CallNetwork(seed: seed)
        let ada = try network.join(layered([.microphone, .camera], seed: 1, codec: codec))
        let bob = try network.join(layered([], seed: 2, isMeasured: isMeasured, codec: codec))
        let sender = LayeredSender(ada)
        #expect(time(network, sender, until: bob, gets: 2, atMost: .seconds(8)) != nil, "without a wish the highest")
        for (height, layer) in [(180, 0), (300, 1), (90, 0), (720, 2), (450, 1), (1_080, 2)] {
            try network.view(bob, [(ada, height)])
            // Upwards there has to be room for a while, and a layer that rested has to begin.
            let taken = time(network, sender, until: bob, gets: layer, atMost: .seconds(4))
            #expect(taken != nil, "\(layer) for \(height)")
            talk(network, sender, for: .seconds(2))
            #expect(self.layer(bob, ada) == layer, "it stays")
        }
        let picture = try picture(bob, ada)
        #expect(picture.missing == 0 && picture.corrupt == 0 && picture.duplicates == 0)
        #expect(picture.sequenceBreaks == 0 && picture.timestampBreaks == 0)
        #expect(picture.pictureBreaks == 0, "the ids of VP8's pictures go on")
        #expect(picture.completeFrames > 300)
        #expect(picture.undecodable == 0, "each change is at a key frame")
        #expect(picture.longestPause <= .milliseconds(100), "the former encoding goes on until the next one begins")
    }

    @Test("A tile that is hidden costs nothing, and its picture is back within 600 ms")
    func hidden() throws {
        let network = try CallNetwork(seed: 51)
        let ada = try network.join(layered([.microphone, .camera], seed: 1))
        let bob = try network.join(layered([], seed: 2))
        let sender = LayeredSender(ada)
        talk(network, sender, for: .seconds(3))
        try network.view(bob, [])
        talk(network, sender, for: .milliseconds(200))
        let before = try picture(bob, ada)
        talk(network, sender, for: .seconds(4))
        #expect(try picture(bob, ada).packets == before.packets)
        try network.view(bob, [(ada, 180)])
        talk(network, sender, for: .milliseconds(600))
        let after = try picture(bob, ada)
        #expect(after.completeFrames > before.completeFrames)
        #expect(after.undecodable == 0 && after.pictureBreaks == 0 && after.sequenceBreaks == 0)
    }

    @Test(
        "Who has a slow link gets the low encoding within 3 s and the high one again within 8 s; others notice nothing")
    func slowLink() throws {
        let network = try CallNetwork(seed: 52, conditions: Conditions(delay: .milliseconds(20)))
        let ada = try network.join(layered([.microphone, .camera], seed: 1))
        let bob = try network.join(layered([], seed: 2))
        let eve = try network.join(layered([], seed: 3))
        let sender = LayeredSender(ada)
        for viewer in [bob, eve] { viewer.downlink = 5_000_000 }
        #expect(time(network, sender, until: bob, gets: 2, atMost: .seconds(8)) != nil)
        #expect(time(network, sender, until: eve, gets: 2, atMost: .seconds(8)) != nil)
        talk(network, sender, for: .seconds(2))
        let untouched = try picture(eve, ada)
        for _ in 0..<2 {
            bob.downlink = 400_000
            let down = time(network, sender, until: bob, gets: 0, atMost: .seconds(3))
            #expect(down != nil, "down within 3 s")
            talk(network, sender, for: .seconds(10))
            #expect(layer(bob, ada) == 0, "it stays low")
            bob.downlink = 5_000_000
            let up = time(network, sender, until: bob, gets: 2, atMost: .seconds(8))
            #expect(up != nil, "up within 8 s")
            // What is taken back sooner is raised again later: that keeps a link at its limit from flapping.
            talk(network, sender, for: LayerAllocator.trialPeriod + .seconds(2))
        }
        #expect(layer(eve, ada) == 2)
        let eves = try picture(eve, ada)
        #expect(eves.missing == 0 && eves.undecodable == untouched.undecodable)
        #expect(eves.keyFrames - untouched.keyFrames <= 4, "two for each time that another goes over to this encoding")
        #expect(eves.longestPause <= .milliseconds(110))
        let bobs = try picture(bob, ada)
        #expect(bobs.corrupt == 0 && bobs.sequenceBreaks == 0 && bobs.timestampBreaks == 0)
        #expect(bobs.longestPause <= .seconds(1), "\(bobs.longestPause) when the link is suddenly a twelfth")
        // What the full queue dropped of the encoding that no longer fits is not waited for.
        #expect(bobs.missing * 100 <= 3 * bobs.packets, "\(bobs.missing) of \(bobs.packets)")
        #expect(bobs.undecodable <= 30, "\(bobs.undecodable) pictures in 50 s")
    }

    @Test("A publisher that knows no feedback on each packet is told how much it may send, and less when much is lost")
    func estimates() throws {
        let network = try CallNetwork(seed: 54)
        var configuration = layered([.microphone, .camera], seed: 1, isMeasured: false)
        configuration.takesEstimates = true
        let ada = try network.join(configuration)
        let sender = LayeredSender(ada)
        talk(network, sender, for: .seconds(10))
        #expect(ada.peer.estimates.count >= 5)
        let clear = try #require(ada.peer.estimates.last)
        #expect(clear >= 3_000_000, "more than the 2.4 Mbit/s that it sends")
        network.conditions = Conditions(loss: 0.3)
        talk(network, sender, for: .seconds(10))
        #expect(try #require(ada.peer.estimates.last) < clear / 2)
        let measured = try network.join(layered([.microphone, .camera], seed: 2))
        network.conditions = Conditions()
        talk(network, LayeredSender(measured), for: .seconds(3))
        #expect(measured.peer.estimates.isEmpty, "who is told of each packet estimates by itself")
    }

    @Test("A publisher is told the arrival of its packets, and to rest the encodings that nobody sees")
    func publisher() throws {
        let network = try CallNetwork(seed: 53)
        let ada = try network.join(layered([.microphone, .camera], seed: 1))
        let bob = try network.join(layered([], seed: 2))
        let sender = LayeredSender(ada)
        talk(network, sender, for: .seconds(5))
        #expect(ada.layers?.layers == [CallLayer(source: .camera, active: ["q", "h", "f"])])
        let sent = ada.peer.published.reduce(0) { $0 + $1.packetCount }
        network.run(for: .milliseconds(300))
        #expect(ada.peer.arrivalsTold >= sent * 99 / 100, "\(ada.peer.arrivalsTold) of \(sent)")
        try network.view(bob, [(ada, 180)])
        talk(network, sender, for: .seconds(4))
        #expect(ada.layers?.layers.first?.active == ["q", "h", "f"], "views change back and forth")
        talk(network, sender, for: .seconds(2))
        #expect(ada.layers?.layers.first?.active == ["q"])
        try network.view(bob, [(ada, 1_000)])
        talk(network, sender, for: .milliseconds(300))
        #expect(ada.layers?.layers.first?.active == ["q", "h", "f"], "and at once when somebody does")
    }
}

@Suite("What retransmissions and VP8 pictures are as bytes")
struct RepairBytesTests {
    private static let packet: [UInt8] =
        [0x90, 0xE1, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 7, 0xBE, 0xDE, 0, 1, 0x10, 0x33, 0, 0, 0xAB, 0xCD, 1, 2, 3]

    @Test("A retransmission becomes the packet that it repeats, extensions and marker with it")
    func restore() throws {
        var bytes = Self.packet
        let restored = try bytes.withUnsafeMutableBytes { buffer -> [UInt8] in
            let header = try #require(RTPHeader(bytes: [UInt8](buffer)))
            let place = Retransmission.restore(buffer, header, payloadType: 96, ssrc: 0x0102_0304)
            return [UInt8](try #require(place))
        }
        #expect(
            restored == [
                0x90, 0xE0, 0xAB, 0xCD, 0, 0, 0, 9, 1, 2, 3, 4, 0xBE, 0xDE, 0, 1, 0x10, 0x33, 0, 0, 1, 2, 3,
            ])
    }

    @Test("One that is too short to repeat anything is none", arguments: [20, 21, 22])
    func short(count: Int) throws {
        var bytes = Array(Self.packet.prefix(count))
        let isNone = try bytes.withUnsafeMutableBytes { buffer in
            let header = try #require(RTPHeader(bytes: [UInt8](buffer)))
            return Retransmission.restore(buffer, header, payloadType: 96, ssrc: 1) == nil
        }
        #expect(isNone)
    }

    @Test(
        "The numbers of a VP8 picture are read where the descriptor has them",
        arguments: [
            ([0x10, 0x00], 0, 0, 0, 0), ([0x90, 0x80, 0x12, 0], 2, 0x12, 0, 0),
            ([0x90, 0xC0, 0x92, 0x34, 0x56, 0], 2, 0x1234, 4, 0x56), ([0x90, 0x40, 0x56, 0], 0, 0, 2, 0x56),
        ] as [([UInt8], Int, Int, Int, Int)])
    func descriptor(bytes: [UInt8], pictureOffset: Int, picture: Int, layerOffset: Int, layer: Int) throws {
        let descriptor = try #require(VP8Descriptor(bytes: bytes)).numbers
        #expect(Int(descriptor.pictureIDOffset) == pictureOffset && Int(descriptor.pictureID) == picture)
        #expect(Int(descriptor.layerZeroOffset) == layerOffset && Int(descriptor.layerZeroIndex) == layer)
    }

    @Test("One that is cut short has none", arguments: [[], [0x80], [0x80, 0x80], [0x80, 0x80, 0x80], [0x80, 0x40]])
    func cut(bytes: [UInt8]) { #expect(VP8Descriptor(bytes: bytes) == nil) }

    @Test("A stream of VP8 that goes over to another encoding counts its pictures on, past the wrap")
    func continuity() throws {
        func picture(_ id: UInt16, _ layer: UInt8) throws -> PictureNumbers {
            let bytes = [0x90, 0xC0, 0x80 | UInt8(id >> 8), UInt8(id & 0xFF), layer, 0]
            return try #require(VP8Descriptor(bytes: bytes)).numbers
        }
        var rewriter = PictureRewriter()
        let first = try picture(0x7FFF, 0xFF)
        rewriter.start(first)
        rewriter.note(first)
        #expect(rewriter.pictureID(first) == 0x7FFF && rewriter.layerZeroIndex(first) == 0xFF)
        let next = try picture(77, 9)
        rewriter.start(next)
        rewriter.note(next)
        #expect(rewriter.pictureID(next) == 0 && rewriter.layerZeroIndex(next) == 0)
        var bytes: [UInt8] = [0x90, 0xC0, 0x80, 78, 10, 0]
        bytes.withUnsafeMutableBytes { buffer in
            if let following = VP8Descriptor(bytes: [UInt8](buffer))?.numbers {
                following.write(
                    pictureID: rewriter.pictureID(following), layerZeroIndex: rewriter.layerZeroIndex(following),
                    to: buffer)
            }
        }
        #expect(bytes == [0x90, 0xC0, 0x80, 1, 1, 0])
    }
}
