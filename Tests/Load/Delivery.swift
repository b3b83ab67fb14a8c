/// What a run has delivered so far. Every subscriber must get every frame of every channel once and in order.
struct Delivery {
    let schedule: Schedule
    private let readerCount: Int
    /// `nil`: in any order.
    private let channelCount: Int?
    /// The frame that comes next, for each subscriber and channel; empty without an order.
    private var next: [UInt32] = []
    /// Without an order, which have come: for each frame its subscribers, who get it one after the other.
    private var hasCome: [Bool] = []
    private(set) var latencies = LatencySamples()
    /// How many frames have not arrived yet.
    private(set) var missing: Int
    /// When the last subscriber so far got each frame.
    private var lastArrivals: [Int64]
    /// When the last of all frames came, in nanoseconds of CLOCK_MONOTONIC.
    private(set) var lastReceived: Int64 = 0

    /// - Parameters:
    ///   - subscribers: how many count; those with higher numbers do not.
    ///   - channels: frame n is of channel n modulo this; `nil` where frames may come in any order.
    init(of schedule: Schedule, to subscribers: Int, channels: Int?) {
        self.schedule = schedule
        readerCount = subscribers
        channelCount = channels
        if let channels {
            next = (0..<(subscribers * channels)).map { UInt32($0 % channels) }
        } else {
            hasCome = Array(repeating: false, count: subscribers * schedule.count)
        }
        missing = schedule.count * subscribers
        lastArrivals = Array(repeating: 0, count: schedule.count)
        latencies.reserve(missing)
    }

    /// A subscriber got the frame of that number. Its latency counts from when it was due, not from when it was sent: a
    /// publisher that is held up does not hide how late its frames are.
    /// - Throws: ``LoadFailure`` if it is not the next of its channel, or came before: one was lost, doubled, or overtaken.
    mutating func receive(_ number: Int, subscriber: Int, at now: Int64) throws {
        guard subscriber < readerCount else { return }
        guard number < schedule.count else {
            throw LoadFailure("Subscriber \(subscriber) got frame \(number).")
        }
        if let channelCount {
            let place = subscriber * channelCount + number % channelCount
            guard number == next[place] else {
                throw LoadFailure(
                    "Subscriber \(subscriber) got frame \(number) when \(next[place]) was next.")
            }
            next[place] += UInt32(channelCount)
        } else {
            let place = number * readerCount + subscriber
            guard !hasCome[place] else {
                throw LoadFailure("Subscriber \(subscriber) got frame \(number) twice.")
            }
            hasCome[place] = true
        }
        missing -= 1
        latencies.add(nanoseconds: now - schedule.due(number))
        lastArrivals[number] = now
        lastReceived = now
    }

    /// The frame that a subscriber of one channel is to get next.
    func next(of subscriber: Int) -> Int? {
        channelCount == 1 && subscriber < next.count ? Int(next[subscriber]) : nil
    }

    /// From when a frame was due until the last subscriber had it, for each frame from the given one on.
    func untilLast(from first: Int = 0) -> LatencySamples {
        var samples = LatencySamples()
        for number in first..<schedule.count {
            samples.add(nanoseconds: lastArrivals[number] - schedule.due(number))
        }
        return samples
    }
}
