import CAllocations
import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("A call on several workers, in virtual time")
struct RelayTests {
    private static func configuration(
        _ sources: [CallSource] = [.microphone, .camera], seed: UInt64
    ) -> MediaPeer.Configuration {
        var configuration = MediaPeer.Configuration(seed: seed, sources: sources)
        configuration.usesRepair = true
        return configuration
    }

    private func picture(_ viewer: CallNetwork.Person, of other: CallNetwork.Person) throws -> ReceivedSection {
        try #require(viewer.mid(of: other, .camera).flatMap { viewer.peer.received[$0] })
    }

    private func sound(_ viewer: CallNetwork.Person, of other: CallNetwork.Person) throws -> ReceivedSection {
        try #require(viewer.mid(of: other, .microphone).flatMap { viewer.peer.received[$0] })
    }

    @Test("People on three workers get each other's sound and pictures whole, and one worker tells who is in the call")
    func three() throws {
        let network = try CallNetwork(seed: 300, workerCount: 3)
        let people = try (0..<6).map { try network.join(Self.configuration(seed: UInt64($0 + 1)), at: $0 % 3) }
        var senders = people.map { Sender($0) }
        network.talk(&senders, for: .seconds(10))
        for viewer in people {
            #expect(Set(viewer.state.participants.map(\.participantID)) == Set(people.map(\.id)))
            for other in people where other !== viewer && viewer.mid(of: other, .camera) != nil {
                let picture = try picture(viewer, of: other)
                #expect(picture.completeFrames > 250 && picture.missing == 0)
                #expect(picture.corrupt + picture.duplicates + picture.sequenceBreaks + picture.timestampBreaks == 0)
            }
            for other in people where other !== viewer {
                let sound = try sound(viewer, of: other)
                #expect(sound.packets > 400 && sound.missing + sound.corrupt == 0)
            }
            // As many pictures as sections were offered.
            #expect(viewer.state.tracks.count { $0.source == .camera && $0.mid != nil } == Limits.firstVideoSections)
            #expect(Set(viewer.speakers) == Set(people.map(\.id)))
        }
        #expect(Set(network.reports.last?.participants.map(\.participantID) ?? []) == Set(people.map(\.id)))
        #expect(zip(network.reports, network.reports.dropFirst()).allSatisfy { $0.revision < $1.revision })

        for person in people { network.leave(person) }
        network.run(for: .seconds(1))
        #expect(network.reports.last?.participants.isEmpty == true)
        #expect(network.workers.allSatisfy { $0.isEmpty && $0.deadline == nil }, "nothing is kept of anyone")
    }

    @Test("Pictures that get lost between two workers are sent again there, and arrive whole", arguments: [0.02, 0.1])
    func loss(share: Double) throws {
        let network = try CallNetwork(seed: 301, workerCount: 2)
        let ada = try network.join(Self.configuration(seed: 1))
        let bob = try network.join(Self.configuration(seed: 2), at: 1)
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(2))
        network.relayLoss = share
        network.talk(&senders, for: .seconds(20))
        network.relayLoss = 0
        network.run(for: .seconds(1))
        for (viewer, other) in [(ada, bob), (bob, ada)] {
            let picture = try picture(viewer, of: other)
            let sent = picture.packets + picture.missing
            #expect(sent > 2_500)
            #expect(Double(picture.missing) <= 0.005 * Double(sent), "\(picture.missing) of \(sent)")
            #expect(picture.corrupt == 0 && picture.sequenceBreaks == 0)
        }
        for worker in network.workers { #expect(worker.counters.retransmittedPackets > Int(share * 1_500)) }
    }

    @Test("A packet goes to another worker once, however many watch there, and not at all while nobody does")
    func once() throws {
        let network = try CallNetwork(seed: 302, workerCount: 2)
        let ada = try network.join(Self.configuration([.camera], seed: 1))
        let viewers = try (0..<8).map { try network.join(Self.configuration([], seed: UInt64($0 + 2)), at: 1) }
        var senders = [Sender(ada)]
        network.talk(&senders, for: .seconds(2))
        func forwarded(_ index: Int) -> Int { network.workers[index].counters.forwardedPackets }
        let before = (forwarded(0), forwarded(1))
        network.talk(&senders, for: .seconds(5))
        let once = forwarded(0) - before.0
        #expect((500...700).contains(once), "\(once)")
        #expect(abs(forwarded(1) - before.1 - 8 * once) < 100)

        for viewer in viewers { try network.view(viewer, []) }
        network.talk(&senders, for: .seconds(1))
        let hidden = forwarded(0)
        network.talk(&senders, for: .seconds(2))
        #expect(forwarded(0) == hidden)

        let frames = try picture(viewers[3], of: ada).completeFrames
        try network.view(viewers[3], [(ada, 720)])
        network.talk(&senders, for: .seconds(1))
        #expect(try picture(viewers[3], of: ada).completeFrames > frames + 15, "it begins with a key frame, at once")
    }

