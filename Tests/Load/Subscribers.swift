import NIOCore
import NIOPosix

/// When each frame of a run is due.
struct Schedule {
    let start: NIODeadline
    let framesPerSecond: Int
    let count: Int

    /// When frame 0, 1, 2 … is due.
    func due(_ number: Int) -> NIODeadline {
        start + .nanoseconds(Int64(number) * 1_000_000_000 / Int64(framesPerSecond))
    }

    /// Returns when a frame is due, at once if it was due before.
    func wait(for number: Int, on eventLoop: any EventLoop) async throws {
        try await eventLoop.scheduleTask(deadline: due(number)) {}.futureResult.get()
    }
}

/// What the subscribers of one event loop have received.
///
/// SAFETY: `@unchecked Sendable` because all state is touched on its event loop only.
final class SubscriberTally: @unchecked Sendable {
    let eventLoop: any EventLoop
    private(set) var latencies = LatencySamples()
    private(set) var lastReceived = NIODeadline.uptimeNanoseconds(0)
    private var schedule: Schedule?
    private var missing = 0
    private var finished: EventLoopPromise<Void>?

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// From now on frames count. The promise is kept when all have come to the subscribers of this loop, and broken when
    /// one of their connections breaks.
    func expect(_ schedule: Schedule, subscribers: Int, _ finished: EventLoopPromise<Void>) {
        self.schedule = schedule
        self.finished = finished
        missing = schedule.count * subscribers
        latencies.reserve(missing)
        if missing == 0 { finished.succeed() }
    }

    /// A subscriber got its frame 0, 1, 2 … . Its latency counts from when it was due, not from when it was sent: a
    /// publisher that is held up does not hide how late its frames are.
    func receive(number: Int, at now: NIODeadline) {
        guard let schedule else { return fail(LoadFailure("A frame came before any was published.")) }
        latencies.add(nanoseconds: (now - schedule.due(number)).nanoseconds)
        lastReceived = now
        missing -= 1
        if missing == 0 { finished?.succeed() }
    }

    /// A connection broke.
    func fail(_ error: any Error) { finished?.fail(error) }
}

/// Many WebSockets that read the same channel, spread over the event loops of a group.
struct Subscribers {
    private let members: [(channel: any Channel, handler: SubscriberHandler)]
    private let tallies: [SubscriberTally]

    /// Opens them, a few at a time.
    /// - Parameter token: what each identifies with; `nil` where no more than the upgrade is needed.
    init(
        count: Int, host: String, port: Int, path: String, token: String?, group: MultiThreadedEventLoopGroup
    ) async throws {
        let tallies = group.makeIterator().map { SubscriberTally(eventLoop: $0) }
        var members: [(any Channel, SubscriberHandler)] = []
        for first in stride(from: 0, to: count, by: 50) {
            members += try await withThrowingTaskGroup(of: (any Channel, SubscriberHandler).self) { group in
                for number in first..<min(first + 50, count) {
                    let tally = tallies[number % tallies.count]
                    group.addTask {
                        try await Self.open(host: host, port: port, path: path, token: token, tally: tally)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        self.tallies = tallies
        self.members = members
    }

    private static func open(
        host: String, port: Int, path: String, token: String?, tally: SubscriberTally
    ) async throws -> (any Channel, SubscriberHandler) {
        let opened = tally.eventLoop.makePromise(of: Void.self)
        let handler = SubscriberHandler(path: path, token: token, tally: tally, opened: opened)
        do {
            let channel = try await ClientBootstrap(group: tally.eventLoop)
                .connectTimeout(.seconds(10))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler) }
                }
                .connect(host: host, port: port).get()
            try await opened.futureResult.get()
            return (channel, handler)
        } catch {
            opened.fail(error)
            throw error
        }
    }

    /// What a run delivered.
    struct Delivery {
        let frames: Int
        let latencies: LatencySamples
        let lastReceived: NIODeadline
    }

    /// Counts frames while `publish` runs and until every subscriber has all of them.
    /// - Throws: ``LoadFailure`` unless each gets exactly `schedule.count` frames, the last within 30 s.
    func receive(_ schedule: Schedule, while publish: () async throws -> Void) async throws -> Delivery {
        var deliveries: [EventLoopFuture<Void>] = []
        for tally in tallies {
            let finished = tally.eventLoop.makePromise(of: Void.self)
            let subscribers = members.count { $0.channel.eventLoop === tally.eventLoop }
            try await tally.eventLoop.submit { tally.expect(schedule, subscribers: subscribers, finished) }.get()
            tally.eventLoop.scheduleTask(deadline: schedule.due(schedule.count) + .seconds(30)) {
                finished.fail(LoadFailure("Some frames have not arrived 30 s after the last was due."))
            }
            deliveries.append(finished.futureResult)
        }
        try await publish()
        for delivery in deliveries { try await delivery.get() }
        // A frame too many would come now.
        try await Task.sleep(for: .milliseconds(200))
        return try await collect(schedule)
    }

    private func collect(_ schedule: Schedule) async throws -> Delivery {
        var latencies = LatencySamples()
        var lastReceived = NIODeadline.uptimeNanoseconds(0)
        for tally in tallies {
            let (own, last) = try await tally.eventLoop.submit { (tally.latencies, tally.lastReceived) }.get()
            latencies.add(own)
            lastReceived = max(lastReceived, last)
        }
        for (channel, handler) in members {
            let received = try await channel.eventLoop.submit { handler.received }.get()
            guard received == schedule.count else {
                throw LoadFailure("A subscriber got \(received) of \(schedule.count) frames.")
            }
        }
        return Delivery(frames: latencies.count, latencies: latencies, lastReceived: lastReceived)
    }
}
