import MediaCore
import MediaSecurity
import Testing

@Suite("How long packets gather")
struct ReceiveCoalescingTests {
    private func at(_ microseconds: Int64) -> MediaTime { MediaTime(nanoseconds: microseconds * 1000) }

    /// So many datagrams each 5 ms, for 200 ms from `start` on.
    private func send(_ count: Int, from start: Int64, _ coalescing: inout ReceiveCoalescing) {
        for step in Int64(0)...40 { coalescing.record(sent: count, now: at(start + step * 5000)) }
    }

    @Test("While little is sent, packets are taken at once", arguments: [0, 1, 24])
    func quiet(count: Int) {
        var coalescing = ReceiveCoalescing()
        send(count, from: 1_000_000, &coalescing)
        let pause = coalescing.pause(hasWaited: true, now: at(1_200_000))
        #expect(pause == nil)
    }

    @Test("While much is sent, packets that come into an empty socket are left for the whole interval")
    func busy() {
        var coalescing = ReceiveCoalescing()
        send(26, from: 1_000_000, &coalescing)
        let pause = coalescing.pause(hasWaited: true, now: at(1_200_000))
        #expect(pause == ReceiveCoalescing.interval)
    }

    @Test("Packets that came during a turn are left for what remains, and not at all after a long turn")
    func turns() {
        var coalescing = ReceiveCoalescing()
        send(100, from: 1_000_000, &coalescing)
        _ = coalescing.pause(hasWaited: true, now: at(1_200_000))
        // They were taken at 1,200,500.
        let short = coalescing.pause(hasWaited: false, now: at(1_200_700))
        #expect(short == .microseconds(300))
        let long = coalescing.pause(hasWaited: false, now: at(1_203_000))
        #expect(long == nil)
        let next = coalescing.pause(hasWaited: false, now: at(1_203_100))
        #expect(next == .microseconds(400))
    }

    @Test("After a pause of the call packets are taken at once again")
    func pauses() {
        var coalescing = ReceiveCoalescing()
        send(100, from: 1_000_000, &coalescing)
        coalescing.record(sent: 300, now: at(1_201_000))
        coalescing.record(sent: 1, now: at(9_000_000))
        let pause = coalescing.pause(hasWaited: true, now: at(9_000_000))
        #expect(pause == nil)
    }
}
