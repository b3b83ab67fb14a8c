import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

/// Sends what a participant publishes: sound each 20 ms, a picture of 4 packets each 33 ms, and a key frame when it is
/// asked for or nothing was sent yet.
struct Sender {
    let person: CallNetwork.Person
    var isSilent = false
    private var frames = 0
    private var answeredRequests = -1

    init(_ person: CallNetwork.Person, isSilent: Bool = false) {
        self.person = person
        self.isSilent = isSilent
    }

    mutating func tick(_ millisecond: Int, _ now: MediaTime) {
        guard person.peer.isConnected else { return }
        if millisecond % 20 == 0 { person.peer.sendAudio(level: isSilent ? 127 : 20, now: now) }
        if millisecond % 33 == 0 {
            let requests = person.peer.keyFrameRequestsReceived
            person.peer.sendVideoFrame(byteCount: 4_400, isKeyFrame: requests != answeredRequests, now: now)
            answeredRequests = requests
            frames += 1
        }
    }
}

private func configuration(
    profiles: [SRTPProfile] = SRTPProfile.allCases, sources: [CallSource] = [.microphone, .camera], seed: UInt64 = 1
) -> MediaPeer.Configuration {
    var configuration = MediaPeer.Configuration(seed: seed, sources: sources)
    configuration.profiles = profiles
    return configuration
}

extension CallNetwork {
    /// Lets these people send for a while.
    func talk(_ senders: inout [Sender], for duration: Duration) {
        run(for: duration) { millisecond in
            for index in senders.indices where !senders[index].person.isGone {
                senders[index].tick(millisecond, now)
            }
        }
    }

    fileprivate func received(_ viewer: Person, from other: Person, _ source: CallSource) throws
        -> ReceivedSection
    {
        let mid = try #require(viewer.mid(of: other, source))
        return try #require(viewer.peer.received[mid], "nothing arrived on \(mid)")
    }
}

