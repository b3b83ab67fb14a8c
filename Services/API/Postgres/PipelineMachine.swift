import NIOCore

/// One message to the server. `statement` is an index in the batch.
package enum PipelineCommand: Equatable {
    /// Parse under a name.
    case prepare(statement: Int, name: String)
    /// Bind and execute a prepared statement.
    case execute(statement: Int, name: String)
    /// Parse without a name, bind and execute.
    case executeUnnamed(statement: Int)
}

/// One answer of the server, in the order the commands were sent.
package enum PipelineReply<Output> {
    case success(Output)
    case failure(ServerError)
    /// Skipped, because an earlier command of the batch failed.
    case aborted
    /// The end of a batch.
    case synchronized
}

package enum PipelineAction<Payload, Output> {
    case none
    /// The batch is committed, or rolled back with this error.
    case deliver(Payload, Result<[Output], ServerError>)
    /// The answers do not match what was sent: the connection must be closed.
    case desynchronized
}

/// Knows what one connection has prepared, and gives each answer to the batch that asked.
///
/// A batch is its Parse messages, then its Bind and Execute messages, then Sync. A pure value, owned by the poll thread.
package struct PipelineMachine<Payload, Output> {
    private enum Prepared {
        /// Parse is in flight, sent by the batch with this serial number. If it fails the name does not exist, so other
        /// batches run unnamed until the answer is here.
        case pending(name: String, batch: Int)
        case ready(name: String)
    }

    private struct InFlight {
        var payload: Payload
        var keys: [StatementKey]
        /// The statements that this batch prepares; mostly empty.
        var prepares: [Int]
        var answered = 0
        var outputs: [Output] = []
        var error: ServerError?
    }

    private let nameLimit: Int
    private var prepared: [StatementKey: Prepared] = [:]
    /// Names that may exist on the server, those of forgotten statements included.
    private var namesInUse = 0
    private var nextName = 0
    private var nextBatch = 0
    private var inFlight = CircularBuffer<InFlight>()

    /// - Parameter nameLimit: how many names may exist on the server.
    package init(nameLimit: Int) {
        self.nameLimit = nameLimit
    }

    /// True when no answer is owed.
    package var isEmpty: Bool { inFlight.isEmpty }

    /// Statements and prepares of the batch whose answer comes next.
    package var headCommandCount: Int { inFlight.first.map { $0.keys.count + $0.prepares.count } ?? 0 }

    /// Adds a batch and fills `commands` with what to send for it, before Sync.
    package mutating func send(_ payload: Payload, keys: [StatementKey], commands: inout [PipelineCommand]) {
        commands.removeAll(keepingCapacity: true)
        let batch = nextBatch
        nextBatch += 1
        var prepares: [Int] = []
        for (index, key) in keys.enumerated() where prepared[key] == nil && namesInUse < nameLimit {
            let name = "s\(nextName)"
            nextName += 1
            namesInUse += 1
            prepared[key] = .pending(name: name, batch: batch)
            prepares.append(index)
            commands.append(.prepare(statement: index, name: name))
        }
        for (index, key) in keys.enumerated() {
            switch prepared[key] {
            case .ready(let name): commands.append(.execute(statement: index, name: name))
            case .pending(let name, batch): commands.append(.execute(statement: index, name: name))
            default: commands.append(.executeUnnamed(statement: index))
            }
        }
        var entry = InFlight(payload: payload, keys: keys, prepares: prepares)
        entry.outputs.reserveCapacity(keys.count)
        inFlight.append(entry)
    }

    /// Takes the next answer of the server.
    package mutating func receive(_ reply: PipelineReply<Output>) -> PipelineAction<Payload, Output> {
        guard !inFlight.isEmpty else { return .desynchronized }
        let head = inFlight.startIndex
        if case .synchronized = reply { return finishHead() }

        let position = inFlight[head].answered
        let prepareCount = inFlight[head].prepares.count
        let commandCount = prepareCount + inFlight[head].keys.count
        // An error beyond the last command is the commit that failed: PostgreSQL reports it while it handles Sync.
        if position >= commandCount {
            guard case .failure(let error) = reply else { return .desynchronized }
            if inFlight[head].error == nil { inFlight[head].error = error }
            return .none
        }
        inFlight[head].answered += 1
        let isPrepare = position < prepareCount
        let statement = isPrepare ? inFlight[head].prepares[position] : position - prepareCount
        let key = inFlight[head].keys[statement]
        switch reply {
        case .success(let output):
            if isPrepare { confirm(key) } else { inFlight[head].outputs.append(output) }
        case .failure(var error):
            error.statementIndex = statement
            if isPrepare { abandon(key) } else { forget(key, after: error) }
            if inFlight[head].error == nil { inFlight[head].error = error }
        case .aborted:
            if isPrepare { abandon(key) }
        case .synchronized:
            break
        }
        return .none
    }

    /// The connection has ended: all batches whose outcome is unknown, in the order they were sent.
    package mutating func loseAll() -> [Payload] {
        defer { inFlight.removeAll() }
        return inFlight.map(\.payload)
    }

    private mutating func finishHead() -> PipelineAction<Payload, Output> {
        let done = inFlight.removeFirst()
        guard done.answered == done.keys.count + done.prepares.count else { return .desynchronized }
        if let error = done.error { return .deliver(done.payload, .failure(error)) }
        return .deliver(done.payload, .success(done.outputs))
    }

    private mutating func confirm(_ key: StatementKey) {
        if case .pending(let name, _) = prepared[key] { prepared[key] = .ready(name: name) }
    }

    /// The Parse failed or was skipped: the name does not exist on the server.
    private mutating func abandon(_ key: StatementKey) {
        prepared[key] = nil
        namesInUse -= 1
    }

    /// A name that no longer works: the statement no longer exists (26000), or a migration changed what it returns
    /// (0A000, "cached plan must not change result type"). The next batch prepares it anew under another name. The old
    /// name may still exist and keeps counting against the limit.
    private mutating func forget(_ key: StatementKey, after error: ServerError) {
        guard error.sqlState == "26000" || error.sqlState == "0A000" else { return }
        if case .ready = prepared[key] { prepared[key] = nil }
    }
}
