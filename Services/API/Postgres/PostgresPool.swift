package import Logging

/// A few connections to PostgreSQL that many callers share: their batches are interleaved in libpq's pipeline mode.
///
/// A batch is one implicit transaction in one round trip: its statements are sent together, then one Sync, which commits
/// all of them or none. There are no interactive transactions in this API, deliberately: no lock is ever held while the
/// database waits for a client. What must be decided under a lock is decided by SQL in the same batch: with
/// `SELECT … FOR UPDATE` first, the next statement sees a new snapshot (READ COMMITTED), taken under that lock.
///
/// Everything of libpq happens on one thread, which `run` starts; this class only gives it work. Waits are bounded: by
/// `queueTimeout` before a batch is sent, and by `statementTimeout` and `stallGrace` after. Cancelling a caller's task
/// does not interrupt the wait, as the batch may already be committed: the caller gets the true outcome, and may drop it.
package final class PostgresPool: Sendable {
    private let configuration: PostgresConfiguration
    private let logger: Logger
    private let inbox: Inbox

    /// Connects nothing yet. Batches given before `run` wait for it, without a deadline.
    package init(configuration: PostgresConfiguration, logger: Logger) {
        precondition(configuration.connections > 0 && configuration.snapshotConnections > 0, "a lane needs connections")
        precondition(configuration.statementTimeout > .zero, "0 would mean statements without a bound")
        self.configuration = configuration
        self.logger = logger
        let connectionCount = configuration.connections + configuration.snapshotConnections
        inbox = Inbox(
            batchLimit: 2 * configuration.queuedBatches + connectionCount * configuration.batchesInFlightPerConnection)
    }

    /// The lifetime of the pool. Call it once. Returns after `shutdown` or the cancellation of its task, when all batches
    /// that were accepted have their outcome.
    /// - Throws: only when the system has no thread left.
    package func run() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                do throws(ThreadFailure) {
                    try startBlockingThread { [configuration, logger, inbox] in
                        PollLoop(configuration: configuration, inbox: inbox, logger: logger).run()
                        done.resume()
                    }
                } catch {
                    done.resume(throwing: error)
                }
            }
        } onCancel: {
            shutdown()
        }
    }

    /// Refuses new batches, as `.shutDown`, and lets `run` return when those accepted are done.
    package func shutdown() {
        inbox.shutDown()
    }

    /// Runs the statements as one READ COMMITTED transaction.
    /// - Parameter statements: at most `PostgresConfiguration.maximumStatementsInBatch`.
    /// - Returns: one result for each statement, in order.
    /// - Throws: `.server` when a statement failed and all were rolled back; `.connectionLost` when the outcome is
    ///   unknown; any other error when nothing was sent.
    package func execute(_ statements: [Statement]) async throws(PostgresError) -> [PostgresResult] {
        try await run(statements, on: .work)
    }

    /// Runs one statement as a transaction of its own.
    /// - Throws: as `execute` of many.
    package func execute(_ statement: Statement) async throws(PostgresError) -> PostgresResult {
        try await run([statement], on: .work)[0]
    }

    /// Runs the statements as one REPEATABLE READ, read-only transaction, on connections of their own: all of them see
    /// the database at one moment.
    /// - Throws: as `execute`.
    package func snapshot(_ statements: [Statement]) async throws(PostgresError) -> [PostgresResult] {
        try await run(statements, on: .snapshot)
    }

    private func run(_ statements: [Statement], on lane: Lane) async throws(PostgresError) -> [PostgresResult] {
        precondition(statements.count <= PostgresConfiguration.maximumStatementsInBatch, "the batch is too long")
        if statements.isEmpty { return [] }
        for (index, statement) in statements.enumerated() {
            guard let parameter = statement.nulParameter else { continue }
            throw .nulCharacter(statementIndex: index, parameterIndex: parameter)
        }
        let outcome: Result<[PostgresResult], PostgresError> = await withCheckedContinuation { continuation in
            inbox.submit(Batch(lane: lane, statements: statements, continuation: continuation))
        }
        return try outcome.get()
    }
}
