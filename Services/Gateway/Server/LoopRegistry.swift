import Contracts
import NIOCore
import ServiceKit
import Synchronization
import WebSocketCodec

/// What the stream table gives to one event loop.
enum LoopItem: Sendable {
    case event(PreparedEvent, StreamID, StreamSequence)
    case notice(EphemeralNotice)
    case reset(Cursor)
    /// A session joins streams: everything before this item is part of what it missed.
    case join(StreamSession, StreamTable.Joined)
}

/// The connections of one event loop, which streams they read, and the writing of events to them.
///
/// An event costs one `send` a reader and touches 12 bytes of memory for it: the reader's slot in a row, and its outlet. What
/// the socket does not take goes through the connection. Frames of a stream that come within ``Limits/fanoutHold`` of a
/// write wait until it has passed and leave together; the first goes at once.
///
/// SAFETY: `@unchecked Sendable` because all state but the mailbox is touched on its event loop only.
final class LoopRegistry: @unchecked Sendable {
    let index: Int
    let eventLoop: any EventLoop
    /// Runs what sessions await on the loop itself.
    let executor: LoopExecutor
    /// Shared by the connections of the loop: none keeps a state between messages.
    let inflater = MessageInflater()
    private let mailbox = Mutex<[LoopItem]>([])

    /// How live frames reach a connection.
    enum Mode {
        /// Nobody is here.
        case vacant
        /// Nothing live yet, or a reader that takes events one by one.
        case object
        /// The socket, with plain or with compressed frames.
        case plain, deflated
        /// Frames wait in the connection for its socket.
        case queued
    }

    private struct Outlet {
        var socket: CInt = -1
        var mode = Mode.vacant
    }

    /// A stream and the sessions that hold it on this loop.
    private struct Row {
        let stream: StreamID
        var holderCount = 0
        /// The slots of those who get what is live.
        var readers: ContiguousArray<Int32> = []
        /// Live events that are not written yet.
        var waiting: [(seq: StreamSequence, event: PreparedEvent)] = []
        /// When the frames that come now may be written.
        var nextWrite = NIODeadline.uptimeNanoseconds(0)
        var isDue = false
    }

    // By slot.
    private var outlets: ContiguousArray<Outlet> = []
    private var connections: ContiguousArray<Connection?> = []
    private var sessions: ContiguousArray<StreamSession?> = []
    private var vacantSlots: [Int32] = []

    // By row.
    private var rows: ContiguousArray<Row?> = []
    private var rowOfStream: [StreamID: Int32] = [:]
    private var vacantRows: [Int32] = []
    private var checkedSlot = 0
    /// Connections that have been accepted, oldest first, and when each must have said what it wants.
    private var openings: [(deadline: NIODeadline, handler: OpeningHandler)] = []

    /// Told when the first session of the loop holds a stream, and when the last lets it go.
    var retain: ([StreamID]) -> Void = { _ in }
    var release: ([StreamID]) -> Void = { _ in }

    init(index: Int, eventLoop: any EventLoop) {
        self.index = index
        self.eventLoop = eventLoop
        executor = LoopExecutor(eventLoop)
    }

    /// Checks deadlines of connections: one timer a loop instead of two a connection. Each is looked at every few seconds.
    func start() {
        eventLoop.execute { [self] in
            eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { [self] _ in check() }
        }
    }

    private func check() {
        let now = Timestamp.now
        let count = max(256, (connections.count + 7) / 8)
        for _ in 0..<min(count, connections.count) {
            if checkedSlot >= connections.count { checkedSlot = 0 }
            connections[checkedSlot]?.check(now: now)
            sessions[checkedSlot]?.check(now: now)
            checkedSlot += 1
        }
        let isOver = NIODeadline.now()
        let overCount = openings.firstIndex { $0.deadline > isOver } ?? openings.count
        for opening in openings[..<overCount] { opening.handler.expire() }
        openings.removeFirst(overCount)
    }

    /// A connection was accepted: it has so long to say what it wants.
    func expectOpening(_ handler: OpeningHandler) {
        openings.append((.now() + .nanoseconds(Limits.identifyTimeout.nanoseconds), handler))
    }

    // MARK: From other threads

    /// Gives the loop something to do. However much comes while it is busy, it is woken once.
    func put(_ items: [LoopItem]) {
        let isFirst = mailbox.withLock { mail in
            defer { mail += items }
            return mail.isEmpty
        }
        if isFirst, !items.isEmpty { eventLoop.execute { [self] in empty() } }
    }

    /// The sessions of this loop that are known, and whose they are.
    func knownSessions() -> EventLoopFuture<[(session: StreamSession, of: SessionOfUser)]> {
        eventLoop.submit { [self] in
            sessions.compactMap { session in
                guard let session, let user = session.userID, let id = session.sessionID else { return nil }
                return (session, SessionOfUser(userID: user, sessionID: id))
            }
        }
    }

