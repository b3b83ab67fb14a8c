import Contracts
import GatewayDomain
import NIOCore
import ServiceKit

/// How sessions come to read streams, and how windows are made to reach back to where they were.
extension StreamTable {
    /// A session and the streams it wants, all of which its loop holds.
    struct Joining: Sendable {
        let session: StreamSession
        let flow: Int32
        /// Who it is, when it begins.
        let claims: AccessToken?
        /// What it may see, when it begins.
        let access: AccessList?
        /// The places it comes with; a stream without one is joined where it stands.
        let wants: [(stream: StreamID, cursor: StreamSequence?)]
    }

    /// What a session gets in one turn.
    struct Joined: Sendable {
        let flow: Int32
        let claims: AccessToken?
        let access: AccessList?
        var streams: [(place: Cursor, events: [(seq: StreamSequence, frame: PreparedEvent)])] = []
        /// Streams of which it has missed more than the windows have, or more than goes at once.
        var behind: [Cursor] = []
        let done: EventLoopPromise<[Cursor]>
    }

    /// How joining went.
    enum JoinOutcome: Sendable {
        /// The session gets what is live, but for the streams it is behind in.
        case joined(behind: [Cursor])
        /// The access is older than the user's stream: it must be asked for anew.
        case accessIsOld
        /// The user's stream has not been delivered as far as the access is old: what it says of joining and leaving must
        /// come before what it makes the session read.
        case accessIsAhead
    }

    /// Joins the session to the streams whose windows reach back to its places.
    func join(_ joining: Joining) async throws -> JoinOutcome {
        let outcome = try await eventLoop.flatSubmit { [self] in
            let unopened = joining.wants.compactMap { want in
                entries[want.stream].flatMap { $0.log.last == nil ? $0.opened.futureResult : nil }
            }
            return unopened.isEmpty
                ? eventLoop.makeSucceededVoidFuture() : EventLoopFuture.andAllSucceed(unopened, on: eventLoop)
        }
        .flatMapThrowing { [self] in try joinNow(joining) }.get()
        switch outcome {
        case .success(let behind): return .joined(behind: try await behind.get())
        case .failure(let place): return place.isOld ? .accessIsOld : .accessIsAhead
        }
    }

    private struct WrongPlace: Error {
        let isOld: Bool
    }

    private func joinNow(_ joining: Joining) throws -> Result<EventLoopFuture<[Cursor]>, WrongPlace> {
        if let access = joining.access, let last = entries[.user(access.userID)]?.log.last, last != access.seq {
            note([Cursor(stream: .user(access.userID), seq: access.seq)])
            return .failure(WrongPlace(isOld: last > access.seq))
        }
        let registry = joining.session.registry
        var joined = Joined(
            flow: joining.flow, claims: joining.claims, access: joining.access,
            done: registry.eventLoop.makePromise())
        var countLeft = Limits.replayPageCount
        var bytesLeft = Limits.replayPageByteCount
        for (stream, cursor) in joining.wants {
            guard let log = entries[stream]?.log, let last = log.last else { throw CancellationError() }
            let place = cursor ?? last
            guard case .events(let events) = log.missed(after: place), events.count <= countLeft,
                byteCount(events) <= bytesLeft
            else {
                joined.behind.append(Cursor(stream: stream, seq: place))
                continue
            }
            countLeft -= events.count
            bytesLeft -= byteCount(events)
            joined.streams.append((Cursor(stream: stream, seq: place), events))
        }
        registry.put([.join(joining.session, joined)])
        return .success(joined.done.futureResult)
    }

    private func byteCount(_ events: [(seq: StreamSequence, frame: PreparedEvent)]) -> Int {
        events.reduce(0) { $0 + $1.frame.json.readableBytes }
    }

    // MARK: Falling behind

    /// Makes windows reach back to the cursors where that is not far. Answers the cursors that are too far behind for
    /// that, or ahead of what has been delivered.
    func fill(_ cursors: [Cursor]) async throws -> [Cursor] {
        let (near, far) = try await eventLoop.submit { [self] in
            var near: [EventLoopFuture<Void>] = []
            var far: [Cursor] = []
            for cursor in cursors {
                guard let entry = entries[cursor.stream], let last = entry.log.last else { continue }
                switch entry.log.missed(after: cursor.seq) {
                case .events(let events):
                    if byteCount(events) > Limits.replayPageByteCount { far.append(cursor) }
                case .tooMany where last - cursor.seq <= Limits.shallowReplayCount && !entry.isHeavy:
                    near.append(fill(cursor))
                case .tooMany: far.append(cursor)
                // A client's word: only PostgreSQL says whether the stream has come that far.
                case .ahead: far.append(cursor)
                }
            }
            return (EventLoopFuture.andAllSucceed(near, on: eventLoop), far)
        }.get()
        try await near.get()
        return far
    }

    /// One fetch a stream, however many wait for it: those who come in the same turn set how far it goes.
    private func fill(_ cursor: Cursor) -> EventLoopFuture<Void> {
        if let known = filling[cursor.stream] {
            filling[cursor.stream]?.after = min(known.after, cursor.seq)
            return known.promise.futureResult
        }
        let filling = Filling(after: cursor.seq, promise: eventLoop.makePromise())
        if self.filling.isEmpty {
            eventLoop.scheduleTask(in: .milliseconds(2)) { [self] in fillAll() }
        }
        self.filling[cursor.stream] = filling
        return filling.promise.futureResult
    }

    private func fillAll() {
        let fillings = filling
        filling = [:]
        let wanted = fillings.compactMap { stream, filling in
            entries[stream]?.log.windowBegin.map {
                StreamHistory.Range(stream: stream, after: filling.after, through: $0 - 1)
            }
        }
        let windows: [StreamID: (entry: Entry, clearCount: Int)] = wanted.reduce(into: [:]) { windows, range in
            windows[range.stream] = entries[range.stream].map { (entry: $0, clearCount: $0.log.clearCount) }
        }
        Task { [self] in
            do {
                let found = try await history.events(wanted, isCompressing: counters.isDeflating)
                eventLoop.execute { [self] in
                    for (stream, events) in found.events {
                        // A window that was cleared meanwhile may not get back what a later event hides.
                        guard let window = windows[stream], window.entry === entries[stream],
                            window.clearCount == window.entry.log.clearCount
                        else { continue }
                        prepend(events, to: stream)
                    }
                    for filling in fillings.values { filling.promise.succeed() }
                }
            } catch {
                for filling in fillings.values { filling.promise.fail(error) }
            }
        }
    }

    private func prepend(_ events: [(seq: StreamSequence, event: PreparedEvent)], to stream: StreamID) {
        guard let begin = entries[stream]?.log.windowBegin else { return }
        let older = events.filter { $0.seq < begin }
        guard older.last?.seq == begin - 1 else { return }
        let byteCount = older.reduce(0) { $0 + $1.event.json.readableBytes }
        guard byteCount <= Limits.windowByteCount else {
            entries[stream]?.isHeavy = true
            return
        }
        entries[stream]?.log.prepend(older.map { ($0.event, $0.event.json.readableBytes) }, now: .now)
    }
}