@Suite("Calls through a node, in virtual time")
struct CallTests {
    @Test(
        "C6 C13: two people get each other's sound and pictures, with each protection profile",
        arguments: SRTPProfile.allCases)
    func twoPeople(profile: SRTPProfile) throws {
        let network = try CallNetwork(seed: 1)
        let ada = try network.join(configuration(profiles: [profile], seed: 1))
        let bob = try network.join(configuration(profiles: [profile], seed: 2))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(10))
        for (viewer, other) in [(ada, bob), (bob, ada)] {
            let sound = try network.received(viewer, from: other, .microphone)
            #expect(sound.packets > 400)
            #expect(sound.missing == 0)
            #expect(sound.corrupt == 0)
            let picture = try network.received(viewer, from: other, .camera)
            #expect(picture.completeFrames > 250)
            #expect(picture.keyFrames >= 1)
            #expect(picture.missing == 0)
            #expect(picture.duplicates == 0)
            #expect(picture.corrupt == 0)
            #expect(picture.sequenceBreaks + picture.timestampBreaks + picture.wrongMids == 0)
        }
        #expect(Set(ada.speakers) == [ada.id, bob.id])
    }

    @Test("What is lost on the way is asked for and sent again", arguments: [11, 12, 13, 14] as [UInt64])
    func lossyNetwork(seed: UInt64) throws {
        let network = try CallNetwork(
            seed: seed,
            conditions: Conditions(loss: 0.05, delay: .milliseconds(20), jitter: .milliseconds(15), duplicates: 0.01))
        let ada = try network.join(configuration(seed: seed))
        let bob = try network.join(configuration(seed: seed + 100))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(20))
        network.conditions = Conditions()
        network.run(for: .seconds(1))
        let picture = try network.received(bob, from: ada, .camera)
        #expect(picture.packets > 1_800)
        #expect(Double(picture.missing) < 0.002 * Double(picture.packets), "\(picture.missing) of \(picture.packets)")
        #expect(picture.corrupt == 0)
        #expect(network.worker.counters.retransmittedPackets > 50)
    }

    @Test("Who joins late sees a picture within 300 ms, and many who join ask the sender for few key frames")
    func lateJoiners() throws {
        let network = try CallNetwork(seed: 2)
        let ada = try network.join(configuration(seed: 1))
        var senders = [Sender(ada)]
        network.talk(&senders, for: .seconds(3))
        let before = ada.peer.keyFrameRequestsReceived
        var viewers: [CallNetwork.Person] = []
        for seed in UInt64(10)..<20 { viewers.append(try network.join(configuration(sources: [], seed: seed))) }
        network.talk(&senders, for: .milliseconds(300))
        for viewer in viewers {
            #expect(try network.received(viewer, from: ada, .camera).keyFrames >= 1)
        }
        network.talk(&senders, for: .milliseconds(800))
        #expect(ada.peer.keyFrameRequestsReceived - before <= 3)
    }

    @Test("A camera that goes off, a muted microphone and a screen that is shown are told to the others within 100 ms")
    func sourcesOnAndOff() throws {
        let network = try CallNetwork(seed: 3)
        let ada = try network.join(configuration(sources: [.microphone, .camera, .screen], seed: 1))
        let bob = try network.join(configuration(seed: 2))
        network.run(for: .seconds(1))
        for active in [[.microphone], [.camera, .screen], [.microphone, .camera, .screen], []] as [[CallSource]] {
            try network.update(ada, active: active)
            network.run(for: .milliseconds(100))
            let tracks = bob.state.tracks.filter { $0.participantID == ada.id }
            #expect(Set(tracks.filter(\.isActive).map(\.source)) == Set(active))
            #expect(tracks.count == 3)
        }
    }

    @Test("With more pictures than sections the state asks for more, and every picture arrives after the next offer")
    func moreSections() throws {
        let network = try CallNetwork(seed: 4)
        let viewer = try network.join(configuration(sources: [], seed: 1))
        var senders: [Sender] = []
        for seed in UInt64(2)..<9 { senders.append(Sender(try network.join(configuration(seed: seed)))) }
        network.talk(&senders, for: .seconds(1))
        #expect(viewer.state.videoSections == Limits.firstVideoSections + Limits.videoSectionBlock)
        #expect(viewer.state.tracks.filter { $0.source == .camera && $0.mid != nil }.count == Limits.firstVideoSections)
        let earlier = viewer.state.tracks
        viewer.peer.addVideoSections(Limits.videoSectionBlock)
        try network.offer(viewer)
        network.talk(&senders, for: .seconds(2))
        for sender in senders {
            #expect(try network.received(viewer, from: sender.person, .camera).completeFrames > 30)
        }
        for track in earlier where track.mid != nil {
            #expect(viewer.state.tracks.contains(track), "a picture that had a section keeps it")
        }
    }

    @Test("A section that is re-pointed to another's picture goes on without a break")
    func repointing() throws {
        let network = try CallNetwork(seed: 5)
        let viewer = try network.join(configuration(sources: [], seed: 1))
        var senders: [Sender] = []
        for seed in UInt64(2)..<7 { senders.append(Sender(try network.join(configuration(seed: seed)))) }
        network.talk(&senders, for: .seconds(2))
        let waiting = try #require(senders.first { viewer.mid(of: $0.person, .camera) == nil })
        let leaver = try #require(senders.first { viewer.mid(of: $0.person, .camera) != nil })
        let mid = try #require(viewer.mid(of: leaver.person, .camera))
        try network.update(leaver.person, active: [.microphone])
        network.talk(&senders, for: .seconds(2))
        #expect(viewer.mid(of: waiting.person, .camera) == mid)
        let section = try #require(viewer.peer.received[mid])
        #expect(section.sequenceBreaks + section.timestampBreaks == 0)
        #expect(section.missing == 0)
        #expect(section.keyFrames >= 2)
    }

    @Test("Of more people than audio sections those who speak are heard")
    func loudest() throws {
        let network = try CallNetwork(seed: 6)
        let viewer = try network.join(configuration(sources: [], seed: 1))
        var senders: [Sender] = []
        for seed in UInt64(2)..<12 {
            senders.append(Sender(try network.join(configuration(sources: [.microphone], seed: seed)), isSilent: true))
        }
        network.talk(&senders, for: .seconds(1))
        for index in [7, 8, 9] { senders[index].isSilent = false }
        network.talk(&senders, for: .seconds(1))
        for index in [7, 8, 9] { #expect(viewer.mid(of: senders[index].person, .microphone) != nil) }
        #expect(Set(viewer.speakers) == Set([7, 8, 9].map { senders[$0].person.id }))
        for index in [7, 8, 9] { senders[index].isSilent = true }
        network.talk(&senders, for: .seconds(2))
        #expect(viewer.speakers == [])
    }

    @Test("Who leaves, closes the connection or vanishes is gone for the others, and told to the API")
    func leaving() throws {
        let network = try CallNetwork(seed: 7)
        let people = try (1...4).map { try network.join(configuration(seed: UInt64($0))) }
        network.run(for: .seconds(1))
        #expect(people.allSatisfy { $0.peer.isConnected })
        network.leave(people[1])
        people[2].peer.close()
        network.run(for: .milliseconds(200))
        #expect(people[1].ended == .left)
        #expect(people[2].ended == .left)
        #expect(people[0].state.participants.map(\.participantID) == [people[0].id, people[3].id])
        people[3].isGone = true
        // The last check may have been 2.5 s before.
        network.run(for: .seconds(12))
        #expect(network.worker.participantCount == 2, "nobody is given up too early")
        network.run(for: .seconds(4))
        #expect(people[3].ended == .timedOut)
        #expect(network.reports.last?.participants.map(\.participantID) == [people[0].id])
        #expect(network.reports.map(\.revision) == network.reports.map(\.revision).sorted())
    }

    @Test("Who takes a seat and never connects loses it")
    func neverConnects() throws {
        let network = try CallNetwork(seed: 8)
        let ada = try network.join(configuration(seed: 1))
        ada.isGone = true
        network.run(for: .seconds(16))
        #expect(ada.ended == .timedOut)
        #expect(network.worker.participantCount == 0)
        #expect(network.worker.roomCount == 0)
        #expect(network.worker.deadline == nil, "a node without calls sleeps")
    }

    @Test("C8: after 200 joins and leaves nothing is left")
    func churn() throws {
        let network = try CallNetwork(seed: 9)
        for round in 1...100 {
            let ada = try network.join(configuration(seed: UInt64(round)))
            let bob = try network.join(configuration(seed: UInt64(round) + 1_000))
            network.run(for: .milliseconds(400))
            #expect(ada.peer.isConnected && bob.peer.isConnected)
            network.leave(ada)
            bob.peer.close()
            network.run(for: .milliseconds(100))
            ada.isGone = true
            bob.isGone = true
        }
        #expect(network.worker.participantCount == 0)
        #expect(network.worker.roomCount == 0)
        #expect(network.worker.isEmpty)
    }

    @Test("C7: a codec that a viewer does not have is not sent to it, and nothing is transcoded")
    func codecs() throws {
        let network = try CallNetwork(seed: 10)
        var onlyH264 = configuration(seed: 1)
        onlyH264.videoCodecs = ["H264"]
        var onlyVP8 = configuration(sources: [], seed: 2)
        onlyVP8.videoCodecs = ["VP8"]
        let ada = try network.join(onlyH264)
        let bob = try network.join(onlyVP8)
        let eve = try network.join(configuration(sources: [], seed: 3))
        var senders = [Sender(ada)]
        network.talk(&senders, for: .seconds(2))
        #expect(bob.mid(of: ada, .camera) == nil)
        #expect(try network.received(bob, from: ada, .microphone).packets > 50)
        let picture = try network.received(eve, from: ada, .camera)
        #expect(picture.completeFrames > 30)
        #expect(picture.corrupt == 0, "the payload arrives as it was sent, byte for byte")
    }
}

