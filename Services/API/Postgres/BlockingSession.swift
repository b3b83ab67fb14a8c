import CLibPQ

/// A connection used with blocking calls, outside the pool, by one thread.
struct BlockingSession {
    private let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    var isInTransaction: Bool { PQtransactionStatus(connection.pointer) == PQTRANS_INTRANS }

    /// Runs trusted SQL: without parameters it may be several statements, with them it is one.
    @discardableResult
    func run(_ sql: String, _ parameters: [String] = []) throws(ServerError) -> PostgresResult {
        let result =
            if parameters.isEmpty {
                PQexec(connection.pointer, sql)
            } else {
                withCStrings(parameters) { values in
                    PQexecParams(connection.pointer, sql, Int32(parameters.count), nil, values, nil, nil, 0)
                }
            }
        guard let result else { throw ServerError(sqlState: "08006", message: connection.errorMessage) }
        let handle = ResultHandle(result)
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return PostgresResult(handle)
        default: throw withExtendedLifetime(handle) { ServerError(result: result) }
        }
    }
}
