import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("What moderators do, and raised hands, in virtual time")
struct ModerationTests {
    @Test("A source that a moderator turned off is heard by nobody, whatever its owner does, until a moderator ends it")
    func mute() throws {
        let network = try CallNetwork(seed: 21)
        let (ada, bob) = try network.two()
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(2))
        let mid = try #require(bob.mid(of: ada, .microphone))
        #expect(try bob.packets(on: mid) > 50)

        try network.rule(ada, muted: [.microphone], version: 1)
        network.talk(&senders, for: .milliseconds(100))
        let silent = try bob.packets(on: mid)
        for active in [[.camera], [.microphone, .camera]] as [[CallSource]] {
            try network.update(ada, active: active)
            network.talk(&senders, for: .seconds(1))
        }
        #expect(try bob.packets(on: mid) == silent)
        #expect(network.worker.counters.dropped(.notAllowed) > 90)
        for person in [ada, bob] {
            #expect(person.state.mutes == [CallMute(participantID: ada.id, source: .microphone)])
        }
        #expect(bob.state.tracks.first { $0.participantID == ada.id && $0.source == .microphone }?.isActive == false)
        #expect(bob.speakers == [bob.id], "who is muted does not speak")

        try network.rule(ada, muted: [], version: 2)
        network.talk(&senders, for: .seconds(2))
        let again = try #require(bob.mid(of: ada, .microphone))
        #expect(try bob.packets(on: again) > silent + 50)
        #expect(bob.state.mutes.isEmpty)
        #expect(Set(bob.speakers) == [ada.id, bob.id])
    }

    @Test("A picture that comes back after a moderator turned it off begins with a key frame, and asks for nothing old")
    func camera() throws {
        let network = try CallNetwork(seed: 22)
        let (ada, bob) = try network.two()
        var senders = [Sender(ada)]
        network.talk(&senders, for: .seconds(2))
        try network.rule(ada, muted: [.camera], version: 1)
        network.talk(&senders, for: .seconds(2))
        let mid = try #require(bob.mid(of: ada, .camera))
        let before = try #require(bob.peer.received[mid])
        try network.rule(ada, muted: [], version: 2)
        network.talk(&senders, for: .seconds(2))
        let again = try #require(bob.mid(of: ada, .camera))
        let after = try #require(bob.peer.received[again])
        #expect(after.keyFrames > before.keyFrames)
        #expect(after.completeFrames > before.completeFrames + 40)
        #expect(after.sequenceBreaks + after.timestampBreaks == 0)
        #expect(after.missing == 0)
        #expect(network.worker.counters.retransmittedPackets == 0)
    }

    @Test("What was decided holds for all devices of a person, for new offers, and is not undone by what is older")
    func devices() throws {
        let network = try CallNetwork(seed: 23)
        let (ada, bob) = try network.two()
        let tablet = try network.join(.init(seed: 3, sources: [.microphone]), of: ada.userID)
        network.run(for: .seconds(1))
        try network.rule(ada, muted: [.microphone], version: 5)
        ada.peer.addVideoSections(1)
        try network.offer(ada)
        network.run(for: .milliseconds(200))
        #expect(Set(bob.state.mutes.map(\.participantID)) == [ada.id, tablet.id])

        // Told by a lease that was read before, and by one that is newer.
        network.worker.follow([CallRuling(participantID: ada.id, rights: .ordinary)], now: network.now)
        network.run(for: .milliseconds(200))
        #expect(bob.state.mutes.count == 2)
        let newer = CallRights(isModerator: true, isAudience: false, muted: [], version: 6)
        network.worker.follow([CallRuling(participantID: ada.id, rights: newer)], now: network.now)
        network.run(for: .milliseconds(200))
        #expect(bob.state.mutes.map(\.participantID) == [tablet.id])
        #expect(bob.state.moderators == [ada.id])
    }

    @Test("S4: what a grant says somebody may not send is not forwarded from the first packet on")
    func grant() throws {
        let network = try CallNetwork(seed: 27)
        let muted = CallRights(isModerator: false, isAudience: false, muted: [.microphone], version: 1)
        let ada = try network.join(.init(seed: 1, sources: [.microphone, .camera]), rights: muted)
        let bob = try network.join(.init(seed: 2, sources: [.microphone, .camera]))
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(2))
        #expect(bob.mid(of: ada, .microphone) == nil)
        let picture = try #require(bob.mid(of: ada, .camera))
        #expect(try bob.packets(on: picture) > 50)
        let own = try #require(ada.mid(of: bob, .microphone))
        #expect(try ada.packets(on: own) > 50)
        #expect(bob.heardPackets == 0)
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
        try network.rule(people[2], lowersHand: true)
        network.run(for: .milliseconds(100))
        #expect(people[1].state.hands == [people[3].id])
        network.leave(people[3])
        network.run(for: .milliseconds(100))
        #expect(people[1].state.hands.isEmpty)
    }

    @Test("Who is removed loses the seats in this call, on all devices, and nobody else does")
    func removal() throws {
        let network = try CallNetwork(seed: 25)
        let (ada, bob) = try network.two()
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
        let (ada, _) = try network.two()
        for (channel, user) in [(network.channel, network.freshID()), (network.freshID(), ada.userID)] {
            let request = SeatModerateRequest(channelID: channel, userID: user, rights: .ordinary, lowersHand: false)
            #expect(throws: SeatError.self) { try network.worker.moderate(request, now: network.now) }
        }
    }
}