    /// Tells every native connection to move, spread over a time so that they do not all come back at once.
    func moveAll(over spread: Duration, deadline: Duration) {
        eventLoop.execute { [self] in
            let all = connections.compactMap { $0 }
            let pause = spread.nanoseconds / Int64(max(1, all.count))
            for (position, connection) in all.enumerated() {
                eventLoop.scheduleTask(in: .nanoseconds(pause * Int64(position))) {
                    connection.move(deadline: deadline)
                }
            }
        }
    }

    /// Closes everything that is left. A few at a time: closing thousands of sockets in one turn would stall the loop.
    func closeAll(_ code: CloseCode) {
        eventLoop.execute { [self] in closeSome(code, from: 0) }
    }

    private func closeSome(_ code: CloseCode, from slot: Int) {
        let end = min(slot + 64, connections.count)
        for slot in slot..<max(slot, end) {
            connections[slot]?.close(code)
            sessions[slot]?.reader.close(code)
        }
        if end < connections.count { eventLoop.execute { [self] in closeSome(code, from: end) } }
    }

    // MARK: Slots

    /// A place for a connection, or for a reader of another dialect, which has no socket of its own.
    func open(_ connection: Connection?) -> Int32 {
        if let slot = vacantSlots.popLast() {
            outlets[Int(slot)].mode = .object
            connections[Int(slot)] = connection
            return slot
        }
        outlets.append(Outlet(mode: .object))
        connections.append(connection)
        sessions.append(nil)
        return Int32(outlets.count - 1)
    }

    func attach(_ session: StreamSession, to slot: Int32) { sessions[Int(slot)] = session }

    /// From now on live frames go to the socket, or to the connection if it is `queued`.
    func setMode(_ mode: Mode, socket: CInt, of slot: Int32) {
        outlets[Int(slot)] = Outlet(socket: socket, mode: mode)
    }

    /// The connection has gone: its socket's number may be another's at once, so nothing is sent to it any more.
    func close(_ slot: Int32) {
        sessions[Int(slot)]?.end()
        outlets[Int(slot)] = Outlet()
        connections[Int(slot)] = nil
        sessions[Int(slot)] = nil
        vacantSlots.append(slot)
    }

    // MARK: Rows

    /// Where a session is in a row: `position` among its readers, or -1 while it does not get what is live.
    struct Place {
        let row: Int32
        var position: Int32 = -1
        /// Which of the session's flows brings it up to date.
        var flow: Int32
    }

    /// A session holds streams. Answers their rows.
    func hold(_ streams: [StreamID], flow: Int32) -> [Place] {
        var fresh: [StreamID] = []
        let places = streams.map { stream in
            let row = rowOfStream[stream] ?? makeRow(stream)
            rows[Int(row)]?.holderCount += 1
            if rows[Int(row)]?.holderCount == 1 { fresh.append(stream) }
            return Place(row: row, flow: flow)
        }
        if !fresh.isEmpty { retain(fresh) }
        return places
    }

    /// A session lets streams go.
    func letGo(_ places: some Sequence<Place>) {
        var released: [StreamID] = []
        for place in places {
            let row = Int(place.row)
            if place.position >= 0 { removeReader(at: place) }
            rows[row]?.holderCount -= 1
            guard let left = rows[row], left.holderCount == 0 else { continue }
            released.append(left.stream)
            rowOfStream[left.stream] = nil
            rows[row] = nil
            vacantRows.append(place.row)
        }
        if !released.isEmpty { release(released) }
    }

    func stream(of place: Place) -> StreamID {
        guard let row = rows[Int(place.row)] else { preconditionFailure("A place that is held has a row.") }
        return row.stream
    }

    /// The row of a stream that somebody holds.
    func row(of stream: StreamID) -> Int32? { rowOfStream[stream] }

    /// From now on the session gets what is live. Answers its position among the row's readers. What waits is part of what
    /// it has missed, so ``writeWaiting(in:)`` comes before.
    func addReader(_ slot: Int32, to row: Int32) -> Int32 {
        let position = Int32(rows[Int(row)]?.readers.count ?? 0)
        rows[Int(row)]?.readers.append(slot)
        return position
    }

    /// Writes what waits in a row to those who read it already. A socket that dies of it changes the places of others.
    func writeWaiting(in row: Int32) { write(row) }

    /// The last reader takes the place of the one who goes, so that many who go at once cost no more than each alone.
    private func removeReader(at place: Place) {
        let (row, position) = (Int(place.row), Int(place.position))
        guard let last = rows[row]?.readers.popLast() else { return }
        guard let count = rows[row]?.readers.count, position < count else { return }
        rows[row]?.readers[position] = last
        sessions[Int(last)]?.moved(in: place.row, to: place.position)
    }

