import Foundation

/// The stack's PostgreSQL, through `psql`: for what a measurement must prepare or count there.
struct Database {
    private let environment: [String: String]

    /// - Parameter url: `postgres://user:password@host:port/database`.
    init(url: String) throws {
        guard let parts = URLComponents(string: url), let user = parts.user,
            let password = parts.password,
            let host = parts.host, let port = parts.port
        else {
            throw LoadFailure("ROOST_DATABASE_URL is not postgres://user:password@host:port/database.")
        }
        // By the environment, not as arguments, which every user of the machine can read.
        environment = ProcessInfo.processInfo.environment.merging([
            "PGUSER": user, "PGPASSWORD": password, "PGHOST": host, "PGPORT": "\(port)",
            "PGDATABASE": String(parts.path.dropFirst()),
        ]) { $1 }
    }

    /// Runs SQL; its rows, columns parted by `|`.
    @discardableResult
    func run(_ sql: String) throws -> [String] {
        let psql = Process()
        psql.executableURL = URL(fileURLWithPath: "/usr/bin/psql")
        psql.arguments = ["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql]
        psql.environment = environment
        let output = Pipe()
        psql.standardOutput = output
        try psql.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        psql.waitUntilExit()
        guard psql.terminationStatus == 0 else {
            throw LoadFailure("psql ended with \(psql.terminationStatus).")
        }
        return text.split(separator: "\n").map(String.init)
    }

    /// The one number that a query answers.
    func number(_ sql: String) throws -> Int {
        let rows = try run(sql)
        guard rows.count == 1, let number = Int(rows[0]) else {
            throw LoadFailure("No number: \(rows)")
        }
        return number
    }

    /// Where the stream of a channel stands.
    func head(of channel: Int) throws -> Int {
        try number(
            "SELECT last_seq FROM streams WHERE kind = 'channel' AND id = '\(try Population.channel(channel))'"
        )
    }

    /// Moves the stream of a channel to where events that no API knows of have brought it.
    func setHead(of channel: Int, to seq: Int) throws {
        try run(
            "UPDATE streams SET last_seq = \(seq) WHERE kind = 'channel' AND id = '\(try Population.channel(channel))'"
        )
    }

    /// Statements that PostgreSQL has run so far, all of them (pg_stat_statements).
    func statementCount() throws -> Int {
        try number("SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements")
    }
}
