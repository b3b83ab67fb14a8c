import APIDomain
import Contracts
import Testing

@Suite("Media nodes for rooms")
struct MediaNodeChoiceTests {
    private let nodes = (1...4).map { number in id(number, InstanceEntity.self) }

    private func choose(_ loads: [InstanceID: MediaNodeLoad], seed: UInt64 = 1) -> InstanceID? {
        var generator = SplitMix(state: seed)
        return MediaNodeChoice.leastLoaded(of: nodes, loads: loads, using: &generator)
    }

    /// How often each node is chosen.
    private func counts(_ loads: [InstanceID: MediaNodeLoad]) -> [Int] {
        let chosen = (1...400).map { choose(loads, seed: $0) }
        return nodes.map { node in chosen.count { $0 == node } }
    }

    private func loads(_ values: [MediaNodeLoad]) -> [InstanceID: MediaNodeLoad] {
        Dictionary(uniqueKeysWithValues: zip(nodes, values))
    }

    @Test("The less loaded of two is taken: the most loaded never, the others the more often the less they have to do")
    func lessLoaded() {
        let busy = counts(
            loads([300, 100, 200, 400].map { MediaNodeLoad(participants: 0, rooms: 0, busyPermille: $0) }))
        #expect(busy[3] == 0)
        #expect(busy[1] > busy[2] && busy[2] > busy[0] && busy[0] > 20)
        let people = counts(loads([7, 3, 3, 9].map { MediaNodeLoad(participants: $0, rooms: 1, busyPermille: $0) }))
        #expect(people[3] == 0)
        #expect(people[1] + people[2] > people[0])
    }

    @Test("A node that goes away or is full gets no room, even if there is no other")
    func closed() {
        let away = MediaNodeLoad(participants: 0, rooms: 0, isDraining: true)
        let full = MediaNodeLoad(participants: 0, rooms: 0, busyPermille: Limits.mediaNodeFullPermille)
        let busy = MediaNodeLoad(participants: 90, rooms: 9, busyPermille: Limits.mediaNodeFullPermille - 1)
        #expect(counts(loads([away, full, busy, full])) == [0, 0, 400, 0])
        #expect(choose(loads([away, full, away, full])) == nil)
    }

