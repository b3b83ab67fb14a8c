import Contracts
import GatewayDomain
import Testing

/// An identifier that differs by its number.
func testID<Of>(_ number: UInt64) -> EntityID<Of> {
    EntityID(at: Timestamp(milliseconds: 1_763_700_000_000), entropy: (0, number << 2))
}

/// `#expect` for what changes a value: a macro's expression cannot.
func check(_ isTrue: Bool, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(isTrue, comment, sourceLocation: sourceLocation)
}

/// `#require` for what changes a value.
func unwrapped<Value>(_ value: Value?, sourceLocation: SourceLocation = #_sourceLocation) throws -> Value {
    try #require(value, sourceLocation: sourceLocation)
}

@Suite("Parts of presence")
struct PresencePartsTests {
    private func fields(_ texts: [String]) -> [PresenceField] { texts.compactMap(PresenceField.init(text:)) }

    @Test(
        "O8: the best state of the live connections counts",
        arguments: [
            ([], "offline"), (["offline"], "offline"), (["idle"], "idle"), (["offline", "idle"], "idle"),
            (["idle", "online"], "online"), (["online", "busy"], "busy"), (["busy", "online", "idle"], "busy"),
            (["offline", "busy", "offline"], "busy"),
        ])
    func best(states: [String], expected: String) {
        #expect(PresenceAggregate(of: fields(states.map { "\($0) 0 " })).state.rawValue == expected)
    }

    @Test("The latest status counts, whichever connection holds it; who looks offline shows none")
    func status() {
        let two = fields([#"idle 7 {"text":"new one"}"#, #"online 5 {"text":"old"}"#])
        #expect(PresenceAggregate(of: two) == PresenceAggregate(state: .online, status: #"{"text":"new one"}"#))
        #expect(PresenceAggregate(of: fields([#"online 5 {"text":"old"}"#, "idle 7 "])).status.isEmpty)
        #expect(PresenceAggregate(of: fields([#"offline 5 {"text":"old"}"#])) == .offline)
        #expect(PresenceAggregate.latest(of: two).version == 7)
    }

    @Test(
        "A value that is none is not read", arguments: ["", "online", "online 0", "away 0 ", "online x ", "0 online "])
    func malformed(text: String) {
        #expect(PresenceField(text: text) == nil)
    }

    @Test("Every item of a ring comes up once a beat, and as many in each tick as in the others")
    func ring() {
        var ring = BeatRing<Int>(ticks: 25)
        for item in 0..<1_000 { ring.insert(item) }
        var seen: [Int] = []
        for _ in 0..<25 {
            let due = ring.next()
            #expect(due.count == 40)
            seen += due
        }
        #expect(seen.sorted() == Array(0..<1_000))
        ring.remove(7)
        ring.insert(8)
        #expect(ring.count == 999)
        let again = (0..<25).flatMap { _ in ring.next() }
        #expect(again.count == 999 && !again.contains(7))
    }

    @Test("What is added to an idle ring comes up a whole beat later")
    func ringDelay() {
        var ring = BeatRing<Int>(ticks: 5)
        _ = ring.next()
        ring.insert(1)
        let turns = (0..<5).map { _ in ring.next() }
        #expect(turns == [[], [], [], [], [1]])
    }

    @Test("T8: a grace ends in the tick after its end, never before, also after a long standstill")
    func grace() {
        var grace = PresenceGrace(tick: .seconds(1))
        let (one, two, three): (ConnectionID, ConnectionID, ConnectionID) = (testID(1), testID(2), testID(3))
        grace.add(one, until: .milliseconds(10_300))
        grace.add(two, until: .seconds(11))
        grace.add(three, until: .seconds(90))
        check(grace.take(now: .milliseconds(10_900)) == [])
        check(grace.take(now: .milliseconds(11_000)) == [one, two])
        check(grace.take(now: .seconds(12)) == [])
        grace.add(one, until: .seconds(13))
        check(grace.take(now: .seconds(500)) == [one, three])
        #expect(grace.isEmpty)
    }

    @Test("Of several changes within a hold the last is told, and one that came back is not")
    func batch() {
        var batch = PresenceBatch()
        let (ann, bob): (UserID, UserID) = (testID(1), testID(2))
        let (here, there): (WorkspaceID, WorkspaceID) = (testID(3), testID(4))
        let (online, busy) = (
            PresenceAggregate(state: .online, status: ""), PresenceAggregate(state: .busy, status: "")
        )
        batch.add(PresenceChange(ann, from: .offline, to: online, in: [here, there]))
        batch.add(PresenceChange(ann, from: online, to: busy, in: [here, there]))
        batch.add(PresenceChange(bob, from: online, to: .offline, in: [here]))
        batch.add(PresenceChange(bob, from: .offline, to: online, in: [here]))
        let chunks = batch.take(maximumCount: 10)
        #expect(Set(chunks.map(\.workspace)) == [here, there])
        for chunk in chunks { #expect(chunk.people.map(\.user) == [ann] && chunk.people.map(\.presence) == [busy]) }
        check(batch.isEmpty && batch.take(maximumCount: 10).isEmpty)
    }

    @Test("A batch larger than a publication may be is parted")
    func chunks() {
        var batch = PresenceBatch()
        for number in 0..<25 {
            let online = PresenceAggregate(state: .online, status: "")
            batch.add(PresenceChange(testID(UInt64(number)), from: .offline, to: online, in: [testID(1)]))
        }
        check(batch.take(maximumCount: 10).map(\.people.count) == [10, 10, 5])
    }

    @Test("O7 T5: typing in a channel is passed on once an interval, its end once, and only of what was told")
    func typing() {
        var throttle = PresenceTyping()
        let (one, two): (ConnectionID, ConnectionID) = (testID(1), testID(2))
        let begin = Typing(channelID: testID(3), isTyping: true)
        let end = Typing(channelID: testID(3), isTyping: false)
        check(!throttle.receive(end, from: one, now: .zero), "nobody heard of it")
        check(throttle.receive(begin, from: one, now: .zero))
        check(throttle.receive(begin, from: two, now: .zero), "another connection")
        check(throttle.receive(Typing(channelID: testID(4), isTyping: true), from: one, now: .zero))
        check(!throttle.receive(begin, from: one, now: Limits.typingInterval - .milliseconds(1)))
        check(throttle.receive(begin, from: one, now: Limits.typingInterval))
        check(throttle.receive(end, from: one, now: Limits.typingInterval))
        check(!throttle.receive(end, from: one, now: Limits.typingInterval))
        check(!throttle.receive(begin, from: one, now: Limits.typingInterval), "on and off is no way round")
        check(throttle.receive(begin, from: one, now: Limits.typingInterval * 2))
        let late = Limits.typingInterval * 2 + Limits.typingLife
        check(!throttle.receive(end, from: one, now: late), "it has ended by itself")
    }

    @Test("What is remembered of typing is bounded, and gone with the connection")
    func typingBound() {
        var throttle = PresenceTyping()
        let one: ConnectionID = testID(1)
        func begin(_ channel: UInt64, at now: Duration) -> Bool {
            throttle.receive(Typing(channelID: testID(channel), isTyping: true), from: one, now: now)
        }
        let count = UInt64(Limits.typingChannelsPerConnection)
        for channel in 0..<count { check(begin(channel, at: .zero)) }
        check(!begin(count, at: .zero))
        check(begin(0, at: Limits.typingInterval))
        check(begin(count, at: Limits.typingLife), "the others have ended")
        throttle.forget(one)
        #expect(throttle.connectionCount == 0)
    }
}
