import MediaCore
import MediaSecurity
import Testing

private func at(_ milliseconds: Double) -> MediaTime { MediaTime(nanoseconds: Int64(milliseconds * 1_000_000)) }

/// Sends what a prober asks for over a link that has no other traffic, in steps of 5 ms.
private struct ProberBench {
    var prober = Prober()
    var clock = 0.0
    var results: [ProbeResult] = []
    /// When each cluster began.
    var begins: [Double] = []
    var paddingByteCount = 0
    private var freeAt = 0.0
    private var number: Int64 = 0
    private var waiting: [(due: Double, result: PacketResult)] = []

    mutating func run(seconds: Double, target: Int, wanted: Int, link: Int, dropsEvery: Int = 0, isQuiet: Bool = true) {
        let end = clock + seconds * 1_000
        while clock < end {
            for one in waiting where one.due <= clock { prober.receive(one.result) }
            waiting.removeAll { $0.due <= clock }
            let wasActive = prober.active
            if let result = prober.update(
                target: target, wanted: wanted, jitter: .zero, ownLoss: 0, isQuiet: isQuiet, now: at(clock))
            {
                results.append(result)
            }
            if prober.active != nil, wasActive != prober.active { begins.append(clock) }
            send(link, dropsEvery)
            clock += 5
        }
    }

    private mutating func send(_ link: Int, _ dropsEvery: Int) {
        while let cluster = prober.active, prober.padding(now: at(clock)) > 0 {
            let byteCount = min(max(prober.padding(now: at(clock)), 200), 1_000)
            prober.sent(byteCount: byteCount, now: at(clock))
            paddingByteCount += byteCount
            freeAt = max(freeAt, clock) + Double(byteCount) * 8_000 / Double(link)
            number += 1
            let isLost = dropsEvery > 0 && number % Int64(dropsEvery) == 0
            let result = PacketResult(
                number: number, byteCount: byteCount, sent: at(clock), arrival: isLost ? nil : at(freeAt + 20),
                cluster: cluster)
            waiting.append((freeAt + 60, result))
        }
    }
}

@Suite("Probing for more bandwidth")
struct ProberTests {
    @Test("The start probes at three and six times, and goes on while it succeeds")
    func start() {
        var bench = ProberBench()
        bench.run(seconds: 2, target: 500_000, wanted: 20_000_000, link: 100_000_000)
        let sent = bench.results.map { Double($0.sentBitrate) / 500_000 }
        #expect(sent.count >= 3)
        for (factor, expected) in zip(sent, [3.0, 6, 12]) { #expect(abs(factor - expected) < 0.15 * expected) }
        #expect(bench.results.allSatisfy { !$0.isLinkFull })
    }

    @Test("A full link is measured within 10 %", arguments: [300_000, 700_000, 1_200_000])
    func full(link: Int) throws {
        var bench = ProberBench()
        bench.run(seconds: 2, target: 500_000, wanted: 20_000_000, link: link)
        let result = try #require(bench.results.first)
        #expect(result.isLinkFull)
        #expect(abs(result.receivedBitrate - link) < link / 10)
    }

    @Test("A packet lost by chance does not spoil the measurement")
    func lossy() throws {
        var bench = ProberBench()
        bench.run(seconds: 1, target: 500_000, wanted: 2_000_000, link: 50_000_000, dropsEvery: 9)
        let result = try #require(bench.results.first)
        #expect(!result.isLinkFull)
    }

    @Test("One that does not succeed is repeated only every few seconds, and takes little of the link")
    func interval() {
        var bench = ProberBench()
        bench.run(seconds: 60, target: 950_000, wanted: 5_000_000, link: 1_000_000)
        let gaps = zip(bench.begins.dropFirst(), bench.begins).map { $0 - $1 }
        #expect(bench.begins.count >= 15)
        #expect(gaps.allSatisfy { $0 >= Prober.retryInterval / .milliseconds(1) })
        #expect(bench.paddingByteCount * 8 / 60 < 1_000_000 / 20)
    }

    @Test("Nothing is probed while the estimate is more than is wanted, or queues are long")
    func needless() {
        var bench = ProberBench()
        bench.run(seconds: 20, target: 3_000_000, wanted: 1_700_000, link: 10_000_000)
        bench.run(seconds: 20, target: 1_000_000, wanted: 1_700_000, link: 10_000_000, isQuiet: false)
        #expect(bench.results.isEmpty)
        #expect(bench.paddingByteCount == 0)
    }

    @Test("No more is probed for than is wanted, with room for the layers' headroom")
    func wanted() {
        var bench = ProberBench()
        bench.run(seconds: 10, target: 1_000_000, wanted: 1_700_000, link: 100_000_000)
        #expect(!bench.results.isEmpty)
        let most = Double(1_700_000) * Prober.wantedHeadroom
        #expect(bench.results.allSatisfy { Double($0.sentBitrate) < 1.15 * most })
    }
}

@Suite("Pacing")
struct PacerTests {
    /// How many packets of 1,000 bytes leave in so many ms when there are always more.
    private func sent(_ kind: SentKind, target: Int, milliseconds: Int) -> Int {
        var (pacer, count) = (Pacer(), 0)
        for time in 0..<milliseconds {
            while pacer.wait(for: kind, target: target, now: at(Double(time))) == .zero, count < 100_000 {
                pacer.sent(kind, byteCount: 1_000, target: target, now: at(Double(time)))
                count += 1
                if kind == .audio, count > 2 * time { break }
            }
        }
        return count
    }

    @Test("Video leaves at 2.5 times the estimate after one burst", arguments: [300_000, 1_000_000, 10_000_000])
    func video(target: Int) {
        let expected = Pacer.factor * Double(target) / 8_000
        let burst = max(expected * 0.04, 6)
        let count = Double(sent(.video, target: target, milliseconds: 1_000))
        #expect(abs(count - expected - burst) < 0.05 * expected + 2)
    }

    @Test("Retransmissions take at most half of the estimate, and audio never waits")
    func kinds() {
        let retransmissions = sent(.retransmission, target: 1_000_000, milliseconds: 10_000)
        #expect(
            (600...670).contains(retransmissions), "625 packets are half a megabit a second, and half a second more")
        #expect(sent(.audio, target: 50_000, milliseconds: 1_000) > 1_900)
    }

    @Test("After the wait that was told, and not before, the next may leave")
    func wait() {
        var pacer = Pacer()
        for _ in 0..<30 { pacer.sent(.video, byteCount: 1_000, target: 1_000_000, now: at(0)) }
        let wait = pacer.wait(for: .video, target: 1_000_000, now: at(0))
        #expect(wait > .milliseconds(40))
        #expect(pacer.wait(for: .video, target: 1_000_000, now: at(0) + wait) <= .microseconds(1))
        #expect(pacer.wait(for: .video, target: 1_000_000, now: at(0) + (wait - .milliseconds(2))) > .zero)
        #expect(pacer.wait(for: .audio, target: 1_000_000, now: at(0)) == .zero)
    }
}
