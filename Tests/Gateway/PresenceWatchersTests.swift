import Contracts
import GatewayDomain
import Testing

@Suite("Who watches whom")
struct PresenceWatchersTests {
    let workspace: WorkspaceID = testID(1)
    let ann: UserID = testID(2)
    let bob: UserID = testID(3)
    let one: ConnectionID = testID(4)
    let two: ConnectionID = testID(5)
    let online = PresenceAggregate(state: .online, status: "")
    let busy = PresenceAggregate(state: .busy, status: "")

    private func person(_ user: UserID) -> PresenceWatchers.Person { .init(workspace: workspace, user: user) }

    /// Two connections that watch, the first one both people, and know them online.
    private func watching() -> PresenceWatchers {
        var watchers = PresenceWatchers()
        _ = watchers.watch(one, workspace, [ann, bob])
        _ = watchers.watch(two, workspace, [ann])
        watchers.subscribed(to: workspace)
        let reads = watchers.takeReads(maximumCount: 10)
        _ = watchers.finish(reads.map { ($0, online) }, believesOffline: true)
        return watchers
    }

    @Test("People are read once for all who watch, after the topic is subscribed, and each watch is answered whole")
    func answer() {
        var watchers = PresenceWatchers()
        check(watchers.watch(one, workspace, [ann, bob, ann]).subscribe == [workspace])
        check(watchers.watch(two, workspace, [ann]).subscribe == [])
        #expect(!watchers.isReadDue, "a change could be missed before the topic is subscribed")
        watchers.subscribed(to: workspace)
        let reads = watchers.takeReads(maximumCount: 10)
        #expect(Set(reads) == [person(ann), person(bob)] && reads.count == 2)
        let half = watchers.finish([(person(ann), online)], believesOffline: true)
        #expect(half.tell == [two: [ann: online]])
        let whole = watchers.finish([(person(bob), .offline)], believesOffline: true)
        #expect(whole.tell == [one: [ann: online, bob: .offline]])
        let third: ConnectionID = testID(6)
        check(watchers.watch(third, workspace, [bob]).tell == [third: [bob: .offline]], "it is known already")
    }

    @Test("While nothing can be read, watches that come and go leave nothing behind")
    func churn() {
        var watchers = watching()
        for _ in 0..<1_000 {
            _ = watchers.unwatch(two)
            _ = watchers.watch(two, workspace, [testID(7), testID(8)])
        }
        #expect(watchers.personCount == 4)
        #expect(watchers.dueCount < 100)
        let reads = watchers.takeReads(maximumCount: 100)
        #expect(Set(reads) == [person(testID(7)), person(testID(8))] && reads.count == 2)
    }

    @Test("A watch of nobody is answered at once")
    func empty() {
        var watchers = PresenceWatchers()
        check(watchers.watch(one, workspace, []).tell == [one: [:]])
    }

    @Test("A hint has the person read; only a difference is told, and only to those who watch")
    func hint() {
        var watchers = watching()
        watchers.hint(person(ann), online)
        #expect(!watchers.isReadDue, "nothing new")
        watchers.hint(person(testID(9)), busy)
        #expect(!watchers.isReadDue, "nobody watches")
        watchers.hint(person(bob), busy)
        check(watchers.takeReads(maximumCount: 10) == [person(bob)])
        check(watchers.finish([(person(bob), busy)], believesOffline: true).tell == [one: [bob: busy]])
        watchers.hint(person(ann), busy)
        _ = watchers.takeReads(maximumCount: 10)
        check(watchers.finish([(person(ann), online)], believesOffline: true).tell.isEmpty, "the hint was old")
    }

    @Test("A change that comes while its person is being read has it read again")
    func race() {
        var watchers = watching()
        watchers.hint(person(ann), busy)
        check(watchers.takeReads(maximumCount: 10) == [person(ann)])
        watchers.hint(person(ann), online)
        _ = watchers.finish([(person(ann), busy)], believesOffline: true)
        check(watchers.takeReads(maximumCount: 10) == [person(ann)])
    }

    @Test("O5: while Redis is not believed nobody goes offline, but whoever comes is told")
    func settling() {
        var watchers = watching()
        watchers.refreshAll()
        var reads = watchers.takeReads(maximumCount: 10)
        #expect(reads.count == 2)
        let unbelieved = watchers.finish([(person(ann), .offline), (person(bob), busy)], believesOffline: false)
        #expect(unbelieved.tell == [one: [bob: busy]])
        watchers.refreshAll()
        reads = watchers.takeReads(maximumCount: 10)
        let believed = watchers.finish([(person(ann), .offline), (person(bob), busy)], believesOffline: true)
        #expect(believed.tell == [one: [ann: .offline], two: [ann: .offline]])
    }

