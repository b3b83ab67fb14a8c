import GatewayDomain
import Testing

@Suite("Counted connections of a gateway")
struct PresenceConnectionsTests {
    @Test("Places here count at once, those elsewhere when Redis has told")
    func count() throws {
        var counted = PresenceConnections<String, Int>(ticksPerBeat: 20)
        counted.add(1, of: "a")
        counted.add(2, of: "a")
        #expect(counted.count(of: "a") == 2 && counted.count(of: "b") == 0)
        let update = try unwrapped(counted.takeUpdates(maximumCount: 10).first)
        #expect(Set(update.places) == [1, 2] && update.removals.isEmpty)
        counted.finish(update, count: 7)
        #expect(counted.count(of: "a") == 7 && counted.countHere(of: "a") == 2)
    }

    @Test("A place that was given back is removed in Redis, and a holder without places is forgotten")
    func remove() throws {
        var counted = PresenceConnections<String, Int>(ticksPerBeat: 20)
        counted.add(1, of: "a")
        counted.finish(try unwrapped(counted.takeUpdates(maximumCount: 10).first), count: 1)
        counted.remove(1, of: "a")
        counted.remove(1, of: "a")
        let update = try unwrapped(counted.takeUpdates(maximumCount: 10).first)
        #expect(update.removals == [1] && update.places.isEmpty)
        counted.fail(update)
        check(counted.takeUpdates(maximumCount: 10) == [update])
        counted.finish(update, count: 0)
        #expect(counted.holderCount == 0)
        for _ in 0..<20 { counted.tick() }
        #expect(!counted.isDue)
    }

    @Test("A reserved place counts here and is told by nobody else until Redis has answered")
    func reserve() throws {
        var counted = PresenceConnections<String, Int>(ticksPerBeat: 1)
        counted.reserve(1, of: "a")
        #expect(counted.countHere(of: "a") == 1 && !counted.isDue)
        counted.settle(1, of: "a", counts: false)
        #expect(counted.holderCount == 0)

        counted.reserve(2, of: "a")
        counted.settle(2, of: "a", counts: true)
        check(counted.takeUpdates(maximumCount: 10).first?.places == [2])

        // Given back while Redis was asked, which then counted it.
        counted.reserve(3, of: "b")
        counted.remove(3, of: "b")
        counted.settle(3, of: "b", counts: true)
        #expect(counted.countHere(of: "b") == 0)
        check(counted.takeUpdates(maximumCount: 10).first?.removals == [3])
    }

    @Test("Without Redis, places that were given back are forgotten once their lease has ended, and nothing gathers")
    func oldRemovals() {
        var counted = PresenceConnections<String, Int>(ticksPerBeat: 20)
        counted.add(0, of: "stays")
        for number in 1...1_000 {
            counted.add(number, of: "stays")
            counted.remove(number, of: "stays")
            counted.add(number, of: "\(number)")
            counted.remove(number, of: "\(number)")
        }
        for _ in 0..<59 { counted.tick() }
        #expect(counted.holderCount == 1_001)
        #expect(counted.removals(of: "stays").count == 1_000)
        for _ in 0..<22 { counted.tick() }
        #expect(counted.holderCount == 1)
        #expect(counted.removals(of: "stays").isEmpty && counted.countHere(of: "stays") == 1)
        for number in 1...1_000 {
            counted.add(number, of: "late \(number)")
            counted.remove(number, of: "late \(number)")
            for _ in 0..<81 { counted.tick() }
        }
        #expect(counted.holderCount == 1)
        #expect(counted.dueCount < 100)
    }

    @Test("T16: every holder is renewed once a beat")
    func beat() {
        var counted = PresenceConnections<String, Int>(ticksPerBeat: 20)
        for number in 0..<100 { counted.add(number, of: "\(number)") }
        for update in counted.takeUpdates(maximumCount: 100) { counted.finish(update, count: 1) }
        var renewed: [String] = []
        for _ in 0..<20 {
            counted.tick()
            let updates = counted.takeUpdates(maximumCount: 100)
            #expect(updates.count == 5)
            for update in updates { counted.finish(update, count: 1) }
            renewed += updates.map(\.holder)
        }
        #expect(Set(renewed).count == 100)
    }
}
