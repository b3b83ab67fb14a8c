import Synchronization

/// What of a room is to be recorded, on its way from the worker's thread to the recorder's: a ring of bytes with one writer
/// and one reader. Writing neither allocates nor waits; when the reader is so far behind that there is no room, what comes is
/// counted and lost.
///
/// SAFETY: `@unchecked Sendable` because bytes between `tail` and `head` are touched by the reader alone, all others by the
/// writer alone, and both are told of it by the atomics: released after the bytes are done with, acquired before they are.
package final class RecordingRing: @unchecked Sendable {
    /// What an entry says besides its bytes.
    package struct Entry: BitwiseCopyable, Sendable {
        package enum Kind: UInt8, BitwiseCopyable, Sendable {
            /// A track begins: its bytes are the ids of the participant and of the user.
            case track
            case packet
            /// The sender's clock.
            case report
        }

        package var kind: Kind
        /// ``CallSource`` by its place in all cases, of a track.
        package var source: UInt8 = 0
        /// ``Codec`` of a packet, by ``Codec/recordingCode``.
        package var codec: UInt8 = 0
        package var hasMarker = false
        /// Numbers the tracks of a recording from 1.
        package var track: UInt32
        package var ssrc: UInt32 = 0
        package var timestamp: UInt32 = 0
        /// Unwrapped.
        package var sequence: Int64 = 0
        /// Of the worker's clock.
        package var arrival: Int64 = 0
        package var ntp: UInt64 = 0

        /// An entry that says no more yet.
        package init(kind: Kind, track: UInt32) {
            self.kind = kind
            self.track = track
        }
    }

    /// The first eight bytes of an entry: how many bytes follow it, or that the rest up to the end is empty.
    private static let isEmptyRest: UInt64 = .max
    private static let headByteCount = 8 + MemoryLayout<Entry>.stride

    private let memory: UnsafeMutableRawPointer
    private let byteCount: Int
    private let head = Atomic<Int>(0)
    private let tail = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)

    /// - Parameter byteCount: a power of two. 8 MB are a second of 25 cameras.
    package init(byteCount: Int = 8 * 1024 * 1024) {
        precondition(byteCount >= 4096 && byteCount & (byteCount - 1) == 0, "A ring is a power of two long.")
        self.byteCount = byteCount
        memory = .allocate(byteCount: byteCount, alignment: 8)
    }

    deinit { memory.deallocate() }

    /// Entries for which there was no room.
    package var droppedCount: Int { dropped.load(ordering: .relaxed) }

    /// For the writer's thread. Answers whether there was room.
    @discardableResult
    package func write(_ entry: Entry, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let needed = Self.rounded(Self.headByteCount + bytes.count)
        var position = head.load(ordering: .relaxed)
        let free = byteCount - (position - tail.load(ordering: .acquiring))
        let rest = byteCount - position & (byteCount - 1)
        guard needed + (needed > rest ? rest : 0) <= free else {
            dropped.add(1, ordering: .relaxed)
            return false
        }
        if needed > rest {
            memory.storeBytes(of: Self.isEmptyRest, toByteOffset: position & (byteCount - 1), as: UInt64.self)
            position += rest
        }
        let offset = position & (byteCount - 1)
        memory.storeBytes(of: UInt64(bytes.count), toByteOffset: offset, as: UInt64.self)
        memory.storeBytes(of: entry, toByteOffset: offset + 8, as: Entry.self)
        if let base = bytes.baseAddress {
            memory.advanced(by: offset + Self.headByteCount).copyMemory(from: base, byteCount: bytes.count)
        }
        head.store(position + needed, ordering: .releasing)
        return true
    }

    /// For the reader's thread: the oldest entry, if there is one.
    package func read(_ body: (Entry, UnsafeRawBufferPointer) -> Void) -> Bool {
        var position = tail.load(ordering: .relaxed)
        let end = head.load(ordering: .acquiring)
        guard position < end else { return false }
        var count = memory.load(fromByteOffset: position & (byteCount - 1), as: UInt64.self)
        if count == Self.isEmptyRest {
            position += byteCount - position & (byteCount - 1)
            count = memory.load(fromByteOffset: position & (byteCount - 1), as: UInt64.self)
        }
        let offset = position & (byteCount - 1)
        let entry = memory.load(fromByteOffset: offset + 8, as: Entry.self)
        body(
            entry,
            UnsafeRawBufferPointer(start: memory.advanced(by: offset + Self.headByteCount), count: Int(count)))
        tail.store(position + Self.rounded(Self.headByteCount + Int(count)), ordering: .releasing)
        return true
    }

    private static func rounded(_ count: Int) -> Int { (count + 7) & ~7 }
}
