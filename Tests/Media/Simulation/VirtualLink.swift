import MediaSecurity

/// Random numbers that a seed decides (SplitMix64): a run can be had again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Uniform in 0..<1.
    mutating func unit() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }
}

/// What a link is like.
struct LinkConditions: Sendable {
    /// In bits/s of RTP, headers of UDP and IP not counted; each from its time on, the first at 0.
    var rates: [(from: Duration, bitrate: Int)]
    /// A packet that would wait longer is dropped.
    var queue = Duration.milliseconds(250)
    /// One way.
    var delay = Duration.milliseconds(20)
    /// Up to so much more for each packet, evenly distributed; the order stays.
    var jitter = Duration.zero
    /// The share of packets that are 15 ms late and overtaken.
    var reordering = 0.0
    /// The share of packets lost after the queue, each by itself.
    var loss = 0.0
    /// Bursts of loss after the queue: how many begin a packet, and of how many packets they are in the mean.
    var burst: (begins: Double, length: Double) = (0, 1)
    /// The share of feedback lost on the way back.
    var feedbackLoss = 0.0

    init(_ bitrate: Int) { rates = [(.zero, bitrate)] }

    init(rates: [(from: Duration, bitrate: Int)]) { self.rates = rates }

    /// The share of packets lost in the mean.
    var meanLoss: Double {
        let inBurst = burst.begins * burst.length / (1 + burst.begins * burst.length)
        return 1 - (1 - loss) * (1 - inBurst)
    }
}

/// A queue with a rate, then a way with delay and faults. Seeded, so that every run is the same.
struct VirtualLink {
    private static let late = Duration.milliseconds(15)

    let conditions: LinkConditions
    private var random: SeededGenerator
    private var rateIndex = 0
    private var freeAt = MediaTime(nanoseconds: 0)
    private var lastArrival = MediaTime(nanoseconds: 0)
    private var isInBurst = false
    private(set) var overflowCount = 0

    init(_ conditions: LinkConditions, seed: UInt64) {
        self.conditions = conditions
        random = SeededGenerator(seed: seed)
    }

    var bitrate: Int { conditions.rates[rateIndex].bitrate }

    /// When a packet sent now arrives; `nil` if it does not.
    mutating func send(byteCount: Int, now: MediaTime) -> MediaTime? {
        follow(now)
        let begin = max(freeAt, now)
        guard begin - now <= conditions.queue else {
            overflowCount += 1
            return nil
        }
        freeAt = begin + .seconds(Double(byteCount) * 8 / Double(bitrate))
        let isLost = isLostOnTheWay()
        let isOvertaken = random.unit() < conditions.reordering
        var arrival = freeAt + conditions.delay + conditions.jitter * random.unit()
        if isOvertaken {
            arrival = arrival + Self.late
        } else {
            arrival = max(arrival, lastArrival)
            lastArrival = arrival
        }
        return isLost ? nil : arrival
    }

    /// When feedback sent now arrives; `nil` if it does not. The way back is never full.
    mutating func sendBack(now: MediaTime) -> MediaTime? {
        let isLost = random.unit() < conditions.feedbackLoss
        let arrival = now + conditions.delay + conditions.jitter * random.unit()
        return isLost ? nil : arrival
    }

    /// What waits in the queue keeps its bytes when the rate changes.
    private mutating func follow(_ now: MediaTime) {
        let elapsed = now - MediaTime(nanoseconds: 0)
        while rateIndex + 1 < conditions.rates.count, conditions.rates[rateIndex + 1].from <= elapsed {
            let before = Double(bitrate)
            rateIndex += 1
            if freeAt > now { freeAt = now + (freeAt - now) * (before / Double(bitrate)) }
        }
    }

    private mutating func isLostOnTheWay() -> Bool {
        if isInBurst {
            isInBurst = random.unit() >= 1 / conditions.burst.length
        } else {
            isInBurst = random.unit() < conditions.burst.begins
        }
        return isInBurst || random.unit() < conditions.loss
    }
}
