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
    private func sent(_ kind: SentKind, _ link: Pacer.Link, milliseconds: Int) -> Int {
        var (pacer, count) = (Pacer(), 0)
        for time in 0..<milliseconds {
            while pacer.wait(for: kind, link, now: at(Double(time))) == .zero, count < 100_000 {
                pacer.sent(kind, byteCount: 1_000, link, now: at(Double(time)))
                count += 1
                if kind == .audio, count > 2 * time { break }
            }
        }
        return count
    }

    @Test(
        "Where the link was never seen full, a key frame leaves at once, and the rest 2.5 times as fast as the estimate",
        arguments: [300_000, 1_000_000, 20_000_000])
    func loose(target: Int) {
        let link = Pacer.Link(target: target)
        let expected = Pacer.factor * Double(target) / 8_000
        let burst = max(expected * 0.1, 30)
        #expect(abs(Double(sent(.video, link, milliseconds: 1)) - burst) <= 2)
        #expect(abs(Double(sent(.video, link, milliseconds: 1_000)) - burst - expected) < 0.01 * expected + 2)
    }

    @Test(
        "Where the link was seen full, video leaves hardly faster than the estimate, and no faster than it was full",
        arguments: [300_000, 1_000_000, 10_000_000])
    func narrow(target: Int) {
        for (capacity, factor) in [(0.9, 1.0), (1.0, 1.0), (1.05, 1.05), (1.5, Pacer.videoFactor)] {
            let link = Pacer.Link(target: target, capacity: capacity * Double(target))
            let expected = factor * Double(target) / 8_000
            let count = Double(sent(.video, link, milliseconds: 2_000)) / 2
            #expect(abs(count - expected) < 0.02 * expected + 1, "\(capacity)")
            #expect(sent(.video, link, milliseconds: 1) <= 1 + Int(0.005 * expected) + 1)
        }
    }

    @Test("Retransmissions take at most half of the estimate, and audio never waits")
    func kinds() {
        let retransmissions = sent(.retransmission, Pacer.Link(target: 1_000_000), milliseconds: 10_000)
        #expect(
            (600...670).contains(retransmissions), "625 packets are half a megabit a second, and half a second more")
        #expect(sent(.audio, Pacer.Link(target: 50_000), milliseconds: 1_000) > 1_900)
    }

    @Test("After the wait that was told, and not before, the next may leave")
    func wait() {
        let link = Pacer.Link(target: 1_000_000, capacity: 1_000_000)
        var pacer = Pacer()
        for _ in 0..<30 { pacer.sent(.video, byteCount: 1_000, link, now: at(0)) }
        let wait = pacer.wait(for: .video, link, now: at(0))
        #expect(wait > .milliseconds(40))
        #expect(pacer.wait(for: .video, link, now: at(0) + wait) <= .microseconds(1))
        #expect(pacer.hasRoom(link, now: at(0) + (wait + .microseconds(1))))
        #expect(pacer.wait(for: .video, link, now: at(0) + (wait - .milliseconds(2))) > .zero)
        #expect(!pacer.hasRoom(link, now: at(0) + (wait - .milliseconds(2))))
        #expect(pacer.wait(for: .audio, link, now: at(0)) == .zero)
    }

    @Test("A retransmission leaves while video waits, and padding makes none wait")
    func order() {
        let link = Pacer.Link(target: 1_000_000, capacity: 1_000_000)
        var pacer = Pacer()
        for _ in 0..<5 { pacer.sent(.padding, byteCount: 1_000, link, now: at(0)) }
        #expect(pacer.hasRoom(link, now: at(0)))
        while pacer.hasRoom(link, now: at(0)) { pacer.sent(.video, byteCount: 1_000, link, now: at(0)) }
        #expect(pacer.wait(for: .video, link, now: at(0)) > .zero)
        #expect(pacer.wait(for: .retransmission, link, now: at(0)) == .zero)
    }

    @Test("What would wait too long leaves the faster, and in time")
    func urgency() {
        let link = Pacer.Link(target: 100_000, capacity: 100_000)
        var (pacer, waiting, last) = (Pacer(), 0, 0)
        while pacer.hasRoom(link, now: at(0)) { pacer.sent(.video, byteCount: 1_000, link, now: at(0)) }
        // Two pictures of 40 packets.
        for time in 0..<600 {
            if time == 0 || time == 100 {
                for _ in 0..<40 {
                    waiting += 1
                    pacer.keepBack(waitingByteCount: waiting * 1_000, link, now: at(Double(time)))
                }
            }
            while waiting > 0, pacer.hasRoom(link, now: at(Double(time))) {
                pacer.sent(.video, byteCount: 1_000, link, now: at(Double(time)))
                (waiting, last) = (waiting - 1, time)
                if waiting == 0 { pacer.noneWaits(link, now: at(Double(time))) }
                if waiting == 40, time > 100 { #expect(time <= 250) }
            }
        }
        #expect(waiting == 0 && (300...351).contains(last), "\(last)")
        #expect(pacer.wait(for: .video, link, now: at(Double(last))) < .seconds(1))
    }
}
