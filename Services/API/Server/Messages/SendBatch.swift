import APIDomain
import Contracts
import NIOCore
import Postgres
import RedisBus

/// How one send fared.
enum SendFate: Sendable {
    /// Its message, or the one that its key had stored before, with its JSON and how the rate counted the send.
    case stored(Message, json: ByteBuffer, isNew: Bool, SlidingWindow.Outcome)
    /// The rate does not allow it, unless it is a retry.
    case refused(SlidingWindow.Outcome)
    /// Its batch was refused as a whole; it may still be stored alone, by ``SendBatch/runAlone(_:admission:)``.
    case alone(SlidingWindow.Outcome)
    case notMember
    case failed(any Error)
}

/// Many sends in three round trips: Redis says who may send, one transaction stores, one pipeline publishes.
///
/// No send fails or waits long for another: each has an admission of its own, the statement leaves out who is no member, a
/// batch waits for a locked stream no longer than ``Limits/sendLockTimeout``, and if it is refused as a whole each of its
/// sends is tried alone, outside the lanes.
struct SendBatch: Sendable {
    let database: PostgresPool
    let bus: RedisBus
    let sessions: SessionStore
    let rate: MessageRateLimiter
    let publisher: EventPublisher

    /// Sends; one fate a draft, in their order.
    func run(_ drafts: [MessageDraft]) async -> [SendFate] {
        let admissions = await admit(drafts)
        var allowed: [MessageDraft] = []
        // The same key twice in one batch is one message: the second send is a retry of the first.
        var places: [MessageDraft.Identity: Int] = [:]
        for (draft, admission) in zip(drafts, admissions) {
            guard case .success(let outcome) = admission, outcome.isAllowed, places[draft.identity] == nil else {
                continue
            }
            places[draft.identity] = allowed.count
            allowed.append(draft)
        }
        let stored = await store(allowed, lockTimeout: Limits.sendLockTimeout)
        await publish(stored)
        var isFirst = Array(repeating: true, count: allowed.count)
        return zip(drafts, admissions).map { draft, admission in
            switch admission {
            case .failure(let error): return .failed(error)
            case .success(let outcome):
                guard outcome.isAllowed, let place = places[draft.identity] else { return .refused(outcome) }
                defer { isFirst[place] = false }
                return fate(stored[place], outcome, isFirst: isFirst[place])
            }
        }
    }

    /// Stores and publishes a send whose batch was refused.
    func runAlone(_ draft: MessageDraft, admission: SlidingWindow.Outcome) async -> SendFate {
        let stored = await store([draft], lockTimeout: nil)
        await publish(stored)
        return fate(stored[0], admission, isFirst: true)
    }

    private func fate(_ stored: Stored, _ admission: SlidingWindow.Outcome, isFirst: Bool) -> SendFate {
        switch stored {
        case .sent(let sent):
            .stored(sent.message, json: sent.json, isNew: sent.isNew && isFirst, admission)
        case .notMember: .notMember
        case .refused: .alone(admission)
        case .failed(let error): .failed(error)
        }
    }

    // MARK: Admission

    /// Asks Redis in one round trip which sessions live and whom the rate allows. What Redis does not know of sessions
    /// PostgreSQL answers, and while Redis is away this process counts for itself.
    private func admit(_ drafts: [MessageDraft]) async -> [Result<SlidingWindow.Outcome, any Error>] {
        let asked = Array(Set(drafts.lazy.compactMap(\.session)))
        var commands = asked.map(SessionStore.livenessCommand)
        for draft in drafts {
            commands.append(rate.command(key: draft.key, user: draft.author, channel: draft.channel))
        }
        let answers = try? await bus.send(pipeline: commands)
        var lives: [SessionID: Bool] = [:]
        for (place, session) in asked.enumerated() { lives[session] = SessionStore.liveness(answers?[place]) }
        var unknown: (any Error)?
        if lives.count < asked.count {
            do {
                let live = try await sessions.liveInDatabase(asked.filter { lives[$0] == nil })
                for session in asked where lives[session] == nil { lives[session] = live.contains(session) }
            } catch {
                unknown = error
            }
        }
        return drafts.enumerated().map { place, draft in
            switch draft.session.flatMap({ lives[$0] }) {
            case true?:
                let answer = answers?[asked.count + place]
                return .success(
                    rate.outcome(of: answer, key: draft.key, user: draft.author, channel: draft.channel))
            case false?: return .failure(Authenticator.sessionEnded)
            case nil: return .failure(unknown ?? Authenticator.sessionEnded)
            }
        }
    }

    // MARK: Storing

    private enum Stored {
        case sent(Sent)
        case notMember
        /// The transaction of the batch was rolled back.
        case refused
        case failed(any Error)
    }

    private struct Sent: Sendable {
        let message: Message
        let json: ByteBuffer
        let isNew: Bool

        init(_ sent: MessageStore.Sent) {
            message = sent.message
            isNew = sent.isNew
            var json = ByteBufferAllocator().buffer(capacity: sent.message.content.utf8.count + 400)
            json.writeJSON(sent.message)
            self.json = json
        }
    }

    /// - Parameter lockTimeout: how long a batch waits for locks; `nil` for a send that is alone and waits as long as any
    ///   statement may.
    private func store(_ drafts: [MessageDraft], lockTimeout: Duration?) async -> [Stored] {
        guard !drafts.isEmpty else { return [] }
        do {
            let store = MessageStore(database: database)
            let sent =
                if drafts.count == 1, drafts[0].isSentAlone {
                    [try await store.send(alone: drafts[0], lockTimeout: lockTimeout)]
                } else {
                    try await store.send(drafts, lockTimeout: lockTimeout)
                }
            return sent.map { $0.map { .sent(Sent($0)) } ?? .notMember }
        } catch let error as PostgresError {
            // Without an answer nothing is known, and without a connection nothing would be different.
            if lockTimeout != nil, case .server = error { return drafts.map { _ in .refused } }
            return drafts.map { _ in .failed(error) }
        } catch {
            return drafts.map { _ in .failed(error) }
        }
    }

    private func publish(_ stored: [Stored]) async {
        var events: [EncodedEvent] = []
        for case .sent(let sent) in stored where sent.isNew {
            events.append(EncodedEvent(.messageCreated, sent.message, seq: sent.message.seq, json: sent.json))
        }
        await publisher.publish(events)
    }
}

extension SlidingWindow.Outcome {
    /// Whether the message may be stored.
    fileprivate var isAllowed: Bool {
        switch self {
        case .counted, .known: true
        case .muted, .exceeded: false
        }
    }
}

extension SessionStore {
    /// Those of the sessions that may still act, as PostgreSQL says; Redis remembers them.
    fileprivate func liveInDatabase(_ asked: [SessionID]) async throws -> Set<SessionID> {
        let rows = try await database.execute(
            Statement(
                "SELECT id FROM sessions WHERE id = ANY($1::uuid[]) AND revoked_at IS NULL AND expires_at > now()",
                asked))
        let live = try Set(rows.map { row -> SessionID in try row.decode("id") })
        _ = try? await bus.send(pipeline: live.map(Self.liveCommand))
        return live
    }
}
