import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("What moderators do, and raised hands, in virtual time")
struct ModerationTests {
    @Test(
        "A source that a moderator turned off is heard by nobody, whatever its sender sends, until its owner turns it on"
    )
    func mute() throws {
        let network = try CallNetwork(seed: 21)
        let (ada, bob) = try two(network)
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(2))
        let mid = try #require(bob.mid(of: ada, .microphone))
        #expect(try packets(bob, mid) > 50)

        try network.worker.moderate(mute(ada, .microphone, network), now: network.now)
        network.talk(&senders, for: .milliseconds(100))
        let silent = try packets(bob, mid)
        // Its sender goes on, and tells what it told before.
        try network.update(ada, active: [.microphone, .camera])
        network.talk(&senders, for: .seconds(2))
        #expect(try packets(bob, mid) == silent)
        #expect(network.worker.counters.dropped(.muted) > 90)
        for person in [ada, bob] {
            #expect(person.state.mutes == [CallMute(participantID: ada.id, source: .microphone)])
        }
        #expect(bob.state.tracks.first { $0.participantID == ada.id && $0.source == .microphone }?.isActive == false)
        #expect(bob.speakers == [bob.id], "who is muted does not speak")

        try network.update(ada, active: [.camera])
        network.talk(&senders, for: .milliseconds(200))
        #expect(try packets(bob, mid) == silent, "off is not on yet")
        try network.update(ada, active: [.microphone, .camera])
        network.talk(&senders, for: .seconds(2))
        let again = try #require(bob.mid(of: ada, .microphone))
        #expect(try packets(bob, again) > silent + 50)
        #expect(bob.state.mutes.isEmpty)
        #expect(Set(bob.speakers) == [ada.id, bob.id])
    }

    @Test("A picture that comes back after a moderator turned it off begins with a key frame, and asks for nothing old")
    func camera() throws {
        let network = try CallNetwork(seed: 22)
        let (ada, bob) = try two(network)
        var senders = [Sender(ada)]
        network.talk(&senders, for: .seconds(2))
        try network.worker.moderate(mute(ada, .camera, network), now: network.now)
        network.talk(&senders, for: .seconds(2))
        let mid = try #require(bob.mid(of: ada, .camera))
        let before = try #require(bob.peer.received[mid])
        for active in [[.microphone], [.microphone, .camera]] as [[CallSource]] {
            try network.update(ada, active: active)
            network.talk(&senders, for: .milliseconds(200))
        }
        network.talk(&senders, for: .seconds(2))
        let again = try #require(bob.mid(of: ada, .camera))
        let after = try #require(bob.peer.received[again])
        #expect(after.keyFrames > before.keyFrames)
        #expect(after.completeFrames > before.completeFrames + 40)
        #expect(after.sequenceBreaks + after.timestampBreaks == 0)
        #expect(after.missing == 0)
        #expect(network.worker.counters.retransmittedPackets == 0)
    }

    @Test("A new offer does not end a mute")
    func renegotiation() throws {
        let network = try CallNetwork(seed: 23)
        let (ada, bob) = try two(network)
        network.run(for: .seconds(1))
        try network.worker.moderate(mute(ada, .microphone, network), now: network.now)
        ada.peer.addVideoSections(1)
        try network.offer(ada)
        network.run(for: .milliseconds(200))
        #expect(bob.state.mutes.map(\.participantID) == [ada.id])
    }

    @Test("Hands are told in the order in which they were raised, and lowered by their owner, a moderator or leaving")
    func hands() throws {
        let network = try CallNetwork(seed: 24)
        let people = try (1...4).map { try network.join(.init(seed: UInt64($0), sources: [.microphone])) }
        network.run(for: .seconds(1))
        for index in [2, 0, 3] {
            try network.update(people[index], active: [.microphone], isHandRaised: true)
            network.run(for: .milliseconds(100))
        }
        #expect(people[1].state.hands == [people[2].id, people[0].id, people[3].id])
        // Again, and a word of something else: a hand keeps its place.
        try network.update(people[2], active: [.microphone], isHandRaised: true)
        try network.update(people[2], active: [])
        network.run(for: .milliseconds(100))
        #expect(people[1].state.hands == [people[2].id, people[0].id, people[3].id])
        try network.update(people[0], active: [.microphone], isHandRaised: false)
        try network.worker.moderate(
            SeatModerateRequest(channelID: network.channel, participantID: people[2].id, source: nil), now: network.now)
        network.run(for: .milliseconds(100))
        #expect(people[1].state.hands == [people[3].id])
        network.leave(people[3])
        network.run(for: .milliseconds(100))
        #expect(people[1].state.hands.isEmpty)
    }

    @Test("Who is removed loses the seats in this call, on all devices, and nobody else does")
    func removal() throws {
        let network = try CallNetwork(seed: 25)
        let (ada, bob) = try two(network)
        network.run(for: .seconds(1))
        network.worker.remove(ada.userID, from: network.freshID(), now: network.now)
        network.run(for: .milliseconds(100))
        #expect(ada.ended == nil, "another call")
        network.worker.remove(ada.userID, from: network.channel, now: network.now)
        network.run(for: .milliseconds(200))
        #expect(ada.ended == .removed && bob.ended == nil)
        #expect(bob.state.participants.map(\.participantID) == [bob.id])
    }

    @Test("Somebody who is not in the call is not moderated")
    func absent() throws {
        let network = try CallNetwork(seed: 26)
        let (ada, _) = try two(network)
        for request in [
            SeatModerateRequest(channelID: network.channel, participantID: network.freshID(), source: .microphone),
            SeatModerateRequest(channelID: network.freshID(), participantID: ada.id, source: .microphone),
        ] {
            #expect(throws: SeatError.self) { try network.worker.moderate(request, now: network.now) }
        }
    }

    private func two(_ network: CallNetwork) throws -> (CallNetwork.Person, CallNetwork.Person) {
        let sources: [CallSource] = [.microphone, .camera]
        return (
            try network.join(.init(seed: 1, sources: sources)), try network.join(.init(seed: 2, sources: sources))
        )
    }

    private func mute(
        _ person: CallNetwork.Person, _ source: CallSource, _ network: CallNetwork
    ) -> SeatModerateRequest {
        SeatModerateRequest(channelID: network.channel, participantID: person.id, source: source)
    }

    private func packets(_ viewer: CallNetwork.Person, _ mid: String) throws -> Int {
        try #require(viewer.peer.received[mid]).packets
    }
}