    @Test(
        "A seat is at the room's node while that takes seats, then all at one other, and at home where none takes any")
    func seats() {
        let open = MediaNodeLoad(participants: 9, rooms: 9)
        let full = MediaNodeLoad(participants: 2, rooms: 1, isFull: true)
        let channels = (1...200).map { id($0, ChannelEntity.self) }
        func seat(in channel: ChannelID, _ values: [MediaNodeLoad]) -> InstanceID {
            MediaNodeChoice.seat(in: channel, at: nodes[0], of: nodes, loads: loads(values))
        }
        #expect(channels.allSatisfy { seat(in: $0, [open, open, open, open]) == nodes[0] })
        #expect(channels.allSatisfy { seat(in: $0, [full, full, full, full]) == nodes[0] })
        let helpers = channels.map { seat(in: $0, [full, open, open, open]) }
        for node in nodes.dropFirst() { #expect(helpers.count { $0 == node } > 40, "rooms share them") }
        for (channel, helper) in zip(channels, helpers) where helper != nodes[1] {
            #expect(seat(in: channel, [full, full, open, open]) == helper, "the same while it takes seats")
        }
        #expect(choose(loads([full, full, open, full])) == nodes[2], "a full one gets no room")
    }

    @Test("A node that has not said how busy it is counts as idle")
    func silent() {
        var others = loads((1...4).map { _ in MediaNodeLoad(participants: 1, rooms: 1) })
        others[nodes[2]] = nil
        let chosen = counts(others)
        #expect(chosen[2] == chosen.max())
    }

    @Test("Equals share the rooms of one moment")
    func ties() {
        for count in counts([:]) { #expect(count > 50) }
    }

    @Test("What a node says of its load reads back; what an older one says too")
    func text() {
        let load = MediaNodeLoad(
            participants: 12, rooms: 3, busyPermille: 456, packetsPerSecond: 7890, isDraining: true, isFull: true)
        #expect(MediaNodeLoad(load.description) == load)
        #expect(MediaNodeLoad("5 2") == MediaNodeLoad(participants: 5, rooms: 2))
        for text in ["", "5", "a b", "5 b 0 0 0"] { #expect(MediaNodeLoad(text) == nil) }
    }

    @Test("Without a node there is no choice")
    func none() {
        var generator = SystemRandomNumberGenerator()
        #expect(MediaNodeChoice.leastLoaded(of: [], loads: [:], using: &generator) == nil)
    }
}

@Suite("Reports of calls")
struct CallReportTests {
    private func participant(_ number: Int, at milliseconds: Int64) -> CallParticipant {
        CallParticipant(
            participantID: id(number, ParticipantEntity.self), userID: .example,
            joinedAt: Timestamp(milliseconds: milliseconds))
    }

    private func roster(_ participants: [CallParticipant]) -> [CallParticipant] {
        CallReport(channelID: .example, epoch: 1, revision: 1, participants: participants).roster
    }

    @Test("Seats are taken over once each, in the order of joining")
    func order() {
        let (first, second, third) = (participant(3, at: 10), participant(1, at: 20), participant(2, at: 20))
        #expect(roster([third, second, first, participant(3, at: 30)]) == [first, second, third])
    }

    @Test("A node that reports too many seats is believed the first ones only")
    func bound() {
        let many = (1...Limits.participantsPerCall + 5).map { participant($0, at: Int64($0)) }
        #expect(roster(many.reversed()) == Array(many.prefix(Limits.participantsPerCall)))
    }
}

@Suite("Calls whose media node has died")
struct AbandonedCallsTests {
    private let start = ContinuousClock.now
    private let call = AbandonedCalls.OpenCall(channelID: .example, epoch: 5, revision: 2)

    /// What five looks of one watch end, one each ``AbandonedCalls/interval``, the first at `start`.
    private func ended(
        _ open: [[AbandonedCalls.OpenCall]], placed: [Bool] = [], markers: [String?] = []
    ) -> [Bool] {
        var abandoned = AbandonedCalls()
        return open.indices.map { index in
            let isPlaced = placed.indices.contains(index) && placed[index]
            let ended = abandoned.look(
                at: open[index], placed: isPlaced ? [.example] : [],
                marker: markers.indices.contains(index) ? markers[index] : "marker",
                now: start + AbandonedCalls.interval * index)
            return ended == [call]
        }
    }

    @Test("A call without a place ends once Redis has had its memory for long enough")
    func ends() {
        #expect(ended(Array(repeating: [call], count: 5)) == [false, false, false, true, true])
    }

    @Test("One look without a place is not enough")
    func twoLooks() {
        let calls = Array(repeating: [call], count: 6)
        #expect(
            ended(calls, placed: [true, true, true, true, false, false]) == [false, false, false, false, false, true])
        #expect(ended(calls, placed: [true, true, true, false, true, false]).allSatisfy { !$0 })
    }

    @Test("A call that was reported between the looks lives")
    func reported() {
        let heard = AbandonedCalls.OpenCall(channelID: .example, epoch: 5, revision: 3)
        let calls = [[call], [call], [heard], [call], [heard], [call]]
        #expect(ended(calls).allSatisfy { !$0 })
    }

    @Test("A Redis that lost its memory is given time, once more for each loss")
    func lostMemory() {
        let calls = Array(repeating: [call], count: 9)
        let markers = ["a", "a", "a", "b", "b", "b", nil, "b", "b"]
        #expect(ended(calls, markers: markers).allSatisfy { !$0 })
        #expect(ended(calls, markers: ["a"] + Array(repeating: "b", count: 8)).firstIndex(of: true) == 4)
    }

    @Test("After a look that failed it begins anew")
    func failed() {
        var abandoned = AbandonedCalls()
        func look(_ index: Int) -> Int {
            abandoned.look(at: [call], placed: [], marker: "m", now: start + AbandonedCalls.interval * index).count
        }
        #expect((0...3).map(look) == [0, 0, 0, 1])
        abandoned.reset()
        #expect((4...7).map(look) == [0, 0, 0, 1])
    }
}

@Suite("STUN and TURN addresses")
struct IceAddressesTests {
    @Test("Credentials go with TURN alone")
    func servers() throws {
        let turn = ["turn:a.example:3478?transport=udp", "turns:a.example:5349"]
        let addresses = try #require(IceAddresses(urls: ["stun:a.example"] + turn))
        #expect(
            addresses.servers(username: "u", credential: "c") == [
                IceServer(urls: ["stun:a.example"]), IceServer(urls: turn, username: "u", credential: "c"),
            ])
        #expect(IceAddresses(urls: [])?.servers(username: "u", credential: "c") == [])
    }

    @Test("What is no such address is refused", arguments: ["", "turn:", "http://a.example", "a.example:3478"])
    func refused(url: String) { #expect(IceAddresses(urls: ["stun:a.example", url]) == nil) }
}

/// A generator that gives the same numbers each time, so that a test is the same each time.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// The identifier with a number.
private func id<Of: Entity>(_ number: Int, _ type: Of.Type) -> EntityID<Of> {
    EntityID(at: Timestamp(milliseconds: Int64(number)), entropy: (0, 0))
}
