package import Logging

/// One step of the schema. Its text is a file of this program, embedded at build time, hence trusted.
package struct Migration: Sendable {
    /// From 1, in the order they are applied.
    package var number: Int
    /// For people, in the table and in errors.
    package var name: String
    /// One or more statements that can run in a transaction; it must not end that transaction itself.
    package var sql: String

    package init(number: Int, name: String, sql: String) {
        self.number = number
        self.name = name
        self.sql = sql
    }
}

/// Why the schema was left as it is, in a sentence that says what to do.
package struct MigrationError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        case unreachable, checksumDiffers, databaseIsNewer, outOfOrder, failed
    }
    package var code: Code
    package var description: String
}

/// Brings the schema up to date, forward only.
///
/// Each migration is a transaction, and all run under one session advisory lock, so any number of processes may start at
/// once: one applies, the others wait and find nothing left to do. The table is
/// `schema_migrations(number, name, checksum, applied_at)`; the checksum is PostgreSQL's own SHA-256 of the text.
package struct Migrator: Sendable {
    private let configuration: PostgresConfiguration
    private let migrations: [Migration]
    private let logger: Logger

    /// - Parameter migrations: in any order; two with one number are a programmer error.
    package init(configuration: PostgresConfiguration, migrations: [Migration], logger: Logger) {
        self.configuration = configuration
        self.migrations = migrations.sorted { $0.number < $1.number }
        self.logger = logger
        precondition(Set(migrations.map(\.number)).count == migrations.count, "two migrations have the same number")
    }

    /// Applies what is missing, on a connection of its own that is closed at the end.
    /// - Returns: the numbers that were applied by this call.
    package func run() async throws(MigrationError) -> [Int] {
        let outcome: Result<[Int], MigrationError> = await withCheckedContinuation { continuation in
            do throws(ThreadFailure) {
                try startBlockingThread {
                    continuation.resume(returning: Result { () throws(MigrationError) in try migrate() })
                }
            } catch {
                let message = "No thread could be started to migrate on (errno \(error.code)). Raise the process limit."
                continuation.resume(returning: .failure(MigrationError(code: .unreachable, description: message)))
            }
        }
        return try outcome.get()
    }

    private func migrate() throws(MigrationError) -> [Int] {
        let session: BlockingSession
        do throws(ConnectFailure) {
            session = BlockingSession(try Connection.open(configuration, session: .migration, logger: logger))
        } catch {
            throw MigrationError(
                code: .unreachable,
                description:
                    "PostgreSQL cannot be reached to migrate it: \(error.message). Check the URL and the server.")
        }
        do throws(ServerError) {
            // The number is "roost" in ASCII. The lock ends with the session, however this function is left.
            try session.run("SELECT pg_advisory_lock(x'726f6f7374'::bigint)")
            try session.run(
                """
                CREATE TABLE IF NOT EXISTS schema_migrations (
                    number bigint PRIMARY KEY,
                    name text NOT NULL,
                    checksum text NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now()
                )
                """)
        } catch {
            throw MigrationError(code: .failed, description: "The table of migrations cannot be made: \(error).")
        }
        var applied: [Int] = []
        for migration in try pending(session) {
            try apply(migration, session)
            applied.append(migration.number)
            logger.info("migration applied", metadata: ["number": "\(migration.number)", "name": "\(migration.name)"])
        }
        return applied
    }

    /// Compares the table with the migrations of this program.
    private func pending(_ session: BlockingSession) throws(MigrationError) -> [Migration] {
        var known: [Int: (name: String, checksum: String)] = [:]
        var checksums: [Int: String] = [:]
        do throws(ServerError) {
            for row in try session.run("SELECT number, name, checksum FROM schema_migrations") {
                guard let number = row["number"].flatMap({ Int($0) }) else { continue }
                known[number] = (row["name"] ?? "", row["checksum"] ?? "")
            }
            for migration in migrations {
                let rows = try session.run(
                    "SELECT encode(sha256(convert_to($1, 'UTF8')), 'hex') AS checksum", [migration.sql])
                checksums[migration.number] = rows.first?["checksum"]
            }
        } catch {
            throw MigrationError(code: .failed, description: "The table of migrations cannot be read: \(error).")
        }
        for (number, row) in known.sorted(by: { $0.key < $1.key }) {
            guard let checksum = checksums[number] else {
                throw MigrationError(
                    code: .databaseIsNewer,
                    description:
                        "The database has migration \(number) (\(row.name)), which this program does not know. "
                        + "Run the version that applied it, or a newer one; schemas never go back.")
            }
            guard checksum == row.checksum else {
                throw MigrationError(
                    code: .checksumDiffers,
                    description: "Migration \(number) (\(row.name)) was changed after it was applied. "
                        + "Restore its text, and put the change into a new migration.")
            }
        }
        let pending = migrations.filter { known[$0.number] == nil }
        if let first = pending.first, let last = known.keys.max(), first.number < last {
            throw MigrationError(
                code: .outOfOrder,
                description: "Migration \(first.number) (\(first.name)) is missing, but \(last) has been applied. "
                    + "Give it a number above \(last).")
        }
        return pending
    }

    private func apply(_ migration: Migration, _ session: BlockingSession) throws(MigrationError) {
        do throws(ServerError) {
            try session.run("BEGIN")
            try session.run(migration.sql)
            guard session.isInTransaction else {
                throw ServerError(
                    sqlState: "25P01", message: "it ended its own transaction; remove COMMIT and ROLLBACK")
            }
            try session.run(
                """
                INSERT INTO schema_migrations (number, name, checksum)
                VALUES ($1, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'))
                """, [String(migration.number), migration.name, migration.sql])
            try session.run("COMMIT")
        } catch {
            // The session is closed by the caller, which rolls back.
            throw MigrationError(
                code: .failed,
                description: "Migration \(migration.number) (\(migration.name)) failed and was rolled back: \(error). "
                    + "Mend it and start again.")
        }
    }
}
