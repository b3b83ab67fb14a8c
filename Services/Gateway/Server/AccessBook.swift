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
    private let questions = Mutex<[Question]>([])

    init(bus: RedisBus, api: APIClient) {
        self.bus = bus
        self.api = api
    }

    /// What the user of a session may see, as Redis or an API knows it. Redis may know an earlier state: who uses it compares
    /// its place with the user's stream.
    /// - Throws: ``SessionEnded``.
    func access(of session: SessionOfUser) async throws -> AccessList {
        let known = try? await bus.send(pipeline: [
            RedisCommand("GET", .key(.session(session.sessionID))), RedisCommand("GET", .key(.access(session.userID))),
        ])
        guard let known, known.count == 2 else { return try await ask(session) }
        if known[0].text == "0" { throw SessionEnded() }
        guard known[0].text == "1", let text = known[1].text,
            let list = AccessList(userID: session.userID, text: text)
        else { return try await ask(session) }
        return list
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
