import Postgres
import TestSupport
import Testing

@Suite struct MigratorTests {
    let first = Migration(number: 1, name: "rooms", sql: "CREATE TABLE rooms (id int); INSERT INTO rooms VALUES (1);")
    let second = Migration(number: 2, name: "doors", sql: "ALTER TABLE rooms ADD COLUMN door text")

    func migrate(_ url: String, _ migrations: [Migration]) async throws -> [Int] {
        try await Migrator(
            configuration: PostgresConfiguration(url: url), migrations: migrations, logger: quietLogger
        ).run()
    }

    func failure(_ url: String, _ migrations: [Migration]) async -> MigrationError? {
        do {
            _ = try await migrate(url, migrations)
            return nil
        } catch {
            return error as? MigrationError
        }
    }

    @Test("Four migrators at once apply each migration once")
    func concurrent() async throws {
        let url = try PostgresServer.shared().makeDatabase()
        let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<4 { group.addTask { try await migrate(url, [second, first]) } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(applied.sorted() == [1, 2])
        try await withPool(url: url) { pool in
            let results = try await pool.snapshot([
                Statement("SELECT count(*) AS n FROM rooms WHERE door IS NULL"),
                Statement("SELECT number, name, length(checksum) AS length FROM schema_migrations ORDER BY number"),
            ])
            #expect(try results[0][0].decode("n") == 1)
            #expect(try results[1].map { try $0.decode("number", as: Int.self) } == [1, 2])
            #expect(try results[1][0].decode("length") == 64)
        }
    }

    @Test("A migration that was changed after it was applied is refused")
    func checksum() async throws {
        let url = try PostgresServer.shared().makeDatabase()
        #expect(try await migrate(url, [first]) == [1])
        var changed = first
        changed.sql += " "
        let error = await failure(url, [changed, second])
        #expect(error?.code == .checksumDiffers)
        #expect(error?.description.contains("new migration") == true)
    }

    @Test("A database newer than the program, and a number that comes too late, are refused")
    func order() async throws {
        let url = try PostgresServer.shared().makeDatabase()
        #expect(try await migrate(url, [second.renumbered(3), first].sorted { $0.number < $1.number }) == [1, 3])
        #expect(await failure(url, [first])?.code == .databaseIsNewer)
        let late = Migration(number: 2, name: "late", sql: "SELECT 1")
        #expect(await failure(url, [first, late, second.renumbered(3)])?.code == .outOfOrder)
    }

    @Test(
        "A migration that fails leaves nothing behind, and those before it stay",
        arguments: [
            "CREATE TABLE half (id int); SELECT 1 / 0", "CREATE TABLE half (id int); ROLLBACK",
        ])
    func failed(sql: String) async throws {
        let url = try PostgresServer.shared().makeDatabase()
        let error = await failure(url, [first, Migration(number: 2, name: "half", sql: sql)])
        #expect(error?.code == .failed)
        #expect(error?.description.contains("Migration 2 (half)") == true)
        try await withPool(url: url) { pool in
            let rows = try await pool.execute(
                Statement("SELECT to_regclass('half') AS half, (SELECT max(number) FROM schema_migrations) AS last"))
            #expect(rows[0]["half"] == nil)
            #expect(try rows[0].decode("last") == 1)
        }
        #expect(try await migrate(url, [first, second]) == [2])
    }
}

extension Migration {
    fileprivate func renumbered(_ number: Int) -> Migration {
        var copy = self
        copy.number = number
        return copy
    }
}
