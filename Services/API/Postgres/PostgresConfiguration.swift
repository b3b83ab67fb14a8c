/// Where the database is, how many connections are kept, and the bounds of every queue and wait.
package struct PostgresConfiguration: Sendable {
    /// A libpq connection string or `postgres://` URI. What it says about host, user, TLS and `options` is kept;
    /// the session settings of `Lane` are added to it.
    package var url: String
    /// Shown in `pg_stat_activity`.
    package var applicationName: String = "roost-api"
    /// Connections for `execute`.
    package var connections: Int = 6
    /// Connections for `snapshot`, kept apart so that long replays cannot hold up a send.
    package var snapshotConnections: Int = 2
    /// Batches in flight on one connection. A slow batch holds up at most this many behind it.
    package var batchesInFlightPerConnection: Int = 64
    /// Batches that wait for a connection, per lane. The next one is refused as `.queueFull`.
    package var queuedBatches: Int = 1024
    /// Statements in one batch. More is a programmer error.
    package static let maximumStatementsInBatch = 256
    /// Statements kept prepared on one connection; those beyond it run unnamed.
    package var preparedStatements: Int = 512
    /// How long a batch waits for a connection before it fails as `.unavailable`.
    package var queueTimeout: Duration = .seconds(5)
    /// DNS excepted, how long one connection attempt may take.
    package var connectTimeout: Duration = .seconds(5)
    /// The server's own bound on each statement, lock waits included.
    package var statementTimeout: Duration = .seconds(5)
    /// Added to what the statements of a batch may take before its connection is given up as dead: a frozen server
    /// acknowledges bytes and answers nothing.
    package var stallGrace: Duration = .seconds(10)
    /// First and last wait between connection attempts; each attempt doubles it, and half of it is random.
    package var backoff: ClosedRange<Duration> = .milliseconds(50) ... .seconds(2)

    package init(url: String) {
        self.url = url
    }
}

/// A group of connections with the same session settings.
enum Lane: Int, CaseIterable, Sendable {
    /// READ COMMITTED, read and write.
    case work
    /// REPEATABLE READ, read only.
    case snapshot
}
