import Contracts
import Logging
import NIOCore
import RedisBus
import ServiceKit
import Synchronization

/// The session has ended.
struct SessionEnded: Error {}

/// Who may see what: from Redis where an API has left it, else from an API, many users in one request.
final class AccessBook: Sendable {
    /// Those who ask within this time share a request.
    private static let gathering = Duration.milliseconds(3)

    private struct Question: Sendable {
        let session: SessionOfUser
        let answer: CheckedContinuation<AccessList, any Error>
    }

    private let bus: RedisBus
    private let api: APIClient
    private let lookups = Mutex<[Lookup]>([])
    private let questions = Mutex<[Question]>([])

    init(bus: RedisBus, api: APIClient) {
        self.bus = bus
        self.api = api
    }

    /// What the user of a session may see, as Redis or an API knows it. Redis may know an earlier state: who uses it compares
    /// its place with the user's stream.
    /// - Throws: ``SessionEnded``.
    func access(of session: SessionOfUser) async throws -> AccessList {
        let known = await withCheckedContinuation { answer in
            let isFirst = lookups.withLock { lookups in
                lookups.append(Lookup(session: session, answer: answer))
                return lookups.count == 1
            }
            if isFirst { bus.eventLoop.execute { [self] in lookUpAll() } }
        }
        switch known {
        case .list(let list): return list
        case .ended: throw SessionEnded()
        case .unknown: return try await ask(session)
        }
    }

    /// What Redis knows of a session.
    private enum Known: Sendable {
        case list(AccessList)
        case ended
        case unknown
    }

    private struct Lookup: Sendable {
        let session: SessionOfUser
        let answer: CheckedContinuation<Known, Never>
    }

    /// Those who come in one turn of the loop are looked up together.
    private func lookUpAll() {
        let asked = lookups.withLock { lookups in
            defer { lookups = [] }
            return lookups
        }
        let commands = asked.flatMap { lookup in
            [
                RedisCommand("GET", .key(.session(lookup.session.sessionID))),
                RedisCommand("GET", .key(.access(lookup.session.userID))),
            ]
        }
        bus.send(pipeline: commands) { result in
            let values = (try? result.get()) ?? []
            for (index, lookup) in asked.enumerated() {
                guard values.count == commands.count else {
                    lookup.answer.resume(returning: .unknown)
                    continue
                }
                lookup.answer.resume(returning: Self.known(values[2 * index], values[2 * index + 1], lookup.session))
            }
        }
    }

    private static func known(_ state: RedisValue, _ list: RedisValue, _ session: SessionOfUser) -> Known {
        if state.text == "0" { return .ended }
        guard state.text == "1", let text = list.bytes,
            let list = text.withUnsafeReadableBytes({ AccessList(userID: session.userID, utf8: $0) })
        else { return .unknown }
        return .list(list)
    }

    /// The same from PostgreSQL through an API.
    /// - Throws: ``SessionEnded``.
    func ask(_ session: SessionOfUser) async throws -> AccessList {
        try await withCheckedThrowingContinuation { answer in
            let isFirst = questions.withLock { questions in
                questions.append(Question(session: session, answer: answer))
                return questions.count == 1
            }
            if isFirst { Task { [self] in await askAll() } }
        }
    }

    private func askAll() async {
        // A cancelled sleep only shortens the wait.
        try? await Task.sleep(for: Self.gathering)
        let asked = questions.withLock { questions in
            defer { questions = [] }
            return questions
        }
        await withTaskGroup { group in
            for start in stride(from: 0, to: asked.count, by: Limits.identifyBatchCount) {
                let chunk = asked[start..<min(start + Limits.identifyBatchCount, asked.count)]
                group.addTask { [self] in await ask(Array(chunk)) }
            }
        }
    }

    private func ask(_ chunk: [Question]) async {
        do {
            let reply = try await api.access(of: Array(Set(chunk.map(\.session))))
            let live = Set(reply.live)
            let lists = Dictionary(reply.lists.map { ($0.userID, $0) }, uniquingKeysWith: { $1 })
            for question in chunk {
                if live.contains(question.session.sessionID), let list = lists[question.session.userID] {
                    question.answer.resume(returning: list)
                } else {
                    question.answer.resume(throwing: SessionEnded())
                }
            }
        } catch {
            for question in chunk { question.answer.resume(throwing: error) }
        }
    }

    /// Which of these sessions have ended. What cannot be found out now is found out with the next beat.
    func ended(of sessions: [SessionOfUser]) async -> Set<SessionID> {
        var ended: Set<SessionID> = []
        for start in stride(from: 0, to: sessions.count, by: Limits.identifyBatchCount) {
            let chunk = Array(sessions[start..<min(start + Limits.identifyBatchCount, sessions.count)])
            let commands = chunk.map { RedisCommand("GET", .key(.session($0.sessionID))) }
            guard let known = try? await bus.send(pipeline: commands) else { continue }
            var unknown: [SessionOfUser] = []
            for (session, value) in zip(chunk, known) {
                if value.text == "0" { ended.insert(session.sessionID) }
                if value == .null { unknown.append(session) }
            }
            guard !unknown.isEmpty, let reply = try? await api.access(of: unknown) else { continue }
            ended.formUnion(Set(unknown.map(\.sessionID)).subtracting(reply.live))
        }
        return ended
    }
}
