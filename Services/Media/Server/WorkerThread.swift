import CDatagrams
import Contracts
import Glibc
import MediaCore
import MediaSecurity
import Synchronization

/// One thread with one UDP port and one ``Worker``: the loop that turns its purity into packets.
///
/// SAFETY: `@unchecked Sendable` because worker, sockets and coalescing are touched by the thread alone; others reach them
/// through the mailbox, which is locked.
final class WorkerThread: @unchecked Sendable {
    typealias Command = @Sendable (Worker, MediaTime) -> Void

    private struct Mailbox {
        var commands: [Command] = []
        var isStopping = false
    }

    /// Batches that are received before what they led to is sent.
    private static let batchesPerTurn = 4
    /// What `poll` takes at most when it finds something at once.
    private static let pollDuration = Duration.microseconds(20)

    private let worker: Worker
    private let socket: DatagramSocket
    /// `nil` when TCP is off.
    private let streams: StreamSockets?
    private let event: Int32
    private var coalescing = ReceiveCoalescing()
    private var usage = WorkerUsage()
    private let mailbox = Mutex(Mailbox())
    private let onNotices: @Sendable ([Notice]) -> Void

    /// Binds the ports. - Throws: ``SocketError``.
    init(
        port: UInt16, streamPort: UInt16?, configuration: WorkerConfiguration,
        onNotices: @escaping @Sendable ([Notice]) -> Void
    ) throws(SocketError) {
        socket = try DatagramSocket(port: port)
        if let streamPort { streams = try StreamSockets(port: streamPort) } else { streams = nil }
        worker = Worker(configuration: configuration, random: SystemRandomNumberGenerator())
        event = CDatagramsMakeEvent()
        precondition(event >= 0, "A process has room for one more descriptor.")
        self.onNotices = onNotices
    }

    deinit { close(event) }

    func start() {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<WorkerThread>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        precondition(result == 0, "A process may start a thread a core.")
        pthread_detach(thread)
    }

    /// Ends the thread after what it is doing.
    func stop() {
        mailbox.withLock { $0.isStopping = true }
        wake()
    }

    /// Has the thread run a piece of work between two batches of packets.
    func perform<Value: Sendable>(_ work: @escaping @Sendable (Worker, MediaTime) -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            post { worker, now in continuation.resume(returning: work(worker, now)) }
        }
    }

    /// What the thread has done, and what its worker says, at one moment between two batches.
    func look<Value: Sendable>(
        _ work: @escaping @Sendable (Worker, MediaTime) -> Value
    ) async -> (usage: WorkerUsage, value: Value) {
        await perform { [self] worker, now in
            usage.processorTime = WorkerUsage.processorTimeOfThread
            usage.unsentPackets = worker.outbox.droppedCount
            return (usage, work(worker, now))
        }
    }

    func post(_ command: @escaping Command) {
        mailbox.withLock { $0.commands.append(command) }
        wake()
    }

    private func wake() {
        var one: UInt64 = 1
        _ = write(event, &one, 8)
    }

    // MARK: The loop

    private func run() {
        var descriptors = [
            pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: event, events: Int16(POLLIN), revents: 0),
            // poll ignores a negative one.
            pollfd(fd: streams?.watch ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            let start = MediaTime.now
            poll(&descriptors, nfds_t(descriptors.count), timeoutMilliseconds(now: start))
            let woken = MediaTime.now
            if descriptors[1].revents != 0, !runCommands() { return }
            if descriptors[0].revents != 0 {
                coalescing.pause(hasWaited: woken - start > Self.pollDuration, now: woken)?.sleep()
                receive()
            }
            if let streams { turn(streams, isReady: descriptors[2].revents != 0) }
            worker.handleTimeout(now: .now)
            send()
            let notices = worker.takeNotices()
            if !notices.isEmpty { onNotices(notices) }
            usage.noteTurn(of: .now - woken)
        }
    }

    /// Rounded up, so that the deadline has passed when poll returns; -1 waits for whatever comes.
    private func timeoutMilliseconds(now: MediaTime) -> Int32 {
        guard let deadline = [worker.deadline, streams?.deadline].compactMap(\.self).min() else { return -1 }
        let nanoseconds = max(0, deadline.nanoseconds - now.nanoseconds)
        return Int32(clamping: (nanoseconds + 999_999) / 1_000_000)
    }

    private func receive() {
        for _ in 0..<Self.batchesPerTurn {
            let now = MediaTime.now
            let count = socket.receive { datagram, source in
                worker.receive(datagram, from: source, now: now)
                if worker.outbox.isNearlyFull { send() }
            }
            if count < DatagramSocket.batchCount { return }
        }
    }

    private func turn(_ streams: StreamSockets, isReady: Bool) {
        let now = MediaTime.now
        if isReady {
            streams.receive(now: now, isValid: worker.isValid) { datagram, source in
                worker.receive(datagram, from: source, now: now)
                if worker.outbox.isNearlyFull { send() }
            }
        }
        streams.sweep(now: now, isValid: worker.isValid)
        for ended in streams.takeEnded() { worker.forget(ended) }
    }

    private func send() {
        streams?.send(worker.outbox)
        let count = worker.outbox.entries.count
        usage.sentPackets += count + worker.outbox.streamEntries.count
        usage.sentBytes += worker.outbox.waitingByteCount
        if count > 0 {
            coalescing.record(sent: count, now: .now)
            socket.send(worker.outbox)
        }
        worker.outbox.removeAll()
    }

    /// `false` when the thread is to end.
    private func runCommands() -> Bool {
        var count: UInt64 = 0
        _ = read(event, &count, 8)
        let taken = mailbox.withLock { mailbox in
            defer { mailbox.commands = [] }
            return mailbox
        }
        for command in taken.commands { command(worker, .now) }
        return !taken.isStopping
    }
}

extension Duration {
    /// Has the calling thread rest for this long, of less than a second, or until a signal.
    fileprivate func sleep() {
        var time = timespec(tv_sec: 0, tv_nsec: Int(clamping: min(wholeNanoseconds, 999_999_999)))
        nanosleep(&time, nil)
    }
}

extension MediaTime {
    /// The system's monotonic clock.
    static var now: MediaTime {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MediaTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