@Suite("A stage: who speaks and who listens, in virtual time")
struct StageTests {
    private static let audience = CallRights(isModerator: false, isAudience: true, muted: [], version: 0)
    private static let moderator = CallRights(isModerator: true, isAudience: false, muted: [], version: 0)

    @Test(
        "Nothing of the audience is forwarded; who is invited is heard and seen at once, without an offer, until sent back"
    )
    func invitation() throws {
        let network = try CallNetwork(seed: 31)
        let ada = try network.join(.init(seed: 1, sources: [.microphone, .camera]), rights: Self.moderator)
        let bob = try network.join(.init(seed: 2, sources: [.microphone, .camera]), rights: Self.audience)
        var senders = [Sender(ada), Sender(bob)]
        network.talk(&senders, for: .seconds(2))
        let heard = try #require(bob.mid(of: ada, .microphone))
        #expect(try bob.packets(on: heard) > 50)
        #expect(ada.heardPackets == 0 && ada.seenPackets == 0)
        #expect(network.worker.counters.dropped(.notAllowed) > 100)
        for person in [ada, bob] {
            #expect(person.state.audience == [bob.id] && person.state.moderators == [ada.id])
        }
        #expect(ada.state.tracks.isEmpty, "of the audience no tracks are told")

        try network.update(bob, active: [.microphone, .camera], isHandRaised: true)
        network.run(for: .milliseconds(100))
        #expect(ada.state.hands == [bob.id])
        try network.rule(bob, version: 1, lowersHand: true)
        network.talk(&senders, for: .seconds(1))
        #expect(ada.state.audience.isEmpty && ada.state.hands.isEmpty)
        let sound = try #require(ada.mid(of: bob, .microphone))
        let picture = try #require(ada.mid(of: bob, .camera))
        #expect(try ada.packets(on: sound) > 40)
        let seen = try #require(ada.peer.received[picture])
        #expect(seen.keyFrames > 0 && seen.completeFrames > 20 && seen.missing == 0)

        try network.rule(bob, isAudience: true, version: 2, lowersHand: true)
        network.talk(&senders, for: .milliseconds(100))
        let (last, lastSeen) = (ada.heardPackets, ada.seenPackets)
        network.talk(&senders, for: .seconds(1))
        #expect(ada.heardPackets == last && ada.seenPackets == lastSeen)
        #expect(ada.state.audience == [bob.id])
    }

    @Test("From the audience nobody publishes by HTTP, but everybody may listen")
    func publishing() throws {
        let network = try CallNetwork(seed: 32)
        for (use, isRefused) in [(SeatUse.publish, true), (.receive, false)] {
            let seat = network.seat()
            let route = SeatRoute(gateway: nil, connectionID: network.freshID())
            _ = try network.worker.join(
                seat, rights: Self.audience, route: route, joinedAt: Timestamp(milliseconds: 1), now: network.now)
            let peer = try MediaPeer(configuration: .init(seed: 1, sources: [.microphone]))
            let session = try NegotiatedSession(offer: peer.offer(number: 1).sdp)
            let named = SeatOfferRequest(
                participantID: seat.participantID, connectionID: route.connectionID,
                offer: CallOffer(number: 1, sdp: peer.offer(number: 2).sdp, publications: []), use: use
            ).naming(session)
            if isRefused {
                let refused = #expect(throws: SeatError.self) {
                    _ = try network.worker.offer(named, session, now: network.now)
                }
                #expect(refused?.code == .forbidden)
            } else {
                _ = try network.worker.offer(named, session, now: network.now)
            }
        }
    }
}

extension CallNetwork.Person {
    fileprivate func packets(on mid: String) throws -> Int { try #require(peer.received[mid]).packets }

    /// All that arrived of sound, and of pictures, from whomever.
    fileprivate var heardPackets: Int { peer.received.values.reduce(0) { $0 + ($1.isVideo ? 0 : $1.packets) } }
    fileprivate var seenPackets: Int { peer.received.values.reduce(0) { $0 + ($1.isVideo ? $1.packets : 0) } }
}

extension CallNetwork {
    fileprivate func two() throws -> (Person, Person) {
        let sources: [CallSource] = [.microphone, .camera]
        return (try join(.init(seed: 1, sources: sources)), try join(.init(seed: 2, sources: sources)))
    }

    /// What a moderator decides about a person, as the API tells it.
    fileprivate func rule(
        _ person: Person, isAudience: Bool = false, muted: [CallSource] = [], version: Int64 = 0,
        lowersHand: Bool = false
    ) throws {
        let rights = CallRights(isModerator: false, isAudience: isAudience, muted: muted, version: version)
        try worker.moderate(
            SeatModerateRequest(channelID: channel, userID: person.userID, rights: rights, lowersHand: lowersHand),
            now: now)
    }
}
