package import NIOCore

/// The commands of one connection that wait for their replies, first in, first out. Pure: time is given to it.
///
/// A reply belongs to the oldest command, so a command that timed out stays in the queue without its caller: its late
/// reply is matched and dropped, and the order never slips. All commands have the same deadline after they were sent,
/// so the callers time out in order too.
package struct PendingCommands<Caller> {
    /// What a reply means.
    package enum Received {
        /// The reply of a single command.
        case one(Caller, RedisValue)
        /// All replies of a pipeline.
        case all(Caller, [RedisValue])
        /// A part of a pipeline; more will come.
        case incomplete
        /// The caller was told already that it timed out.
        case dropped
        /// Nothing was asked: the connection cannot be trusted any more.
        case unexpected
    }

    private struct Entry {
        var caller: Caller?
        let commandCount: Int
        let byteCount: Int
        let deadline: NIODeadline
    }

    private let maximumCount: Int
    private let maximumByteCount: Int
    private var entries = CircularBuffer<Entry>()
    /// Entries at the front whose callers were told that they timed out.
    private var abandonedCount = 0
    /// Replies of the first entry so far.
    private var collected: [RedisValue] = []
    /// Commands without a reply.
    package private(set) var commandCount = 0
    /// Bytes of the commands whose pipeline is not answered whole.
    package private(set) var byteCount = 0

    /// An empty queue with its bounds.
    package init(maximumCount: Int, maximumByteCount: Int) {
        self.maximumCount = maximumCount
        self.maximumByteCount = maximumByteCount
    }

    /// Adds one command, or a pipeline of several that are answered together.
    /// - Returns: `false` when a bound would be crossed; then nothing was added.
    package mutating func append(_ caller: Caller, commandCount: Int, byteCount: Int, deadline: NIODeadline) -> Bool {
        guard self.commandCount + commandCount <= maximumCount, self.byteCount + byteCount <= maximumByteCount else {
            return false
        }
        entries.append(
            Entry(caller: caller, commandCount: commandCount, byteCount: byteCount, deadline: deadline))
        self.commandCount += commandCount
        self.byteCount += byteCount
        return true
    }

    /// Matches the next reply with the oldest command.
    package mutating func receive(_ value: RedisValue) -> Received {
        guard let first = entries.first else { return .unexpected }
        commandCount -= 1
        if first.commandCount == 1 {
            removeFirst()
            guard let caller = first.caller else { return .dropped }
            return .one(caller, value)
        }
        if collected.isEmpty { collected.reserveCapacity(first.commandCount) }
        collected.append(value)
        guard collected.count == first.commandCount else { return .incomplete }
        let values = collected
        collected = []
        removeFirst()
        guard let caller = first.caller else { return .dropped }
        return .all(caller, values)
    }

    /// Takes the callers whose deadline has come.
    package mutating func expire(now: NIODeadline) -> [Caller] {
        var callers: [Caller] = []
        while abandonedCount < entries.count {
            let index = entries.index(entries.startIndex, offsetBy: abandonedCount)
            guard entries[index].deadline <= now else { break }
            if let caller = entries[index].caller { callers.append(caller) }
            entries[index].caller = nil
            abandonedCount += 1
        }
        return callers
    }

    /// When the oldest command should have been answered; `nil` when none waits.
    package var oldestDeadline: NIODeadline? { entries.first?.deadline }

    /// When the next caller times out; `nil` when none waits.
    package var nextDeadline: NIODeadline? {
        guard abandonedCount < entries.count else { return nil }
        return entries[entries.index(entries.startIndex, offsetBy: abandonedCount)].deadline
    }

    /// Takes all callers, because the connection is gone.
    package mutating func removeAll() -> [Caller] {
        let callers = entries.compactMap(\.caller)
        self = Self(maximumCount: maximumCount, maximumByteCount: maximumByteCount)
        return callers
    }

    private mutating func removeFirst() {
        byteCount -= entries.removeFirst().byteCount
        abandonedCount = max(0, abandonedCount - 1)
    }
}
