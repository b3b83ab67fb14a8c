import Postgres
import TestSupport

/// The connection string of the database a pool is connected to.
func currentURL(_ pool: PostgresPool) async throws -> String {
    let rows = try await pool.execute(Statement("SELECT current_database() AS name"))
    return try PostgresServer.shared().url(database: rows[0].decode("name"))
}

/// Holds session advisory lock 1 on the only connection of a pool of its own: what tests use to make others wait.
struct LockHolder {
    private let pool: PostgresPool
    private let lifetime: Task<Void, any Error>

    init(url: String) {
        var configuration = PostgresConfiguration(url: url)
        configuration.connections = 1
        configuration.snapshotConnections = 1
        configuration.applicationName = "lock holder"
        let pool = PostgresPool(configuration: configuration, logger: quietLogger)
        self.pool = pool
        lifetime = Task { try await pool.run() }
    }

    func lock() async throws {
        _ = try await pool.execute(Statement("SELECT pg_advisory_lock(1)"))
    }

    /// How many sessions of the database wait for the lock. Asked on the holder's own connection, which nothing blocks.
    func waiters() async throws -> Int {
        let rows = try await pool.execute(
            Statement(
                """
                SELECT count(*) AS n FROM pg_locks
                WHERE locktype = 'advisory' AND NOT granted
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                """))
        return try rows[0].decode("n")
    }

    /// Ends the session, and with it the lock.
    func unlock() async throws {
        pool.shutdown()
        try await lifetime.value
    }

    /// Ends every other session of the database.
    func killAllOthers() async throws {
        _ = try await pool.execute(
            Statement(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name <> 'lock holder'
                """))
    }
}
