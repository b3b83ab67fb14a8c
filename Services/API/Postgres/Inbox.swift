import Glibc
import Synchronization

/// What other threads give to the poll thread, and how they wake it. The lock is held for a few instructions only.
final class Inbox: Sendable {
    struct Turn {
        var batches: [Batch] = []
        var connections: [(lane: Lane, slot: Int, connection: Result<Connection, ConnectFailure>)] = []
        var isShutDown = false
    }

    private struct State {
        var turn = Turn()
        /// True when something was given, or the shutdown began, after the last `take`.
        var hasChanged = false
        /// True while the poll thread is in, or about to enter, poll(2) with nothing to do: the only time a wake-up is
        /// written, so a busy loop costs its callers no system call.
        var isSleeping = false
    }

    private let state = Mutex(State())
    private let batchLimit: Int
    /// Becomes readable on a wake-up.
    let wakeDescriptor: Int32
    private let writeDescriptor: Int32

    init(batchLimit: Int) {
        self.batchLimit = batchLimit
        var descriptors: [Int32] = [-1, -1]
        precondition(pipe(&descriptors) == 0, "no file descriptors are left for the PostgreSQL pool")
        for descriptor in descriptors {
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        wakeDescriptor = descriptors[0]
        writeDescriptor = descriptors[1]
    }

    deinit {
        close(wakeDescriptor)
        close(writeDescriptor)
    }

    /// Gives a batch, or finishes it with `.shutDown` or `.queueFull`.
    func submit(_ batch: Batch) {
        var refusal: PostgresError?
        change { turn in
            if turn.isShutDown {
                refusal = .shutDown
            } else if turn.batches.count >= batchLimit {
                refusal = .queueFull
            } else {
                turn.batches.append(batch)
            }
        }
        if let refusal { batch.finish(.failure(refusal)) }
    }

    /// The end of a connection attempt.
    func connected(lane: Lane, slot: Int, _ connection: Result<Connection, ConnectFailure>) {
        change { $0.connections.append((lane, slot, connection)) }
    }

    /// From now on batches are refused.
    func shutDown() {
        change { $0.isShutDown = true }
    }

    private func change(_ body: (inout Turn) -> Void) {
        let mustWake = state.withLock { state in
            body(&state.turn)
            state.hasChanged = true
            defer { state.isSleeping = false }
            return state.isSleeping
        }
        // A full pipe is a wake-up that has not been read yet.
        if mustWake { _ = write(writeDescriptor, "w", 1) }
    }

    // Poll thread only, from here.

    /// Takes everything that was given.
    func take() -> Turn {
        state.withLock { state in
            state.hasChanged = false
            state.isSleeping = false
            defer {
                state.turn.batches = []
                state.turn.connections = []
            }
            return state.turn
        }
    }

    /// Call before waiting. False when something has been given since `take`: then do not wait.
    func sleepIfEmpty() -> Bool {
        state.withLock { state in
            state.isSleeping = !state.hasChanged
            return state.isSleeping
        }
    }

    func clearWakeUp() {
        var bytes: (UInt64, UInt64) = (0, 0)
        _ = read(wakeDescriptor, &bytes, MemoryLayout.size(ofValue: bytes))
    }
}
