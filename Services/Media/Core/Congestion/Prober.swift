package import MediaSecurity

/// What a cluster of packets has measured, in bits/s.
package struct ProbeResult: Hashable, Sendable {
    /// At which the cluster was sent.
    package let sentBitrate: Int
    /// At which it arrived, what the link loses of itself added.
    package let receivedBitrate: Int

    /// Whether it arrived slower than it was sent, by more than jitter explains: the link can carry no more.
    package let isLinkFull: Bool

    package init(sentBitrate: Int, receivedBitrate: Int, isLinkFull: Bool) {
        self.sentBitrate = sentBitrate
        self.receivedBitrate = receivedBitrate
        self.isLinkFull = isLinkFull
    }
}

/// Finds out whether a link carries more than is sent now: for a moment it fills the sending up to a higher rate with
/// padding, and measures at which rate that arrives. At the start at 3 and 6 times the estimate; later, while more is wanted
/// than the estimate allows, at 1.5 times every few seconds, and at once higher while it succeeds. Owned by what sends.
package struct Prober: Sendable {
    /// Of the estimate at the start.
    package static let startFactors = [3.0, 6.0]
    /// Of the estimate, later; and of what was measured, after a success.
    package static let factor = 1.5
    package static let successFactor = 2.0
    /// Between the end of one that did not succeed and the next.
    package static let interval = Duration.seconds(3)
    /// After one that found more than the estimate by this factor, and yet less than it tried.
    package static let retryInterval = Duration.seconds(1)
    package static let progress = 1.2
    /// How long a cluster is sent, more where delay varies much.
    package static let duration = Duration.milliseconds(50)...Duration.milliseconds(200)
    package static let leastPacketCount = 6
    /// After the last packet was sent, results are waited for so long.
    package static let timeout = Duration.seconds(1)
    /// A cluster of which less is reported received measures nothing.
    private static let leastShare = 0.5
    /// How much slower a cluster may arrive on a link that is not full; more by the share that jitter has of its length.
    private static let tolerance = 0.1
    /// How much more than what is wanted is probed for, so that the layers' headroom is found too.
    package static let wantedHeadroom = 1.3

    private struct Cluster {
        let id: Int32
        let bitrate: Double
        let start: MediaTime
        let end: MediaTime
        var sentCount = 0
        var sentByteCount = 0
        var firstSent: MediaTime?
        var lastSent: MediaTime?
        var lastByteCount = 0
        var isSent = false
        var settledCount = 0
        var receivedCount = 0
        var receivedByteCount = 0
        var arrivalSpan: (first: MediaTime, last: MediaTime, firstByteCount: Int)?
    }

    private var cluster: Cluster?
    private var nextID: Int32 = 0
    private var nextStart: MediaTime?
    private var startIndex = 0
    private var successBitrate: Double?

    /// The first cluster is sent as soon as more is wanted than the estimate.
    package init() {}

    /// The cluster that packets sent now belong to.
    package var active: Int32? { cluster.flatMap { $0.isSent ? nil : $0.id } }

    /// Whether a cluster is being sent or its results are waited for.
    package var isWaiting: Bool { cluster != nil }

    /// When ``padding(now:)`` or ``update(target:wanted:jitter:ownLoss:now:)`` has something to do again, if nothing is
    /// sent or reported until then.
    package func due(after now: MediaTime) -> MediaTime? {
        guard let cluster else { return nextStart }
        return cluster.isSent ? (cluster.lastSent ?? cluster.end) + Self.timeout : now + .milliseconds(5)
    }

    /// Begins and ends clusters.
    ///
    /// - Parameters:
    ///   - target: the estimate now, in bits/s.
    ///   - wanted: what would be sent if the link carried everything, in bits/s.
    ///   - jitter: how much delay varies; a cluster lasts several times that.
    ///   - ownLoss: what the link loses of itself, 0–1.
    ///   - isQuiet: whether the queues are short; with long ones nothing is begun.
    /// - Returns: what a cluster measured, once.
    package mutating func update(
        target: Int, wanted: Int, jitter: Duration, ownLoss: Double, isQuiet: Bool, now: MediaTime
    ) -> ProbeResult? {
        if let cluster {
            guard isDone(cluster, now: now) else { return nil }
            self.cluster = nil
            return conclude(cluster, target: Double(target), jitter: jitter, ownLoss: ownLoss, now: now)
        }
        guard Double(wanted) * Self.wantedHeadroom > Double(target) * 1.05 else {
            (successBitrate, startIndex) = (nil, Self.startFactors.count)
            return nil
        }
        if let nextStart, now < nextStart { return nil }
        guard isQuiet else { return nil }
        begin(target: Double(target), wanted: Double(wanted), jitter: jitter, now: now)
        return nil
    }

    /// The estimate fell: what was found before is no longer true. The next cluster waits until queues are empty again.
    package mutating func reset(now: MediaTime) {
        successBitrate = nil
        startIndex = Self.startFactors.count
        nextStart = now + .seconds(2)
    }

    /// How many bytes of padding should leave now, so that the cluster is sent at its rate; 0 when none is.
    package func padding(now: MediaTime) -> Int {
        guard let cluster, !cluster.isSent else { return 0 }
        let planned = cluster.bitrate / 8 * ((now - cluster.start) / .seconds(1))
        return max(0, Int(planned) - cluster.sentByteCount)
    }

    /// A packet was sent, media or padding.
    package mutating func sent(byteCount: Int, now: MediaTime) {
        guard var running = cluster, !running.isSent else { return }
        running.sentCount += 1
        running.sentByteCount += byteCount
        if running.firstSent == nil { running.firstSent = now }
        (running.lastSent, running.lastByteCount) = (now, byteCount)
        if now >= running.end, running.sentCount >= Self.leastPacketCount { running.isSent = true }
        cluster = running
    }

    /// A packet was reported on.
    package mutating func receive(_ result: PacketResult) {
        guard var running = cluster, result.cluster == running.id else { return }
        if !result.wasReportedLost { running.settledCount += 1 }
        if let arrival = result.arrival {
            running.receivedCount += 1
            running.receivedByteCount += result.byteCount
            let span = running.arrivalSpan ?? (arrival, arrival, result.byteCount)
            running.arrivalSpan =
                arrival < span.first
                ? (arrival, span.last, result.byteCount) : (span.first, max(span.last, arrival), span.firstByteCount)
        }
        cluster = running
    }

    private func isDone(_ cluster: Cluster, now: MediaTime) -> Bool {
        if cluster.isSent, cluster.settledCount >= cluster.sentCount { return true }
        return now >= (cluster.lastSent ?? cluster.end) + Self.timeout
    }

    private mutating func begin(target: Double, wanted: Double, jitter: Duration, now: MediaTime) {
        let bitrate: Double
        if let successBitrate {
            bitrate = Self.successFactor * successBitrate
        } else if startIndex < Self.startFactors.count {
            bitrate = Self.startFactors[startIndex] * Double(BandwidthEstimator.start)
        } else {
            bitrate = Self.factor * target
        }
        let limited = min(max(bitrate, 1.1 * target), max(Self.wantedHeadroom * wanted, 1.1 * target))
        let lasting = min(max(jitter * 8, Self.duration.lowerBound), Self.duration.upperBound)
        cluster = Cluster(
            id: nextID, bitrate: min(limited, Double(BandwidthEstimator.maximum)), start: now, end: now + lasting)
        nextID = nextID == Int32.max ? 0 : nextID + 1
    }

    private mutating func conclude(
        _ cluster: Cluster, target: Double, jitter: Duration, ownLoss: Double, now: MediaTime
    ) -> ProbeResult? {
        let result = measure(cluster, jitter: jitter, ownLoss: ownLoss)
        let isFound = result.map { !$0.isLinkFull } ?? false
        startIndex += isFound ? 1 : Self.startFactors.count
        successBitrate = isFound && startIndex >= Self.startFactors.count ? cluster.bitrate : nil
        // One that ended between what was known and what was tried, or whose feedback was lost, is tried again soon.
        let isProgress = result.map { Double($0.receivedBitrate) > Self.progress * target } ?? false
        let isCutShort = cluster.settledCount < cluster.sentCount
        nextStart = isFound ? now : now + (isProgress || isCutShort ? Self.retryInterval : Self.interval)
        return result
    }

    /// The first packet's bytes came before the time that is measured, and the last one's left after it.
    private func measure(_ cluster: Cluster, jitter: Duration, ownLoss: Double) -> ProbeResult? {
        guard let firstSent = cluster.firstSent, let lastSent = cluster.lastSent, let arrival = cluster.arrivalSpan,
            cluster.receivedCount >= Self.leastPacketCount / 2,
            Double(cluster.receivedCount) >= Self.leastShare * Double(cluster.sentCount)
        else { return nil }
        let sentSeconds = (lastSent - firstSent) / .seconds(1)
        let arrivalSeconds = (arrival.last - arrival.first) / .seconds(1)
        guard sentSeconds > 0.001, arrivalSeconds > 0.001, arrivalSeconds < 2 else { return nil }
        let sentBits = Double(cluster.sentByteCount - cluster.lastByteCount) * 8
        // What the link loses of itself did cross it, as did one packet of so few; more than that, a full queue has dropped.
        let forgiven = min(
            Double(cluster.settledCount - cluster.receivedCount), 1 + 1.5 * ownLoss * Double(cluster.settledCount))
        let packetByteCount = Double(cluster.receivedByteCount) / Double(cluster.receivedCount)
        let arrivedBits =
            (Double(cluster.receivedByteCount - arrival.firstByteCount) + max(0, forgiven) * packetByteCount) * 8
        let (sentBitrate, receivedBitrate) = (sentBits / sentSeconds, arrivedBits / arrivalSeconds)
        let tolerance = Self.tolerance + min(jitter / .seconds(1) / sentSeconds, 2 * Self.tolerance)
        return ProbeResult(
            sentBitrate: Int(sentBitrate), receivedBitrate: Int(receivedBitrate),
            isLinkFull: receivedBitrate < (1 - tolerance) * sentBitrate)
    }
}
