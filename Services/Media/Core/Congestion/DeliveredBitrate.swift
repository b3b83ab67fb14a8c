import MediaSecurity

/// How much arrived at the receiver lately, by the times it arrived. Part of the ``BandwidthEstimator``.
struct DeliveredBitrate: Sendable {
    static let bucketMilliseconds: Int64 = 50
    /// With the one being filled.
    static let bucketCount = 11
    /// After so many the receiver's clock was set, or nothing came for long.
    private static let jump: Int64 = 100
    /// What has to have passed before there is a figure.
    static let least: Int64 = 4

    private var bytes = [Int](repeating: 0, count: Self.bucketCount)
    /// Of the newest arrival and of the first, in buckets since the clock's origin.
    private var newest: Int64?
    private var first: Int64 = 0

    mutating func receive(byteCount: Int, arrival: MediaTime) {
        let bucket = arrival.nanoseconds / (Self.bucketMilliseconds * 1_000_000)
        guard let last = newest, abs(bucket - last) < Self.jump else {
            for index in bytes.indices { bytes[index] = 0 }
            (newest, first) = (bucket, bucket)
            bytes[Self.index(bucket)] = byteCount
            return
        }
        guard bucket > last - Int64(Self.bucketCount) else { return }
        if bucket > last {
            for passed in max(last + 1, bucket - Int64(Self.bucketCount) + 1)...bucket { bytes[Self.index(passed)] = 0 }
            newest = bucket
        }
        bytes[Self.index(bucket)] += byteCount
    }

    /// So much arrived at unknown moments between two known ones.
    mutating func receive(byteCount: Int, from: MediaTime, to: MediaTime) {
        let width = Self.bucketMilliseconds * 1_000_000
        let count = min(max(1, (to.nanoseconds - from.nanoseconds) / width), Int64(Self.bucketCount))
        for index in 0..<count {
            receive(
                byteCount: byteCount / Int(count), arrival: MediaTime(nanoseconds: to.nanoseconds - index * width))
        }
    }

    /// In bits/s over the full buckets of the last 500 ms; `nil` at the beginning and after a pause.
    var bitrate: Int? {
        guard let newest, newest - first >= Self.least else { return nil }
        let count = min(newest - first, Int64(Self.bucketCount - 1))
        var sum = 0
        for bucket in (newest - count)..<newest { sum += bytes[Self.index(bucket)] }
        return sum * 8 * 1_000 / Int(count * Self.bucketMilliseconds)
    }

    /// The highest rate of the last 300 ms, over 100 ms: what the link carried while there was something to carry.
    var peakBitrate: Int? {
        guard let newest, newest - first >= Self.least else { return nil }
        var most = 0
        for bucket in (newest - min(newest - first, 6))..<(newest - 1) {
            most = max(most, bytes[Self.index(bucket)] + bytes[Self.index(bucket + 1)])
        }
        return most * 8 * 1_000 / Int(2 * Self.bucketMilliseconds)
    }

    private static func index(_ bucket: Int64) -> Int {
        let remainder = Int(bucket % Int64(bucketCount))
        return remainder < 0 ? remainder + bucketCount : remainder
    }
}
