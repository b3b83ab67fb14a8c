import Postgres
import TestSupport
import Testing

@Suite struct PostgresPoolTests {
    @Test(
        "Text comes back as it was sent",
        arguments: [
            "", "plain", "it's", "back\\slash", "\"quoted\"", "NULL", "{a,b}", " \t\n", "żółć 雪 👩‍👩‍👧‍👦 \u{FEFF}", "$1; --",
        ])
    func text(value: String) async throws {
        try await withPool { pool in
            let row = try #require(
                await pool.execute(
                    Statement(
                        "SELECT $1::text AS alone, $2::text[] AS many, $3::bytea AS bytes", value, [value, value],
                        Array(value.utf8))
                ).first)
            #expect(try row.decode("alone") == value)
            #expect(try row.decode("many") == [value, value])
            #expect(try row.decode("bytes") == Array(value.utf8))
        }
    }

    enum Colour: String, PostgresEncodable, PostgresDecodable, CaseIterable {
        case red
        case deepBlue = "deep blue"
    }

    @Test("Numbers, booleans, NULL, arrays and raw values come back as they were sent")
    func types() async throws {
        try await withPool { pool in
            let row = try #require(
                await pool.execute(
                    Statement(
                        """
                        SELECT $1::bigint AS big, $2::int AS small, $3::bool AS yes, $4::bool AS no, $5::float8 AS ratio,
                            $6::text AS nothing, $7::text[] AS empty, $8::text AS colour, $9::text[] AS colours,
                            $10::bigint[] AS numbers, $11::text[] AS holes, $12::bytea AS none, $13::float8 AS infinite
                        """,
                        Int64.min, Int32.max, true, false, 0.1, String?.none, [String](), Colour.deepBlue,
                        Colour.allCases, [1, -2, Int.max], ["a", nil, "NULL"], [UInt8](), -Double.infinity)
                ).first)
            #expect(try row.decode("big", as: Int64.self) == .min)
            #expect(try row.decode("small", as: Int32.self) == .max)
            #expect(try row.decode("yes", as: Bool.self) && !row.decode("no", as: Bool.self))
            #expect(try row.decode("ratio") == 0.1)
            #expect(try row.decode("infinite") == -Double.infinity)
            #expect(try row.decode("nothing", as: String?.self) == nil)
            #expect(try row.decode("empty") == [String]())
            #expect(try row.decode("none") == [UInt8]())
            #expect(try row.decode("colour") == Colour.deepBlue)
            #expect(try row.decode("colours") == Colour.allCases)
            #expect(try row.decode("numbers") == [1, -2, Int.max])
            #expect(row["holes"] == "{a,NULL,\"NULL\"}")
        }
    }

    @Test("A wrong type, NULL and a missing column are errors that name the column")
    func decodingErrors() async throws {
        try await withPool { pool in
            let row = try #require(await pool.execute(Statement("SELECT 'x' AS word, NULL::int AS hole")).first)
            #expect(throws: PostgresError.decoding(column: "word", expected: "Int", found: "x")) {
                try row.decode("word", as: Int.self)
            }
            #expect(throws: PostgresError.decoding(column: "hole", expected: "Int", found: "NULL")) {
                try row.decode("hole", as: Int.self)
            }
            #expect(throws: PostgresError.decoding(column: "gone", expected: "Int", found: "no such column")) {
                try row.decode("gone", as: Int.self)
            }
        }
    }

    @Test("Text with U+0000 is refused instead of being cut short")
    func nulCharacter() async throws {
        try await withPool { pool in
            let failure = await error { try await pool.execute(Statement("SELECT $1::text, $2::text", "a", "b\0c")) }
            #expect(failure == .nulCharacter(statementIndex: 0, parameterIndex: 1))
        }
    }

    @Test("When the second statement of a batch fails, the first is rolled back")
    func atomicity() async throws {
        try await withPool { pool in
            _ = try await pool.execute(Statement("CREATE TABLE notes (id int PRIMARY KEY)"))
            let insert = Statement("INSERT INTO notes VALUES ($1::int)", 1)
            let failure = await error { try await pool.execute([insert, Statement("SELECT 1 / $1::int", 0)]) }
            guard case .server(let server) = failure else {
                Issue.record("it should have failed")
                return
            }
            #expect(server.sqlState == "22012")
            #expect(server.statementIndex == 1)
            #expect(try await pool.execute(Statement("SELECT id FROM notes")).isEmpty)
            #expect(try await pool.execute(insert).affectedRowCount == 1)
        }
    }

    @Test("A commit that fails is an error without a statement, and the pipeline goes on")
    func deferredConstraint() async throws {
        try await withPool(configure: { $0.connections = 1 }) { pool in
            _ = try await pool.execute(
                Statement("CREATE TABLE once (id int CONSTRAINT once_only UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
            let insert = Statement("INSERT INTO once VALUES ($1::int)", 1)
            async let after = pool.execute(Statement("SELECT 5 AS five"))
            let failure = await error { try await pool.execute([insert, insert]) }
            #expect(failure?.isUniqueViolation(constraint: "once_only") == true)
            if case .server(let server) = failure { #expect(server.statementIndex == nil) }
            #expect(try await after.first?.decode("five") == 5)
        }
    }

    @Test("A unique violation names its constraint")
    func uniqueViolation() async throws {
        try await withPool { pool in
            _ = try await pool.execute(Statement("CREATE TABLE names (name text CONSTRAINT one_name PRIMARY KEY)"))
            let insert = Statement("INSERT INTO names VALUES ($1)", "ada")
            _ = try await pool.execute(insert)
            let failure = await error { try await pool.execute(insert) }
            #expect(failure?.isUniqueViolation(constraint: "one_name") == true)
            #expect(failure?.isUniqueViolation() == true)
            #expect(failure?.isUniqueViolation(constraint: "other") == false)
        }
    }

    @Test("An error reaches only its caller while 200 others succeed")
    func errorIsolation() async throws {
        try await withPool { pool in
            let failed = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<220 {
                    group.addTask {
                        let divisor = number % 11 == 5 ? 0 : 1
                        let statement = Statement("SELECT $1::int / $2::int AS quotient", number, divisor)
                        do {
                            let rows = try await pool.execute(statement)
                            #expect(try rows.first?.decode("quotient") == number)
                            return false
                        } catch PostgresError.server(let server) {
                            #expect(server.sqlState == "22012" && divisor == 0)
                            return true
                        }
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(failed == 20)
        }
    }

    @Test("A statement that cannot be prepared yet works once its table exists")
    func failedPrepareRecovers() async throws {
        try await withPool(configure: { $0.connections = 1 }) { pool in
            let ask: @Sendable () -> Statement = {
                Statement("SELECT count(*) AS count FROM later WHERE id > $1::int", 0)
            }
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        guard case .server(let server) = await error(of: { try await pool.execute(ask()) }) else {
                            Issue.record("it should have failed")
                            return
                        }
                        #expect(server.sqlState == "42P01")
                    }
                }
            }
            _ = try await pool.execute(Statement("CREATE TABLE later (id int)"))
            for _ in 0..<3 { #expect(try await pool.execute(ask()).first?.decode("count") == 0) }
        }
    }

    @Test("A prepared statement whose result type was changed fails once and then works")
    func changedResultType() async throws {
        try await withPool(configure: { $0.connections = 1 }) { pool in
            _ = try await pool.execute(Statement("CREATE TABLE shape (id int)"))
            let ask: @Sendable () -> Statement = { Statement("SELECT * FROM shape") }
            _ = try await pool.execute(ask())
            _ = try await pool.execute(Statement("ALTER TABLE shape ALTER COLUMN id TYPE text"))
            guard case .server(let server) = await error(of: { try await pool.execute(ask()) }) else {
                Issue.record("it should have failed")
                return
            }
            #expect(server.sqlState == "0A000")
            #expect(try await pool.execute(ask()).isEmpty)
        }
    }

    @Test("1,000 interleaved reads and writes each get their own answer")
    func interleaving() async throws {
        try await withPool { pool in
            _ = try await pool.execute(Statement("CREATE TABLE numbers (id int PRIMARY KEY, word text)"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<1_000 {
                    group.addTask {
                        let word = String(repeating: "\(number)-", count: 1 + number % 97)
                        if number.isMultiple(of: 2) {
                            let rows = try await pool.execute(Statement("SELECT $1::text AS word", word))
                            #expect(try rows.first?.decode("word") == word)
                            return
                        }
                        let results = try await pool.execute([
                            Statement("INSERT INTO numbers VALUES ($1::int, $2)", number, word),
                            Statement("SELECT word FROM numbers WHERE id = $1::int", number),
                        ])
                        #expect(results[0].affectedRowCount == 1)
                        #expect(try results[1].first?.decode("word") == word)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await pool.execute(Statement("SELECT count(*) AS n FROM numbers")).first?.decode("n") == 500)
        }
    }

    @Test("Results larger than any buffer arrive whole while others wait behind them")
    func largeResults() async throws {
        try await withPool(configure: { $0.connections = 1 }) { pool in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for size in [3_000_000, 10, 2_000_000, 1] {
                    group.addTask {
                        let sent = String(repeating: "é", count: size)
                        let rows = try await pool.execute(Statement("SELECT $1::text AS text", sent))
                        #expect(try rows.first?.decode("text") == sent)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("A lock first and a check after it serialise 100 concurrent counters exactly")
    func lockThenCheck() async throws {
        try await withPool { pool in
            _ = try await pool.execute([
                Statement("CREATE TABLE counters (id int PRIMARY KEY, value int NOT NULL)")
            ])
            _ = try await pool.execute(Statement("INSERT INTO counters VALUES (1, 0)"))
            _ = try await pool.execute(Statement("CREATE TABLE taken (value int PRIMARY KEY)"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        // The second statement counts rows of another table: right only with a snapshot newer than the
                        // lock, as a snapshot from before it would give two callers the same number.
                        _ = try await pool.execute([
                            Statement("SELECT value FROM counters WHERE id = $1::int FOR UPDATE", 1),
                            Statement("INSERT INTO taken SELECT count(*) FROM taken"),
                            Statement("UPDATE counters SET value = (SELECT count(*) FROM taken) WHERE id = 1"),
                        ])
                    }
                }
                try await group.waitForAll()
            }
            let row = try #require(
                await pool.execute(
                    Statement("SELECT value, (SELECT max(value) FROM taken) AS last FROM counters")
                ).first)
            #expect(try row.decode("value") == 100)
            #expect(try row.decode("last") == 99)
        }
    }
}
