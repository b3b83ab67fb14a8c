import MediaSecurity

/// Tells from the growth of delay whether a queue on the way grows: the slope of the delay over the last bursts, against a
/// threshold that adapts to what is usual on this way (Carlucci et al., "Congestion Control for Web Real-Time
/// Communication", 2017, §III). Part of the ``BandwidthEstimator``.
struct DelayTrend: Sendable {
    enum Usage: Sendable { case normal, over, under }

    /// Packets sent within this time are one burst.
    private static let burst = 5.0
    /// How many differences between bursts the slope is of.
    static let windowCount = 20
    private static let smoothing = 0.9
    private static let gain = 4.0
    private static let gainCountLimit = 60.0
    /// How long, in ms, the slope has to be beyond the threshold.
    private static let patience = 10.0
    private static let thresholds = 6.0...600.0
    private static let thresholdRise = 0.0087
    private static let thresholdFall = 0.039
    /// A difference this far beyond the threshold is a jump of the route, and no measure of what is usual.
    private static let outlier = 15.0
    /// A queue is told by its growth, but a growth that has not made one of this many ms is noise.
    static let noiseDelay = 8.0

    private struct Burst {
        var firstSent: Double
        var lastSent: Double
        var firstArrival: Double
        var lastArrival: Double
    }

    private var current: Burst?
    private var previous: Burst?
    private var origin: Int64?
    private var samples = [(x: Double, y: Double)](repeating: (0, 0), count: Self.windowCount)
    private var sampleCount = 0
    private var accumulated = 0.0
    private var smoothed = 0.0
    private var threshold = 12.5
    private var lastAdapted: Double?
    private var overTime: Double?
    private var lastSlope = 0.0
    /// The least one-way delay in two spans of time, whose minimum stands for an empty queue.
    private var floors = (old: Double.infinity, new: Double.infinity, since: 0.0)
    private static let floorSpan = 20_000.0

    private(set) var usage = Usage.normal
    /// Of the last packets beyond the least of the last 20–40 s: what waits in queues, in ms.
    private(set) var queueDelay = 0.0
    /// The mean difference of delay between bursts, in ms.
    private(set) var jitter = 0.0

    /// A packet arrived. In the order of sending; one that was overtaken may come late.
    mutating func receive(sent: MediaTime, arrival: MediaTime) {
        let zero = origin ?? sent.nanoseconds
        origin = zero
        let sentTime = Double(sent.nanoseconds - zero) / 1e6
        let arrivalTime = Double(arrival.nanoseconds - zero) / 1e6
        noteQueue(arrivalTime - sentTime, at: sentTime)
        guard var burst = current else {
            current = Burst(
                firstSent: sentTime, lastSent: sentTime, firstArrival: arrivalTime, lastArrival: arrivalTime)
            return
        }
        guard sentTime >= burst.firstSent else { return }
        if sentTime - burst.firstSent <= Self.burst || isPileUp(burst, sentTime, arrivalTime) {
            burst.lastSent = sentTime
            burst.lastArrival = max(burst.lastArrival, arrivalTime)
            current = burst
            return
        }
        if let previous { compare(previous, burst) }
        previous = burst
        current = Burst(
            firstSent: sentTime, lastSent: sentTime, firstArrival: arrivalTime, lastArrival: arrivalTime)
    }

    /// A packet of a probe arrived: the queue it makes is of our own doing, and the next burst begins the comparison anew.
    mutating func receiveProbe(sent: MediaTime, arrival: MediaTime) {
        let zero = origin ?? sent.nanoseconds
        origin = zero
        noteQueue(Double(arrival.nanoseconds - sent.nanoseconds) / 1e6, at: Double(sent.nanoseconds - zero) / 1e6)
        (current, previous) = (nil, nil)
    }

    /// Packets that waited somewhere together and arrive at once tell nothing about the time between them.
    private func isPileUp(_ burst: Burst, _ sentTime: Double, _ arrivalTime: Double) -> Bool {
        let arrivalGap = arrivalTime - burst.lastArrival
        return arrivalGap >= 0 && arrivalGap <= Self.burst && arrivalGap < sentTime - burst.lastSent
            && arrivalTime - burst.firstArrival < 100
    }

    private mutating func noteQueue(_ delay: Double, at time: Double) {
        if time - floors.since > Self.floorSpan { floors = (floors.new, delay, time) }
        floors.new = min(floors.new, delay)
        let queued = delay - min(floors.old, floors.new)
        queueDelay += 0.1 * (queued - queueDelay)
    }

    /// What is the delay now counts as that of an empty queue.
    mutating func forgetFloor() {
        floors = (.infinity, .infinity, floors.since)
        queueDelay = 0
    }

    private mutating func compare(_ before: Burst, _ after: Burst) {
        let sentGap = after.lastSent - before.lastSent
        let arrivalGap = after.lastArrival - before.lastArrival
        // A pause, or a clock that was set: what went before says nothing about what comes.
        guard arrivalGap > -1_000, abs(arrivalGap - sentGap) < 3_000 else {
            reset()
            return forgetFloor()
        }
        let difference = arrivalGap - sentGap
        jitter += 0.05 * (abs(difference) - jitter)
        accumulated += difference
        smoothed = Self.smoothing * smoothed + (1 - Self.smoothing) * accumulated
        samples[sampleCount % Self.windowCount] = (after.lastArrival, smoothed)
        sampleCount += 1
        guard sampleCount >= Self.windowCount else { return }
        judge(slope(), sentGap: sentGap, at: after.lastArrival)
    }

    private mutating func reset() {
        (sampleCount, accumulated, smoothed, usage, overTime, lastSlope) = (0, 0, 0, .normal, nil, 0)
    }

    /// By least squares over the window; 1 means that delay grows as fast as time passes.
    private func slope() -> Double {
        var (sumX, sumY) = (0.0, 0.0)
        for sample in samples {
            sumX += sample.x
            sumY += sample.y
        }
        let (meanX, meanY) = (sumX / Double(Self.windowCount), sumY / Double(Self.windowCount))
        var (numerator, denominator) = (0.0, 0.0)
        for sample in samples {
            numerator += (sample.x - meanX) * (sample.y - meanY)
            denominator += (sample.x - meanX) * (sample.x - meanX)
        }
        return denominator > 0 ? numerator / denominator : 0
    }

    private mutating func judge(_ slope: Double, sentGap: Double, at time: Double) {
        let amplified = slope * Self.gain * min(Double(sampleCount), Self.gainCountLimit)
        if amplified > threshold {
            let beyond = (overTime ?? 0) + (overTime == nil ? sentGap / 2 : sentGap)
            overTime = beyond
            if beyond > Self.patience, slope >= lastSlope, queueDelay > Self.noiseDelay { usage = .over }
        } else {
            overTime = nil
            usage = amplified < -threshold ? .under : .normal
        }
        lastSlope = slope
        adapt(to: amplified, at: time)
    }

    private mutating func adapt(to amplified: Double, at time: Double) {
        let elapsed = min(time - (lastAdapted ?? time), 100)
        lastAdapted = time
        guard abs(amplified) <= threshold + Self.outlier, elapsed > 0 else { return }
        let rate = abs(amplified) < threshold ? Self.thresholdFall : Self.thresholdRise
        threshold += rate * (abs(amplified) - threshold) * elapsed
        threshold = min(max(threshold, Self.thresholds.lowerBound), Self.thresholds.upperBound)
    }
}
