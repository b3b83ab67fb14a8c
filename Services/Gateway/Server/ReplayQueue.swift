import Contracts

/// Pages from PostgreSQL for those far behind, a few at once and in the order in which they were asked for: everyone gets a
/// page in turn, however many come back.
actor ReplayQueue {
    private let api: APIClient
    private var running = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(api: APIClient) { self.api = api }

    func page(for user: UserID?, after cursors: [Cursor]) async throws -> APIClient.Replay {
        if running < Limits.deepReplaysAtOnce {
            running += 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
        defer {
            if waiting.isEmpty { running -= 1 } else { waiting.removeFirst().resume() }
        }
        return try await api.replay(for: user, after: cursors, deflater: nil)
    }
}