    @Test("Who shows a picture at another worker decides which of its sizes its sender makes")
    func layers() throws {
        let network = try CallNetwork(seed: 303, workerCount: 2)
        let ada = try network.join(layered([.microphone, .camera], seed: 1))
        let bob = try network.join(layered([], seed: 2), at: 1)
        let sender = LayeredSender(ada)
        func talk(_ duration: Duration) { network.run(for: duration) { sender.tick($0, network.now) } }
        func size() -> Int? {
            let origin = bob.mid(of: ada, .camera).flatMap { bob.peer.received[$0]?.origin }
            return ada.peer.encodings(.camera).firstIndex { $0.ssrc == origin }
        }
        talk(.seconds(10))
        #expect(size() == 2)
        #expect(try picture(bob, of: ada).missing == 0)

        try network.view(bob, [(ada, 90)])
        talk(.seconds(2))
        #expect(size() == 0)
        talk(.seconds(14))
        #expect(ada.layers?.layers.first?.active == ["q"], "what nobody sees rests, wherever they sit")

        try network.view(bob, [(ada, 720)])
        talk(.seconds(8))
        #expect(size() == 2)
        let picture = try picture(bob, of: ada)
        #expect(picture.missing + picture.corrupt + picture.sequenceBreaks == 0)
    }

    @Test("Who begins to speak on one worker is among the six voices of all, and is told as a speaker to all")
    func voices() throws {
        let network = try CallNetwork(seed: 304, workerCount: 3)
        let people = try (0..<30).map {
            try network.join(Self.configuration([.microphone], seed: UInt64($0 + 1)), at: $0 % 3)
        }
        var levels: [Int: UInt8] = [:]
        func talk(_ duration: Duration) {
            network.run(for: duration) { millisecond in
                for (index, person) in people.enumerated() where (millisecond + index) % 20 == 0 {
                    person.peer.sendAudio(level: levels[index] ?? 127, now: network.now)
                }
            }
        }
        talk(.seconds(2))
        for speakers in [[7], [7, 8, 9], [0, 4, 8, 12, 16, 20]] {
            levels = Dictionary(uniqueKeysWithValues: speakers.map { ($0, 30) })
            talk(.seconds(3))
            for (index, viewer) in people.enumerated() {
                #expect(Set(viewer.speakers) == Set(speakers.map { people[$0].id }))
                let heard = Set(viewer.peer.received.values.compactMap(\.origin))
                let voices = speakers.filter { $0 != index }.compactMap { people[$0].peer.published(.microphone)?.ssrc }
                #expect(heard.isSuperset(of: voices), "\(index) hears \(speakers)")
            }
        }
    }

