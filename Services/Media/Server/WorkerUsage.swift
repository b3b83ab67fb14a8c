import CDatagrams
import Glibc

/// What a worker's thread has done since it began. Owned by the thread.
struct WorkerUsage: Sendable {
    /// The bounds of ``turns``, in milliseconds.
    static let turnBounds = [1, 5, 20, 100]

    var sentPackets = 0
    var sentBytes = 0
    /// Datagrams that found no room in the outbox.
    var unsentPackets = 0
    /// Of a processor.
    var processorTime = Duration.zero
    /// Turns of the loop by how long they took, from waking to having sent: what comes meanwhile waits so long. Those up
    /// to each bound, then those above the last.
    private(set) var turns = [Int](repeating: 0, count: Self.turnBounds.count + 1)
    private(set) var turnTime = Duration.zero

    mutating func noteTurn(of duration: Duration) {
        let milliseconds = duration / .milliseconds(1)
        turns[Self.turnBounds.firstIndex { milliseconds <= Double($0) } ?? Self.turnBounds.count] += 1
        turnTime += duration
    }

    /// What the calling thread has had of a processor.
    static var processorTimeOfThread: Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}

/// How busy workers are, between one look and the next.
struct WorkerBusyness {
    /// Looks that are closer together would measure what looking costs.
    private static let leastInterval = Duration.milliseconds(500)

    private var last: (usages: [WorkerUsage], at: ContinuousClock.Instant)?
    /// In thousandths of the time, by worker.
    private(set) var permille: [Int]
    /// Of all workers.
    private(set) var packetsPerSecond = 0

    init(workerCount: Int) {
        permille = Array(repeating: 0, count: workerCount)
    }

    var averagePermille: Int { permille.reduce(0, +) / max(1, permille.count) }

    mutating func look(at usages: [WorkerUsage], now: ContinuousClock.Instant) {
        guard let (before, at) = last else {
            last = (usages, now)
            return
        }
        let elapsed = at.duration(to: now)
        guard elapsed >= Self.leastInterval else { return }
        last = (usages, now)
        permille = zip(usages, before).map { Int(($0.processorTime - $1.processorTime) / elapsed * 1000) }
        let packets = zip(usages, before).reduce(0) { $0 + $1.0.sentPackets - $1.1.sentPackets }
        packetsPerSecond = Int(Double(packets) / (elapsed / .seconds(1)))
    }
}
