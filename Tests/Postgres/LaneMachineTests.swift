import Postgres
import Testing

@Suite struct LaneMachineTests {
    let start = ContinuousClock.now
    let limits = LaneMachine<Int>.Limits(
        inFlightPerConnection: 2, queued: 2, queueTimeout: .seconds(5), backoff: .milliseconds(50) ... .seconds(2))

    func connected(slots: Int) -> LaneMachine<Int> {
        var lane = LaneMachine<Int>(slots: slots, limits: limits, now: start)
        for slot in lane.connectsDue(now: start) { lane.connected(slot: slot) }
        return lane
    }

    @Test("A batch goes to the connection with the fewest in flight, then waits, then is refused")
    func choice() {
        var lane = connected(slots: 2)
        let answers = (0..<7).map { lane.submit($0, now: start) }
        #expect(
            answers == [
                .send(slot: 0), .send(slot: 1), .send(slot: 0), .send(slot: 1), .queued, .queued, .refused,
            ])
        lane.finished(slot: 1)
        let next = lane.dequeue()
        #expect(next?.slot == 1 && next?.batch == 4)
        #expect(lane.dequeue() == nil)
    }

    @Test("A batch that waits for a connection expires at its deadline and not before")
    func expiry() {
        var lane = LaneMachine<Int>(slots: 1, limits: limits, now: start)
        #expect(lane.connectsDue(now: start) == [0])
        #expect(lane.submit(7, now: start) == .queued)
        #expect(lane.nextDeadline() == start + .seconds(5))
        #expect(lane.expire(now: start + .milliseconds(4999)).isEmpty)
        #expect(lane.expire(now: start + .seconds(5)) == [7])
        #expect(lane.isIdle)
    }

    @Test("The wait before an attempt doubles to its limit, and only an answer resets it")
    func backoff() {
        var lane = LaneMachine<Int>(slots: 1, limits: limits, now: start)
        var now = start
        var waits: [Duration] = []
        for _ in 0..<8 {
            #expect(lane.connectsDue(now: now) == [0])
            #expect(lane.connectsDue(now: now).isEmpty)
            lane.connected(slot: 0)
            _ = lane.lost(slot: 0, now: now, jitter: 1)
            let next = lane.nextDeadline() ?? now
            waits.append(now.duration(to: next))
            now = next
        }
        #expect(waits == [50, 100, 200, 400, 800, 1600, 2000, 2000].map { .milliseconds($0) })
        _ = lane.connectsDue(now: now)
        lane.connected(slot: 0)
        #expect(lane.submit(1, now: now) == .send(slot: 0))
        lane.finished(slot: 0)
        #expect(lane.lost(slot: 0, now: now, jitter: 0) == 1)
        #expect(lane.nextDeadline() == now + .milliseconds(25))
    }
}
