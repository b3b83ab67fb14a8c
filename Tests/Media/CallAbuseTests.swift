import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("Calls in which somebody, or the network, does what is not done")
struct CallAbuseTests {
    private func configuration(
        _ seed: UInt64, sources: [CallSource] = [.microphone, .camera]
    ) -> MediaPeer.Configuration {
        MediaPeer.Configuration(seed: seed, sources: sources)
    }

    private func packets(_ viewer: CallNetwork.Person, from other: CallNetwork.Person) throws -> Int {
        let mid = try #require(viewer.mid(of: other, .microphone))
        return viewer.peer.received[mid]?.packets ?? 0
    }

    @Test("A packet that comes after its retransmission is not sent on a second time")
    func late() throws {
        let network = try CallNetwork(
            seed: 101, conditions: Conditions(delay: .milliseconds(5), jitter: .milliseconds(120)))
        var people: [CallNetwork.Person] = []
        for seed in 1...2 as ClosedRange<UInt64> {
            var repairing = configuration(seed)
            repairing.usesRepair = true
            people.append(try network.join(repairing))
        }
        var senders = people.map { Sender($0) }
        network.talk(&senders, for: .seconds(8))
        #expect(network.worker.counters.repairedPackets > 20)
        for person in people { #expect(person.peer.refusedPackets.replayed == 0) }
    }

    @Test("After a leap of its numbers a stream goes on as if nothing was missing")
    func leap() throws {
        let network = try CallNetwork(seed: 102)
        let (ada, bob) = (try network.join(configuration(1)), try network.join(configuration(2)))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(2))
        network.conditions.loss = 1
        network.run(for: .milliseconds(1_500)) { _ in ada.peer.sendAudio(level: 20, now: network.now) }
        network.conditions.loss = 0
        network.talk(&senders, for: .seconds(3))
        let mid = try #require(bob.mid(of: ada, .microphone))
        let sound = try #require(bob.peer.received[mid])
        // What was under way from the node when the way broke is lost for good.
        #expect(sound.missing <= 2 && sound.packets > 200)
        #expect(sound.sequenceBreaks + sound.timestampBreaks + sound.corrupt == 0)
    }

    @Test("Two seats behind one socket: the second gets nothing that is the first's, and its seat ends")
    func oneSocket() throws {
        let network = try CallNetwork(seed: 103)
        let (ada, bob) = (try network.join(configuration(1)), try network.join(configuration(2)))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(2))
        let thief = try network.join(configuration(3))
        thief.address = ada.address
        let before = try packets(ada, from: bob)
        network.talk(&senders, for: Limits.icePatience + .seconds(1))
        #expect(!thief.peer.isConnected)
        #expect(thief.ended == .timedOut)
        #expect(network.worker.participantCount == 2)
        #expect(try packets(ada, from: bob) > before + 700)
    }

    @Test("A peer that does not nominate again is followed to its new address when the old one is silent")
    func rebound() throws {
        let network = try CallNetwork(seed: 104)
        var once = configuration(1)
        once.nominatesOnce = true
        let (ada, bob) = (try network.join(once), try network.join(configuration(2)))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(3))
        ada.address = .v4(0x0A09_0909, port: 4_444)
        let before = try packets(ada, from: bob)
        network.talk(&senders, for: .seconds(13))
        #expect(try packets(ada, from: bob) > before + 100)
        #expect(ada.ended == nil)
    }

    @Test("Who sends a hundred times what a voice takes is not sent on to the others, and others are heard meanwhile")
    func flood() throws {
        let network = try CallNetwork(seed: 105)
        let (ada, bob) = (try network.join(configuration(1)), try network.join(configuration(2)))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(1))
        let before = try packets(ada, from: bob)
        network.run(for: .seconds(3)) { millisecond in
            for _ in 0..<5 { ada.peer.sendAudio(level: 20, now: network.now) }
            if millisecond % 20 == 0 { bob.peer.sendAudio(level: 20, now: network.now) }
        }
        network.run(for: .milliseconds(100))
        #expect(network.worker.counters.dropped(.tooMuch) > 10_000)
        #expect(try packets(bob, from: ada) < 5_000)
        #expect(try packets(ada, from: bob) >= before + 149)
    }

    @Test("Who asks for what was never sent spends what is kept to send again, and gets it back with time")
    func requests() throws {
        let network = try CallNetwork(seed: 108)
        let (ada, bob) = (try network.join(configuration(1)), try network.join(configuration(2)))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(3))
        let mid = try #require(bob.mid(of: ada, .camera))
        let last = try #require(bob.peer.received[mid]?.lastNumber)
        let known = (1...10 as ClosedRange<UInt16>).map { last &- 10 &- $0 }
        network.run(for: .milliseconds(200))
        bob.peer.requestPackets((1_000..<1_400 as Range<UInt16>).map { last &+ $0 }, mid: mid)
        bob.peer.requestPackets(known, mid: mid)
        network.run(for: .milliseconds(50))
        #expect(network.worker.counters.packetsAskedFor == 410)
        #expect(network.worker.counters.retransmittedPackets == 0)
        network.run(for: .milliseconds(200))
        bob.peer.requestPackets(known, mid: mid)
        network.run(for: .milliseconds(50))
        #expect(network.worker.counters.retransmittedPackets == 10)
    }

    @Test("A seat that goes over to another connection is told again who speaks and what to send")
    func resumed() throws {
        let network = try CallNetwork(seed: 106)
        var sized = configuration(1)
        sized.encodings = ["q", "h", "f"]
        let (ada, bob) = (try network.join(sized), try network.join(configuration(2)))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(3))
        let route = SeatRoute(gateway: network.freshID(), connectionID: network.freshID())
        _ = try network.worker.join(ada.seat, route: route, joinedAt: Timestamp(milliseconds: 1), now: network.now)
        var (speakers, layers): ([ParticipantID]?, CallLayers?) = (nil, nil)
        for step in 1...30 {
            network.worker.handleTimeout(now: network.now + .milliseconds(10 * step))
            for case .frame(let frame, ada.id, route) in network.worker.takeNotices() {
                if case .callSpeakers(let told) = frame { speakers = told.participants }
                if case .callLayers(let told) = frame { layers = told }
            }
        }
        #expect(Set(speakers ?? []) == [ada.id, bob.id])
        #expect(layers?.layers.isEmpty == false)
    }

    @Test("Packets are numbered for feedback only where a codec has such feedback")
    func feedback() throws {
        for isTaken in [true, false] {
            let network = try CallNetwork(seed: 107)
            var measured = configuration(2)
            measured.usesRepair = true
            measured.usesTransportFeedback = true
            let ada = try network.join(configuration(1))
            let bob = try network.join(measured) { offer in
                offer.split(separator: "\r\n").filter { isTaken || !$0.hasSuffix(" transport-cc") }
                    .map { $0 + "\r\n" }.joined()
            }
            var senders = [Sender(ada), Sender(bob)]
            network.talk(&senders, for: .seconds(2))
            #expect((bob.peer.numbersReceived > 50) == isTaken)
            #expect(try packets(bob, from: ada) > 50)
        }
    }
}