    private func makeRow(_ stream: StreamID) -> Int32 {
        let row: Int32
        if let vacant = vacantRows.popLast() {
            row = vacant
            rows[Int(row)] = Row(stream: stream)
        } else {
            row = Int32(rows.count)
            rows.append(Row(stream: stream))
        }
        rowOfStream[stream] = row
        return row
    }

    // MARK: Events

    private func empty() {
        let items = mailbox.withLock { mail in
            defer { mail = [] }
            return mail
        }
        let now = NIODeadline.now()
        var due: [Int32] = []
        for item in items {
            switch item {
            case .event(let event, let stream, let seq):
                guard let row = rowOfStream[stream] else { continue }
                if case .user = stream {
                    // Few readers, and an effect may change what they read.
                    for slot in rows[Int(row)]?.readers ?? [] { sessions[Int(slot)]?.receive(event, stream, seq) }
                } else {
                    wait(event, seq, row, now, &due)
                }
            case .notice(let notice): deliver(notice)
            case .reset(let place):
                guard let row = rowOfStream[place.stream] else { continue }
                write(row)
                for slot in rows[Int(row)]?.readers ?? [] { sessions[Int(slot)]?.reader.sendReset(place) }
            case .join(let session, let joined): session.receive(joined)
            }
        }
        for row in due { write(row) }
    }

    /// Puts an event to those of its stream that are to be written, in this turn or at the end of their hold.
    private func wait(
        _ event: PreparedEvent, _ seq: StreamSequence, _ row: Int32, _ now: NIODeadline, _ due: inout [Int32]
    ) {
        rows[Int(row)]?.waiting.append((seq, event))
        guard let state = rows[Int(row)], !state.isDue else { return }
        rows[Int(row)]?.isDue = true
        if now >= state.nextWrite {
            due.append(row)
        } else {
            eventLoop.scheduleTask(deadline: state.nextWrite) { [self] in write(row) }
        }
    }

    /// Writes what waits in a row to its readers.
    private func write(_ index: Int32) {
        guard let row = rows[Int(index)], !row.waiting.isEmpty else { return }
        rows[Int(index)]?.waiting = []
        rows[Int(index)]?.isDue = false
        guard !row.readers.isEmpty else { return }
        let frames = FrameBatch(row.waiting.map(\.event))
        for slot in row.readers { write(frames, to: slot, row) }
        rows[Int(index)]?.nextWrite = .now() + Self.hold(for: row.readers.count)
    }

    /// How long the next frames wait for others after a write to so many. Not a part of the time that the write took: on a
    /// busy machine that would make the wait as long as the writes are late.
    private static func hold(for readerCount: Int) -> TimeAmount {
        let (least, most) = (Limits.fanoutHold.lowerBound.nanoseconds, Limits.fanoutHold.upperBound.nanoseconds)
        return .nanoseconds(min(most, max(least, Int64(readerCount) * Limits.fanoutHoldPerReader.nanoseconds)))
    }

    private func write(_ frames: FrameBatch, to slot: Int32, _ row: Row) {
        let outlet = outlets[Int(slot)]
        switch outlet.mode {
        case .plain: send(frames.plain, to: slot, outlet.socket)
        case .deflated: send(frames.deflated, to: slot, outlet.socket)
        case .queued: connections[Int(slot)]?.enqueue(frames)
        case .object:
            for (seq, event) in row.waiting { sessions[Int(slot)]?.reader.receive(event, row.stream, seq) }
        case .vacant: break
        }
    }

    /// Writes bytes to a socket past its channel.
    ///
    /// SAFETY: the number is the socket's own: NIO closes it on this loop and tells the connection in the same turn, which
    /// calls ``close(_:)`` before anything else runs. Nothing of the connection waits in NIO, else it were `queued`.
    private func send(_ bytes: ByteBuffer, to slot: Int32, _ socket: CInt) {
        let sent = bytes.withUnsafeReadableBytes { sendNow($0, socket) }
        guard sent < bytes.readableBytes else { return }
        connections[Int(slot)]?.enqueue(
            bytes.getSlice(at: bytes.readerIndex + sent, length: bytes.readableBytes - sent))
    }

    /// A notice is worth nothing later: who is behind does not get it.
    private func deliver(_ notice: EphemeralNotice) {
        guard let row = rowOfStream[.channel(notice.channelID)] else { return }
        for slot in rows[Int(row)]?.readers ?? [] where sessions[Int(slot)]?.userID != notice.envelope.userID {
            let outlet = outlets[Int(slot)]
            switch outlet.mode {
            case .plain, .deflated: send(notice.frame, to: slot, outlet.socket)
            case .object: sessions[Int(slot)]?.reader.receive(notice)
            case .queued, .vacant: break
            }
        }
    }
}

extension Duration {
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
