import Logging
import Postgres
import TestSupport

/// Runs `body` with a pool on a fresh database, then shuts the pool down and waits until it has ended.
func withPool<R: Sendable>(
    configure: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: @Sendable (PostgresPool) async throws -> R
) async throws -> R {
    let url = try PostgresServer.shared().makeDatabase()
    return try await withPool(url: url, configure: configure, body)
}

func withPool<R: Sendable>(
    url: String, configure: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: @Sendable (PostgresPool) async throws -> R
) async throws -> R {
    var configuration = PostgresConfiguration(url: url)
    configure(&configuration)
    let pool = PostgresPool(configuration: configuration, logger: quietLogger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await pool.run() }
        do {
            let value = try await body(pool)
            pool.shutdown()
            try await group.waitForAll()
            return value
        } catch {
            pool.shutdown()
            throw error
        }
    }
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Asks again and again until the answer is true.
func eventually(
    within limit: Duration = .seconds(20), _ condition: () async throws -> Bool
) async throws -> Bool {
    let deadline = ContinuousClock.now + limit
    repeat {
        if try await condition() { return true }
        await Task.yield()
    } while ContinuousClock.now < deadline
    return false
}

/// Runs `body` and returns the error it must throw.
func error(of body: () async throws -> some Any) async -> PostgresError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? PostgresError
    }
}