@Suite("What a node refuses")
struct RefusalTests {
    @Test("A peer whose certificate is not the announced one gets no keys and loses its seat")
    func wrongFingerprint() throws {
        let network = try CallNetwork(seed: 20)
        var wrong = configuration(seed: 1)
        wrong.fingerprint = "sha-256 " + Array(repeating: "AB", count: 32).joined(separator: ":")
        let mallory = try network.join(wrong)
        network.run(for: .seconds(5))
        #expect(!mallory.peer.isConnected)
        #expect(mallory.ended != nil)
    }

    @Test("Checks with a wrong message integrity validate no address, and what follows from there is dropped")
    func wrongIntegrity() throws {
        let network = try CallNetwork(seed: 21)
        var wrong = configuration(seed: 1)
        wrong.checkPassword = "not-the-password-of-the-node"
        let mallory = try network.join(wrong)
        network.run(for: .seconds(5))
        #expect(!mallory.peer.isConnected)
        #expect(network.worker.counters.dropped(.badIntegrity) > 10)
        #expect(network.worker.counters.dropped(.notSecured) == 0)
    }

    @Test("A seat is refused to another user, a room to an earlier epoch, an offer to another connection")
    func seats() throws {
        let network = try CallNetwork(seed: 22)
        let seat = network.seat(epoch: 5)
        let route = SeatRoute(gateway: network.freshID(), connectionID: network.freshID())
        let joinedAt = Timestamp(milliseconds: 1)
        _ = try network.worker.join(seat, route: route, joinedAt: joinedAt, now: network.now)
        let thief = Seat(
            participantID: seat.participantID, userID: network.freshID(), sessionID: seat.sessionID,
            channelID: seat.channelID, epoch: 5)
        #expect(throws: SeatError.self) {
            _ = try network.worker.join(thief, route: route, joinedAt: joinedAt, now: network.now)
        }
        #expect(throws: SeatError.self) {
            _ = try network.worker.join(network.seat(epoch: 4), route: route, joinedAt: joinedAt, now: network.now)
        }
        let offer = try MediaPeer(configuration: configuration(seed: 1)).offer(number: 1)
        #expect(throws: SeatError.self) {
            _ = try network.worker.offer(
                SeatOfferRequest(participantID: seat.participantID, connectionID: network.freshID(), offer: offer),
                NegotiatedSession(offer: offer.sdp), now: network.now)
        }
    }

    @Test("A room that is placed on the same node again goes on under the higher epoch, for those of before too")
    func higherEpoch() throws {
        let network = try CallNetwork(seed: 23)
        let ada = try network.join(configuration(seed: 1))
        network.run(for: .seconds(1))
        let route = SeatRoute(gateway: network.freshID(), connectionID: network.freshID())
        let late = network.seat(epoch: 2)
        _ = try network.worker.join(late, route: route, joinedAt: Timestamp(milliseconds: 1), now: network.now)
        network.run(for: .seconds(1))
        #expect(ada.ended == nil)
        #expect(network.reports.last?.epoch == 2)
        #expect(network.reports.last?.participants.count == 2)
        let again = Seat(
            participantID: ada.id, userID: ada.userID, sessionID: ada.seat.sessionID, channelID: network.channel,
            epoch: 3)
        let resumed = try network.worker.join(
            again, route: ada.route, joinedAt: Timestamp(milliseconds: 2), now: network.now)
        #expect(resumed.reply.isResumed)
    }

    @Test("An offer that drops a section, repeats a source or asks for too many sections is refused")
    func sections() throws {
        let network = try CallNetwork(seed: 25)
        let ada = try network.join(configuration(seed: 1))
        let offer = ada.peer.offer(number: 50)
        func refusal(_ offer: CallOffer) -> ErrorCode? {
            do {
                _ = try network.worker.offer(
                    SeatOfferRequest(participantID: ada.id, connectionID: ada.route.connectionID, offer: offer),
                    NegotiatedSession(offer: offer.sdp), now: network.now)
                return nil
            } catch {
                return (error as? SeatError)?.code
            }
        }
        let twice = CallOffer(
            number: 50, sdp: offer.sdp, publications: offer.publications + [offer.publications[0]])
        #expect(refusal(twice) == .validationFailed)
        let otherMids =
            offer.sdp.replacing("a=mid:", with: "a=mid:x").replacing("BUNDLE 0", with: "BUNDLE x0")
            .split(separator: "\r\n").map { line in
                guard line.hasPrefix("a=group:BUNDLE") else { return String(line) }
                let mids = line.split(separator: " ").dropFirst().map { $0.hasPrefix("x") ? String($0) : "x\($0)" }
                return "a=group:BUNDLE " + mids.joined(separator: " ")
            }.joined(separator: "\r\n") + "\r\n"
        #expect(refusal(CallOffer(number: 51, sdp: otherMids, publications: [])) == .validationFailed)
        ada.peer.addVideoSections(Limits.maximumVideoSections)
        #expect(refusal(ada.peer.offer(number: 52)) == .validationFailed)
        #expect(network.worker.participantCount == 1)
    }

    @Test("Random datagrams are dropped, each with its reason, and a call goes on beside them")
    func rubbish() throws {
        let network = try CallNetwork(seed: 24)
        let ada = try network.join(configuration(seed: 1))
        let bob = try network.join(configuration(seed: 2))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(1))
        var random = SplitMix64(seed: 24)
        var count = 0
        network.run(for: .seconds(2)) { millisecond in
            for index in senders.indices { senders[index].tick(millisecond, network.now) }
            for _ in 0..<20 {
                var bytes = (0..<Int(random.next() % 200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                // Half of it comes from an address that is somebody's.
                let source = random.next() % 2 == 0 ? ada.address : .v4(UInt32(random.next() >> 40), port: 9)
                bytes.withUnsafeMutableBytes { network.worker.receive($0, from: source, now: network.now) }
                count += 1
            }
        }
        let dropped = DropReason.allCases.reduce(0) { $0 + network.worker.counters.dropped($1) }
        #expect(dropped > count * 8 / 10, "what looks like DTLS is OpenSSL's to ignore")
        #expect(try network.received(bob, from: ada, .camera).missing == 0)
        #expect(network.worker.participantCount == 2)
    }
}