    @Test("A moderator's word, a raised hand, and who leaves, are known at every worker")
    func told() throws {
        let network = try CallNetwork(seed: 305, workerCount: 3)
        let people = try (0..<3).map { try network.join(Self.configuration(seed: UInt64($0 + 1)), at: $0) }
        var senders = people.map { Sender($0) }
        network.talk(&senders, for: .seconds(2))
        let rights = CallRights(isModerator: false, isAudience: false, muted: [.camera], version: 1)
        let request = SeatModerateRequest(
            channelID: network.channel, userID: people[1].userID, rights: rights, lowersHand: false)
        #expect(throws: SeatError.self, "that is for the worker of the seat") {
            try network.workers[0].moderate(request, now: network.now)
        }
        try network.workers[1].moderate(request, now: network.now)
        try network.update(people[2], active: [.microphone, .camera], isHandRaised: true)
        network.talk(&senders, for: .seconds(1))
        for viewer in people {
            #expect(viewer.state.mutes == [CallMute(participantID: people[1].id, source: .camera)])
            #expect(viewer.state.hands == [people[2].id])
        }
        let before = try picture(people[0], of: people[2]).packets
        network.leave(people[1])
        network.talk(&senders, for: .seconds(1))
        for viewer in [people[0], people[2]] {
            #expect(Set(viewer.state.participants.map(\.participantID)) == [people[0].id, people[2].id])
        }
        #expect(try picture(people[0], of: people[2]).packets > before + 50)
    }

    @Test(
        "A call goes on between two workers after the last seat at its home was given up, and a newcomer sees all at once"
    )
    func homeIsEmpty() throws {
        let network = try CallNetwork(seed: 306, workerCount: 3)
        let people = try (0..<3).map { try network.join(Self.configuration(seed: UInt64($0 + 1)), at: $0) }
        var senders = people.map { Sender($0) }
        network.talk(&senders, for: .seconds(2))
        network.leave(people[0])
        network.talk(&senders, for: .seconds(2))
        let before = try picture(people[1], of: people[2]).completeFrames
        network.talk(&senders, for: .seconds(2))
        #expect(try picture(people[1], of: people[2]).completeFrames > before + 50)

        let late = try network.join(Self.configuration(seed: 9), at: 0)
        senders.append(Sender(late))
        network.talk(&senders, for: .seconds(1))
        for other in people[1...] {
            #expect(try picture(late, of: other).completeFrames > 10)
            #expect(try picture(other, of: late).completeFrames > 10)
        }
        for person in people[1...] + [late] { network.leave(person) }
        network.run(for: .seconds(1))
        #expect(network.workers.allSatisfy { $0.isEmpty })
    }

    @Test("The ends of a relay that hear nothing of each other end it: away from home all are told to join anew")
    func silence() throws {
        let network = try CallNetwork(seed: 307, workerCount: 2)
        let ada = try network.join(Self.configuration(seed: 1))
        let bob = try network.join(Self.configuration(seed: 2), at: 1)
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(3))
        network.isBusAway = true
        network.talk(&senders, for: .seconds(10))
        #expect(bob.ended == nil, "packets tell that the other end is there")
        network.relayLoss = 1
        network.talk(&senders, for: .seconds(6))
        #expect(bob.ended == .moved)
        #expect(ada.ended == nil)
        #expect(ada.state.participants.map(\.participantID) == [ada.id])
        network.talk(&senders, for: .seconds(20))
        #expect(network.workers[1].isEmpty)

        network.isBusAway = false
        network.relayLoss = 0
        network.talk(&senders, for: .milliseconds(10))
        let again = try network.join(Self.configuration(seed: 3), at: 1)
        senders.append(Sender(again))
        network.talk(&senders, for: .seconds(1))
        #expect(try picture(again, of: ada).completeFrames > 10, "the next seat there has a relay of its own")
    }

    @Test(
        "Who takes a seat again on another worker has it there and nowhere else, wherever it stood",
        arguments: [0, 1, 2])
    func takenOver(host: Int) throws {
        let network = try CallNetwork(seed: 310, workerCount: 3)
        let ada = try network.join(Self.configuration(seed: 1), at: 0)
        let bob = try network.join(Self.configuration(seed: 2), at: host)
        let eve = try network.join(Self.configuration(seed: 3), at: 2)
        var senders = [Sender(ada), Sender(bob), Sender(eve)]
        network.talk(&senders, for: .seconds(2))
        let again = try network.join(Self.configuration(seed: 4), taking: bob.seat, at: (host + 1) % 3)
        senders = [Sender(ada), Sender(again), Sender(eve)]
        network.talk(&senders, for: .seconds(2))
        #expect(bob.ended == .replaced && again.ended == nil)
        for viewer in [ada, again, eve] {
            let ids = viewer.state.participants.map(\.participantID)
            #expect(ids.count == 3 && Set(ids) == [ada.id, bob.id, eve.id])
        }
        for viewer in [ada, eve] {
            #expect(try picture(viewer, of: again).completeFrames > 20)
            #expect(try picture(again, of: viewer).completeFrames > 20)
        }

        // And back.
        let third = try network.join(Self.configuration(seed: 5), taking: bob.seat, at: host)
        senders = [Sender(ada), Sender(third), Sender(eve)]
        network.talk(&senders, for: .seconds(2))
        #expect(again.ended == .replaced && third.ended == nil)
        #expect(try picture(ada, of: third).completeFrames > 20)
        #expect(network.reports.last?.participants.count == 3)
    }

    @Test("A room that goes on at another node sends everyone there, those on other workers too")
    func moved() throws {
        let network = try CallNetwork(seed: 311, workerCount: 3)
        let people = try (0..<3).map { try network.join(Self.configuration(seed: UInt64($0 + 1)), at: $0) }
        var senders = people.map { Sender($0) }
        network.talk(&senders, for: .seconds(2))
        network.worker.move(room: network.channel, now: network.now)
        network.talk(&senders, for: .milliseconds(100))
        for person in people { #expect(person.ended == .moved) }
        let before = try picture(people[2], of: people[1]).completeFrames
        network.talk(&senders, for: .seconds(2))
        #expect(
            try picture(people[2], of: people[1]).completeFrames > before + 30,
            "until they have left they hear each other")
        network.talk(&senders, for: Limits.callMoveGrace)
        #expect(network.workers.allSatisfy { $0.isEmpty })
    }

    @Test(
        "Who comes back to a worker that the call has left cuts nobody off who has not: they have their time, elsewhere too"
    )
    func movedBack() throws {
        let network = try CallNetwork(seed: 312, workerCount: 3)
        let ada = try network.join(Self.configuration(seed: 1), at: 0)
        let bob = try network.join(Self.configuration(seed: 2), at: 1)
        let eve = try network.join(Self.configuration(seed: 3), at: 1)
        var senders = [Sender(ada), Sender(bob), Sender(eve)]
        network.talk(&senders, for: .seconds(2))
        network.move(to: 2)
        network.talk(&senders, for: .milliseconds(200))
        for person in [ada, bob, eve] { #expect(person.ended == .moved) }

        let again = try network.join(Self.configuration(seed: 4), of: bob.userID, at: 1)
        #expect(again.state.participants.map(\.participantID) == [again.id], "the new call begins without the old one")
        senders.append(Sender(again))
        let pairs = [(eve, bob), (bob, eve), (eve, ada), (ada, eve), (bob, ada)]
        for _ in 0..<4 {
            let before = try pairs.map { try (picture($0, of: $1).completeFrames, sound($0, of: $1).packets) }
            network.talk(&senders, for: .seconds(1))
            for ((viewer, other), (frames, packets)) in zip(pairs, before) {
                #expect(try picture(viewer, of: other).completeFrames > frames + 20)
                #expect(try sound(viewer, of: other).packets > packets + 40)
            }
        }
        let back = try network.join(Self.configuration(seed: 5), of: ada.userID, at: 2)
        senders.append(Sender(back))
        network.talk(&senders, for: Limits.callMoveGrace - .seconds(3))
        #expect(network.workers[0].isEmpty)
        for (index, count) in [(1, 1), (2, 1)] {
            #expect(network.workers[index].participantCount == count && network.workers[index].roomCount == 1)
        }
        for (viewer, other) in [(again, back), (back, again)] {
            #expect(viewer.ended == nil)
            #expect(Set(viewer.state.participants.map(\.participantID)) == [again.id, back.id])
            #expect(try picture(viewer, of: other).completeFrames > 20)
        }
        let report = try #require(network.reports.last { $0.epoch == again.seat.epoch })
        #expect(Set(report.participants.map(\.participantID)) == [again.id, back.id])
        for person in [again, back] { network.leave(person) }
        network.run(for: .seconds(1))
        #expect(network.workers.allSatisfy { $0.isEmpty && $0.deadline == nil })
    }

    @Test("A person who is removed is removed from what is left of a call that moved, too")
    func removedMeanwhile() throws {
        let network = try CallNetwork(seed: 313, workerCount: 2)
        let ada = try network.join(Self.configuration(seed: 1), at: 0)
        let bob = try network.join(Self.configuration(seed: 2), at: 0)
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(1))
        network.move(to: 1)
        network.talk(&senders, for: .milliseconds(100))
        _ = try network.join(Self.configuration(seed: 3), of: ada.userID, at: 0)
        #expect(network.worker.participantCount == 3)
        network.worker.remove(bob.userID, from: network.channel, now: network.now)
        #expect(network.worker.participantCount == 2)
        network.worker.end(room: network.channel, .left, now: network.now)
        #expect(network.worker.participantCount == 0 && network.worker.roomCount == 0)
    }

    @Test(
        "A relay that ended without a word is found when workers are asked: its other end is told, and the next seat has one"
    )
    func lostNotice() throws {
        let network = try CallNetwork(seed: 314, workerCount: 2)
        let ada = try network.join(Self.configuration(seed: 1), at: 0)
        let bob = try network.join(Self.configuration(seed: 2), at: 1)
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(1))
        network.compareRelays()
        network.talk(&senders, for: .seconds(1))
        #expect(ada.state.participants.count == 2, "nothing is ended that is there")

        network.losesNotices = true
        network.leave(bob)
        network.run(for: .milliseconds(50))
        network.losesNotices = false
        network.talk(&senders, for: .milliseconds(500))
        #expect(network.workers[1].isEmpty)
        #expect(ada.state.participants.count == 2, "its home knows nothing of it")
        network.compareRelays()
        network.talk(&senders, for: .milliseconds(500))
        #expect(ada.state.participants.map(\.participantID) == [ada.id])

        let eve = try network.join(Self.configuration(seed: 3), at: 1)
        senders = [Sender(ada), Sender(eve)]
        network.talk(&senders, for: .seconds(2))
        for (viewer, other) in [(ada, eve), (eve, ada)] {
            #expect(try picture(viewer, of: other).completeFrames > 20)
        }
    }

    @Test("A recording at the home has what is sent to the other workers too")
    func recording() throws {
        let network = try CallNetwork(seed: 308, workerCount: 2)
        let ada = try network.join(Self.configuration([.microphone], seed: 1))
        let bob = try network.join(layered([.microphone, .camera], seed: 2), at: 1)
        let sender = LayeredSender(bob)
        var talkers = [Sender(ada)]
        network.talk(&talkers, for: .seconds(1))
        let ring = RecordingRing()
        let recording = CallRecording(id: .example, userID: ada.userID, startedAt: .example)
        try network.worker.beginRecording(recording, of: network.channel, into: ring, now: network.now)
        var packets: [UInt32: Int] = [:]
        for _ in 0..<50 {
            network.run(for: .milliseconds(100)) { millisecond in
                sender.tick(millisecond, network.now)
                talkers[0].tick(millisecond, network.now)
            }
            while ring.read({ entry, _ in
                if case .packet = entry.kind { packets[entry.track, default: 0] += 1 }
            }) {}
        }
        #expect(bob.state.recording == recording, "who sits elsewhere is told")
        #expect(packets.count == 3 && packets.values.allSatisfy { $0 > 200 }, "\(packets)")
        // The largest, which nobody shows.
        #expect(packets.values.contains { $0 > 800 })
    }

    @Test("Packets that a relay brings, and those that it takes away, allocate nothing")
    func allocations() throws {
        let network = try CallNetwork(seed: 309, workerCount: 2)
        let ada = try network.join(Self.configuration(seed: 1))
        for seed in UInt64(2)...6 { _ = try network.join(Self.configuration([], seed: seed), at: 1) }
        var senders = [Sender(ada)]
        network.talk(&senders, for: .seconds(3))
        // Nothing is on its way any more.
        network.run(for: .milliseconds(50))
        var count: UInt = 0
        let before = network.workers.map(\.counters.forwardedPackets)
        for frame in 0..<100 {
            if frame.isMultiple(of: 2) {
                ada.peer.sendAudio(level: 20, now: network.now)
            } else {
                ada.peer.sendVideoFrame(byteCount: 4_400, isKeyFrame: false, now: network.now)
            }
            var packets: [[UInt8]] = []
            ada.peer.takeDatagrams { packets.append(Array($0)) }
            count += Self.pass(packets, to: network.workers[0], from: ada.address, now: network.now)
            let relayed = network.workers[0].outbox.takeAll()
            count += Self.pass(relayed, to: network.workers[1], from: CallNetwork.nodeAddress, now: network.now)
            _ = network.workers[1].outbox.takeAll()
        }
        let forwarded = zip(network.workers, before).map { $0.counters.forwardedPackets - $1 }
        #expect(forwarded[0] == 250 && forwarded[1] == 5 * 250, "\(forwarded)")
        #expect(count == 0)
    }

    /// How much a worker allocated for these.
    private static func pass(
        _ packets: [[UInt8]], to worker: Worker, from source: TransportAddress, now: MediaTime
    ) -> UInt {
        var count: UInt = 0
        for packet in packets {
            var packet = packet
            packet.withUnsafeMutableBytes { packet in
                let before = CAllocationsCount()
                worker.receive(packet, from: source, now: now)
                count += CAllocationsCount() - before
            }
        }
        return count
    }
}

extension Outbox {
    fileprivate func takeAll() -> [[UInt8]] {
        let taken = withMemory { memory in
            entries.map { [UInt8](memory[$0.offset..<($0.offset + $0.byteCount)]) }
        }
        removeAll()
        return taken
    }
}
