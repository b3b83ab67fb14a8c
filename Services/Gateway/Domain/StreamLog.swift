package import Contracts

/// The recent events of one stream in order: drops what came before, holds what came early, says when something is missing,
/// and keeps a window of the last ones for those who come back. Owned by the stream table of a gateway.
///
/// Until ``begin(at:)`` has said where the stream stands nothing is delivered: the first event that happens to arrive may
/// be 6 before 5.
package struct StreamLog<Frame> {
    private struct Entry {
        let frame: Frame
        let byteCount: Int
        let arrival: Timestamp
        var hidesEarlier = false
    }

    /// The number of the last event delivered; `nil` until the stream's place is known.
    package private(set) var last: StreamSequence?
    /// The stream is known to have reached this place, delivered or not.
    package private(set) var reached: StreamSequence = 0
    /// Events that came before their turn.
    private var held: [StreamSequence: Entry] = [:]
    /// The last events, without a gap, up to `last`. Those before `windowStart` are only waiting to be let go together.
    private var window: [Entry] = []
    private var windowStart = 0
    /// Bytes of the window.
    package private(set) var byteCount = 0
    /// How often the window was cleared: what was fetched for it before may show what has been hidden since.
    package private(set) var clearCount = 0

    package init() {}

    /// Whether events that exist have not been delivered.
    package var isMissingEvents: Bool { last.map { $0 < reached } ?? false }

    /// The number of the first event of the window, or the one after the last if it is empty.
    package var windowBegin: StreamSequence? { last.map { $0 + 1 - StreamSequence(window.count - windowStart) } }

    // MARK: In

    /// The stream stands at `seq`: delivery begins after it. Answers what came early and may be delivered now.
    package mutating func begin(at seq: StreamSequence) -> [(seq: StreamSequence, frame: Frame)] {
        precondition(last == nil, "A stream begins once.")
        last = seq
        return takeContiguous()
    }

    /// An event arrived. Answers what may be delivered now, in order.
    /// - Parameter hidesEarlier: whether what came before it may not be given out any more.
    package mutating func receive(
        _ seq: StreamSequence, _ frame: Frame, byteCount: Int, hidesEarlier: Bool = false, now: Timestamp
    ) -> [(seq: StreamSequence, frame: Frame)] {
        reached = max(reached, seq)
        let entry = Entry(frame: frame, byteCount: byteCount, arrival: now, hidesEarlier: hidesEarlier)
        if let last {
            if seq <= last { return [] }
            // Also before its turn; once more then, for what comes between.
            if hidesEarlier { clearWindow() }
            if seq == last + 1 {
                append(entry)
                return held.isEmpty ? [(seq, frame)] : [(seq, frame)] + takeContiguous()
            }
        }
        // Past the bound the event is let go: it is missing like the others and comes with what mends them.
        if held.count < Limits.gapHeldCount { held[seq] = entry }
        return []
    }

    /// The stream is known to have come as far as `seq`.
    package mutating func note(reached seq: StreamSequence) { reached = max(reached, seq) }

    /// Gives up on everything up to `seq`: it is past the horizon and can no longer be fetched.
    package mutating func skip(to seq: StreamSequence) -> [(seq: StreamSequence, frame: Frame)] {
        guard let last, seq > last else { return [] }
        self.last = seq
        clearWindow()
        return takeContiguous()
    }

    /// Puts older events before the window; `frames` end just before ``windowBegin``.
    package mutating func prepend(_ frames: [(frame: Frame, byteCount: Int)], now: Timestamp) {
        window.replaceSubrange(
            0..<windowStart, with: frames.map { Entry(frame: $0.frame, byteCount: $0.byteCount, arrival: now) })
        windowStart = 0
        byteCount += frames.reduce(0) { $0 + $1.byteCount }
    }

    private mutating func takeContiguous() -> [(seq: StreamSequence, frame: Frame)] {
        guard let from = last else { return [] }
        if held.isEmpty { return [] }
        held = held.filter { $0.key > from }
        var taken: [(seq: StreamSequence, frame: Frame)] = []
        var next = from + 1
        while let entry = held.removeValue(forKey: next) {
            append(entry)
            taken.append((next, entry.frame))
            next += 1
        }
        return taken
    }

    private mutating func append(_ entry: Entry) {
        last = last.map { $0 + 1 }
        if entry.hidesEarlier { clearWindow() }
        window.append(entry)
        byteCount += entry.byteCount
        while window.count - windowStart > Limits.windowCount || byteCount > Limits.windowByteCount,
            windowStart < window.count
        {
            dropFirst()
        }
    }

    // MARK: Window

    /// What someone who knows everything up to a place has missed.
    package enum Missed {
        /// These, which may be none: after them everything live.
        case events([(seq: StreamSequence, frame: Frame)])
        /// More than the window has.
        case tooMany
        /// The place is ahead of what was delivered: it comes from elsewhere, or events are on their way.
        case ahead
    }

    /// What came after `seq`; `tooMany` until the stream's place is known.
    package func missed(after seq: StreamSequence) -> Missed {
        guard let last, let windowBegin else { return .tooMany }
        if seq == last { return .events([]) }
        if seq > last { return .ahead }
        guard seq + 1 >= windowBegin else { return .tooMany }
        let first = windowStart + Int(seq + 1 - windowBegin)
        return .events(
            window[first...].enumerated().map { (seq + 1 + StreamSequence($0.offset), $0.element.frame) })
    }

    /// Lets events go that arrived before `time`.
    package mutating func prune(before time: Timestamp) {
        while windowStart < window.count, window[windowStart].arrival < time { dropFirst() }
        if windowStart == window.count { clearWindow() }
    }

    package mutating func clearWindow() {
        clearCount += 1
        window = []
        windowStart = 0
        byteCount = 0
    }

    private mutating func dropFirst() {
        byteCount -= window[windowStart].byteCount
        windowStart += 1
        // Moved together only now and then, so that a full window costs nothing an event.
        if windowStart >= 64, windowStart * 2 >= window.count {
            window.removeFirst(windowStart)
            windowStart = 0
        }
    }
}
