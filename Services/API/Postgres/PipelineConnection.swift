import CLibPQ

/// A batch on its way: what to send and who waits for it.
struct Batch: Sendable {
    let lane: Lane
    let statements: [Statement]
    let continuation: CheckedContinuation<Result<[PostgresResult], PostgresError>, Never>

    func finish(_ result: Result<[PostgresResult], PostgresError>) {
        continuation.resume(returning: result)
    }
}

/// One connection in pipeline mode: libpq's calls around a `PipelineMachine`. Owned by the poll thread.
final class PipelineConnection {
    /// What a call left behind.
    enum Outcome {
        /// This many batches were answered.
        case open(answered: Int)
        case closed
    }

    private let connection: Connection
    private let configuration: PostgresConfiguration
    private var machine: PipelineMachine<Batch, ResultHandle>
    private var commands: [PipelineCommand] = []
    private var parameters: [UnsafePointer<CChar>?] = []
    /// When the server could begin to work on the batch it owes an answer to.
    private var headSince: ContinuousClock.Instant
    /// True while libpq holds bytes that the kernel did not take.
    private(set) var hasUnsentBytes = false

    init(_ connection: Connection, configuration: PostgresConfiguration, now: ContinuousClock.Instant) {
        self.connection = connection
        self.configuration = configuration
        machine = PipelineMachine(nameLimit: configuration.preparedStatements)
        headSince = now
    }

    var socket: Int32 { PQsocket(connection.pointer) }

    /// OpenSSL may hold decrypted bytes that poll(2) cannot see, and libpq has no call to ask. Such a connection is read
    /// on a timer as well while answers are owed.
    var mayHideInput: Bool { !machine.isEmpty && PQsslInUse(connection.pointer) == 1 }

    var errorMessage: String { connection.errorMessage }

    /// When the oldest batch has had all the time its statements may take: the server is frozen or unreachable.
    var stallDeadline: ContinuousClock.Instant? {
        guard !machine.isEmpty else { return nil }
        return headSince + configuration.statementTimeout * machine.headCommandCount + configuration.stallGrace
    }

    /// Hands a batch to libpq. PQpipelineSync of libpq 15 also writes it to the socket.
    /// - Returns: false when the connection is of no more use; the batch is then among `loseAll`.
    func send(_ batch: Batch, now: ContinuousClock.Instant) -> Bool {
        if machine.isEmpty { headSince = now }
        machine.send(batch, keys: batch.statements.map(\.key), commands: &commands)
        for command in commands {
            guard send(command, of: batch) else { return false }
        }
        return PQpipelineSync(connection.pointer) == 1
    }

    private func send(_ command: PipelineCommand, of batch: Batch) -> Bool {
        switch command {
        case .prepare(let index, let name):
            // A StaticString's memory ends with NUL, so it is a C string as it is.
            return batch.statements[index].withCSQL { PQsendPrepare(connection.pointer, name, $0, 0, nil) == 1 }
        case .execute(let index, let name):
            return withParameters(of: batch.statements[index]) { count, values in
                PQsendQueryPrepared(connection.pointer, name, count, values, nil, nil, 0) == 1
            }
        case .executeUnnamed(let index):
            let statement = batch.statements[index]
            return withParameters(of: statement) { count, values in
                statement.withCSQL {
                    PQsendQueryParams(connection.pointer, $0, count, nil, values, nil, nil, 0) == 1
                }
            }
        }
    }

    private func withParameters(
        of statement: Statement, _ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>?) -> Bool
    ) -> Bool {
        statement.bytes.withUnsafeBytes { bytes in
            // SAFETY: every offset is inside `bytes` and its text ends with NUL (Statement.init); the pointers are used
            // only while `bytes` is valid.
            parameters.removeAll(keepingCapacity: true)
            for offset in statement.offsets {
                let text = bytes.baseAddress.map { ($0 + Int(offset)).assumingMemoryBound(to: CChar.self) }
                parameters.append(offset < 0 ? nil : text)
            }
            return parameters.withUnsafeBufferPointer { body(Int32($0.count), $0.baseAddress) }
        }
    }

    /// Writes what libpq holds.
    func flush() -> Outcome {
        switch PQflush(connection.pointer) {
        case 0: hasUnsentBytes = false
        case 1: hasUnsentBytes = true
        default: return .closed
        }
        return .open(answered: 0)
    }

    /// Reads what has arrived and gives every complete answer to its caller. When the server has hung up, the answers
    /// that came before are still given.
    func receive(now: ContinuousClock.Instant) -> Outcome {
        let isOpen = PQconsumeInput(connection.pointer) == 1
        var answered = 0
        var nulls = 0
        // PQisBusy parses the input; it is also called with nothing in flight, for notices.
        while PQisBusy(connection.pointer) == 0, !machine.isEmpty {
            guard let result = PQgetResult(connection.pointer) else {
                // One NULL ends each command. More in a row mean that libpq expects nothing while we do.
                nulls += 1
                if nulls > 2 { return .closed }
                continue
            }
            nulls = 0
            guard let reply = Self.reply(result) else { return .closed }
            switch machine.receive(reply) {
            case .none: break
            case .desynchronized: return .closed
            case .deliver(let batch, let outcome):
                answered += 1
                headSince = now
                batch.finish(outcome.map { $0.map { PostgresResult($0) } }.mapError { .server($0) })
            }
        }
        return isOpen ? .open(answered: answered) : .closed
    }

    /// Fails everything in flight. Call once, then release the connection.
    func loseAll() {
        for batch in machine.loseAll() { batch.finish(.failure(.connectionLost)) }
    }

    /// Takes ownership of `result`; nil for what cannot be in a pipeline (COPY).
    private static func reply(_ result: OpaquePointer) -> PipelineReply<ResultHandle>? {
        let handle = ResultHandle(result)
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return .success(handle)
        case PGRES_PIPELINE_SYNC: return .synchronized
        case PGRES_PIPELINE_ABORTED: return .aborted
        case PGRES_FATAL_ERROR, PGRES_NONFATAL_ERROR, PGRES_BAD_RESPONSE:
            return withExtendedLifetime(handle) { .failure(ServerError(result: result)) }
        default: return nil
        }
    }
}

extension Statement {
    fileprivate func withCSQL(_ body: (UnsafePointer<CChar>) -> Bool) -> Bool {
        sql.utf8Start.withMemoryRebound(to: CChar.self, capacity: sql.utf8CodeUnitCount + 1) { body($0) }
    }
}