    @Test("The last watch of a workspace ends its topic; a replaced watch keeps it")
    func unwatch() {
        var watchers = watching()
        let replaced = watchers.watch(one, workspace, [bob])
        #expect(replaced.subscribe.isEmpty && replaced.unsubscribe.isEmpty)
        #expect(replaced.tell == [one: [bob: online]])
        let other: WorkspaceID = testID(7)
        let moved = watchers.watch(one, other, [ann])
        #expect(moved.subscribe == [other] && moved.unsubscribe.isEmpty)
        check(watchers.unwatch(two).unsubscribe == [workspace])
        check(watchers.unwatch(two) == PresenceWatchers.Effects())
        check(watchers.unwatch(one).unsubscribe == [other])
        #expect(watchers.personCount == 0)
    }

    @Test("A failed read is due again, and a refresh reaches each person once in its parts")
    func refresh() {
        var watchers = PresenceWatchers()
        let users = (0..<100).map { testID($0 + 100) as UserID }
        _ = watchers.watch(one, workspace, users)
        watchers.subscribed(to: workspace)
        let reads = watchers.takeReads(maximumCount: 1_000)
        watchers.fail(reads)
        check(Set(watchers.takeReads(maximumCount: 1_000)) == Set(reads))
        _ = watchers.finish(reads.map { ($0, online) }, believesOffline: true)
        var read: Set<PresenceWatchers.Person> = []
        for _ in 0..<60 {
            watchers.refresh(part: 60)
            let due = watchers.takeReads(maximumCount: 1_000)
            #expect(due.count <= 2)
            read.formUnion(due)
            _ = watchers.finish(due.map { ($0, online) }, believesOffline: true)
        }
        #expect(read.count == 100)
    }

    @Test("Whatever is lost, late or out of order, in the end every watch shows the truth", arguments: 0..<20)
    func random(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var watchers = PresenceWatchers()
        let users = (0..<6).map { testID($0 + 50) as UserID }
        var truth: [UserID: PresenceAggregate] = [:]
        var hints: [(UserID, PresenceAggregate)] = []
        var reading: [(PresenceWatchers.Person, PresenceAggregate)] = []
        var shown: [ConnectionID: [UserID: PresenceAggregate]] = [:]
        var watched: [ConnectionID: [UserID]] = [:]
        func tell(_ effects: PresenceWatchers.Effects) {
            for (connection, states) in effects.tell { shown[connection, default: [:]].merge(states) { $1 } }
        }
        func endReads() {
            tell(watchers.finish(reading, believesOffline: true))
            reading = []
        }
        func beginReads() {
            guard reading.isEmpty else { return }
            reading = watchers.takeReads(maximumCount: 3).map { ($0, truth[$0.user] ?? .offline) }
        }
        for _ in 0..<400 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                let user = users[Int.random(in: 0..<6, using: &random)]
                let state = [PresenceAggregate.offline, online, busy][Int.random(in: 0..<3, using: &random)]
                truth[user] = state
                hints.append((user, state))
            case 1 where !hints.isEmpty:
                let (user, state) = hints.remove(at: Int.random(in: 0..<hints.count, using: &random))
                // One in eight is lost.
                if Int.random(in: 0..<8, using: &random) > 0 { watchers.hint(person(user), state) }
            case 2:
                let connection: ConnectionID = testID(UInt64.random(in: 1...3, using: &random))
                let some = users.shuffled(using: &random).prefix(Int.random(in: 0...6, using: &random))
                watched[connection] = Array(some)
                shown[connection] = [:]
                tell(watchers.watch(connection, workspace, Array(some)))
                watchers.subscribed(to: workspace)
            case 3: beginReads()
            default: endReads()
            }
        }
        watchers.refreshAll()
        while !reading.isEmpty || watchers.isReadDue {
            endReads()
            beginReads()
        }
        for (connection, people) in watched {
            let expected = Dictionary(uniqueKeysWithValues: people.map { ($0, truth[$0] ?? .offline) })
            #expect(shown[connection] == expected, "seed \(seed)")
        }
    }
}

/// SplitMix64: the same numbers for the same seed.
private struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
