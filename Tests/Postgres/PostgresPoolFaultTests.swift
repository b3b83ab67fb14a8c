import Postgres
import TestSupport
import Testing

@Suite struct PostgresPoolFaultTests {
    /// Waits until the `LockHolder` of the test lets go.
    static let waitForLock: StaticString = "SELECT pg_advisory_xact_lock(1)"

    @Test("A snapshot sees one moment and cannot write")
    func snapshot() async throws {
        try await withPool { pool in
            _ = try await pool.execute(Statement("CREATE TABLE log (id int)"))
            // The first statement fixes the snapshot and then waits for the lock that the writer holds.
            let holder = LockHolder(url: try await currentURL(pool))
            try await holder.lock()
            async let seen = pool.snapshot([
                Statement("SELECT count(*) AS n FROM log"), Statement("SELECT pg_advisory_xact_lock(1)"),
                Statement("SELECT count(*) AS n FROM log"),
                Statement("SELECT current_setting('transaction_isolation') AS level"),
            ])
            #expect(try await eventually { try await holder.waiters() == 1 })
            _ = try await pool.execute(Statement("INSERT INTO log VALUES (1)"))
            try await holder.unlock()
            let results = try await seen
            #expect(try results[0].first?.decode("n") == 0)
            #expect(try results[2].first?.decode("n") == 0)
            #expect(results[3].first?["level"] == "repeatable read")
            let failure = await error { try await pool.snapshot([Statement("INSERT INTO log VALUES (2)")]) }
            guard case .server(let server) = failure else {
                Issue.record("it should have been refused")
                return
            }
            #expect(server.sqlState == "25006")
        }
    }

    @Test("When all backends are killed, what is in flight fails and what comes later succeeds")
    func killedBackends() async throws {
        // One in flight on each connection, so that six waiters are all there is: none queued, none on its way.
        try await withPool(configure: { $0.batchesInFlightPerConnection = 1 }) { pool in
            let holder = LockHolder(url: try await currentURL(pool))
            try await holder.lock()
            let outcomes = try await withThrowingTaskGroup(of: PostgresError?.self) { group in
                for _ in 0..<6 {
                    group.addTask { await error { try await pool.execute(Statement(Self.waitForLock)) } }
                }
                #expect(try await eventually { try await holder.waiters() == 6 })
                try await holder.killAllOthers()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count == 6)
            #expect(outcomes.allSatisfy { $0 == .connectionLost })
            try await holder.unlock()
            for _ in 0..<50 {
                #expect(try await pool.execute(Statement("SELECT 1 AS one")).first?.decode("one") == 1)
            }
        }
    }

    @Test("A full queue refuses at once, and the others are answered when there is room")
    func queueBound() async throws {
        try await withPool(configure: {
            $0.connections = 1
            $0.batchesInFlightPerConnection = 2
            $0.queuedBatches = 3
        }) { pool in
            let holder = LockHolder(url: try await currentURL(pool))
            try await holder.lock()
            let outcomes = try await withThrowingTaskGroup(of: PostgresError?.self) { group in
                for _ in 0..<9 {
                    group.addTask { await error { try await pool.execute(Statement(Self.waitForLock)) } }
                }
                var outcomes: [PostgresError?] = []
                while outcomes.count < 4, let next = try await group.next() { outcomes.append(next) }
                try await holder.unlock()
                for try await outcome in group { outcomes.append(outcome) }
                return outcomes
            }
            #expect(outcomes.prefix(4).allSatisfy { $0 == .queueFull })
            #expect(outcomes.dropFirst(4).count == 5 && outcomes.dropFirst(4).allSatisfy { $0 == nil })
        }
    }

    @Test("Without a server a batch fails as unavailable at its deadline")
    func unavailable() async throws {
        try await withPool(
            url: "host=/nonexistent dbname=none", configure: { $0.queueTimeout = .milliseconds(100) }
        ) { pool in
            #expect(await error { try await pool.execute(Statement("SELECT 1")) } == .unavailable)
        }
    }

    @Test("The server ends a statement that takes longer than the statement timeout")
    func statementTimeout() async throws {
        try await withPool(configure: { $0.statementTimeout = .milliseconds(50) }) { pool in
            guard
                case .server(let server) = await error(of: { try await pool.execute(Statement("SELECT pg_sleep(30)")) })
            else {
                Issue.record("it should have been cancelled")
                return
            }
            #expect(server.sqlState == "57014")
        }
    }

    @Test("A restarted server is found again, and a stopped one fails only what is sent meanwhile")
    func restart() async throws {
        let server = try PostgresServer()
        defer { server.stop() }
        try await withPool(url: server.url()) { pool in
            _ = try await pool.execute(Statement("SELECT 1"))
            try server.crash()
            async let waiting = pool.execute(Statement("SELECT 2 AS two"))
            try server.start()
            // It was either queued and answered, or sent on a connection that had just died.
            do {
                #expect(try await waiting.first?.decode("two") == 2)
            } catch {
                #expect(error as? PostgresError == .connectionLost)
            }
            #expect(
                try await eventually { await error { try await pool.execute(Statement("SELECT 3")) } == nil })
        }
    }

    @Test("Shutdown answers what was accepted and refuses what comes after")
    func shutdown() async throws {
        try await withPool { pool in
            try await withThrowingTaskGroup(of: PostgresError?.self) { group in
                for _ in 0..<20 {
                    group.addTask { await error { try await pool.execute(Statement("SELECT pg_sleep(0.001)")) } }
                }
                _ = try await group.next()
                pool.shutdown()
                for try await outcome in group { #expect(outcome == nil || outcome == .shutDown) }
            }
            #expect(await error { try await pool.execute(Statement("SELECT 1")) } == .shutDown)
        }
    }

    @Test("Cancelling the task of run ends the pool")
    func cancellation() async throws {
        let url = try PostgresServer.shared().makeDatabase()
        let pool = PostgresPool(configuration: PostgresConfiguration(url: url), logger: quietLogger)
        let run = Task { try await pool.run() }
        _ = try await pool.execute(Statement("SELECT 1"))
        run.cancel()
        try await run.value
        #expect(await error { try await pool.execute(Statement("SELECT 1")) } == .shutDown)
    }

    @Test("A cancelled caller still gets the outcome of its batch")
    func cancelledCaller() async throws {
        try await withPool { pool in
            let holder = LockHolder(url: try await currentURL(pool))
            try await holder.lock()
            let caller = Task { try await pool.execute(Statement(Self.waitForLock)).count }
            #expect(try await eventually { try await holder.waiters() == 1 })
            caller.cancel()
            try await holder.unlock()
            #expect(try await caller.value == 1)
        }
    }
}
