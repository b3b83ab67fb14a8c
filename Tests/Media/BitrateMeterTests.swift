import MediaCore
import MediaSecurity
import Testing

@Suite("What a stream takes")
struct BitrateMeterTests {
    /// A picture of a thousand bytes every 40 ms: 200 kbit/s.
    private static let interval = Duration.milliseconds(40)
    private static let bitrate = 200_000

    private struct Source {
        var meter = BitrateMeter()
        private(set) var now = MediaTime(nanoseconds: 5_000_000_000)

        mutating func send(for duration: Duration, keyFrame: Int = 1_000) {
            let end = now + duration
            var byteCount = keyFrame
            while now < end {
                meter.receive(byteCount: byteCount, now: now)
                (byteCount, now) = (1_000, now + BitrateMeterTests.interval)
            }
        }

        /// Somebody asks all the time what the stream takes.
        mutating func rest(for duration: Duration) {
            let end = now + duration
            while now < end {
                now = now + .milliseconds(100)
                _ = meter.bitrate(now: now)
            }
        }
    }

    @Test(
        "Nothing is known of a stream before it came for a while, and little more of one that begins with a key frame")
    func youth() {
        var source = Source()
        #expect(!source.meter.isKnown(now: source.now) && source.meter.bitrate(now: source.now) == 0)
        source.send(for: .milliseconds(280), keyFrame: 4_000)
        #expect(!source.meter.isKnown(now: source.now))
        source.send(for: .milliseconds(40))
        #expect(source.meter.isKnown(now: source.now))
        #expect(source.meter.bitrate(now: source.now) >= Self.bitrate)
        source.send(for: .seconds(4))
        #expect(abs(source.meter.bitrate(now: source.now) - Self.bitrate) <= Self.bitrate / 20)
    }

    @Test(
        "A stream that rested takes from its first packet on what it took before",
        arguments: [2, 4, 60], [1_000, 4_000])
    func rest(seconds: Int, keyFrame: Int) {
        var source = Source()
        source.send(for: .seconds(5))
        source.rest(for: .seconds(seconds))
        if seconds >= 4 { #expect(source.meter.bitrate(now: source.now) == 0) }
        for _ in 0..<50 {
            source.send(for: Self.interval, keyFrame: keyFrame)
            #expect(source.meter.isKnown(now: source.now))
            guard keyFrame == 1_000 else { break }
            #expect(abs(source.meter.bitrate(now: source.now) - Self.bitrate) <= Self.bitrate / 20)
        }
        // A key frame counts as it does in any stream: over the whole window.
        #expect(source.meter.bitrate(now: source.now) <= Self.bitrate * 11 / 10)
        #expect(source.meter.bitrate(now: source.now) >= Self.bitrate * 19 / 20)
    }

    @Test("What it took before is forgotten when it has come for the whole window")
    func change() {
        var source = Source()
        source.send(for: .seconds(5), keyFrame: 4_000)
        source.rest(for: .seconds(10))
        for _ in 0..<80 { source.send(for: .milliseconds(40), keyFrame: 3_000) }
        #expect(abs(source.meter.bitrate(now: source.now) - 3 * Self.bitrate) <= 3 * Self.bitrate / 20)
    }

    @Test("A stream that was silent before it was known is as new")
    func short() {
        var source = Source()
        source.send(for: .milliseconds(120))
        source.rest(for: .seconds(3))
        source.send(for: .milliseconds(120))
        #expect(!source.meter.isKnown(now: source.now))
    }
}
