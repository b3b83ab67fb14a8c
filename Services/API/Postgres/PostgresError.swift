/// Why a batch gave no results.
package enum PostgresError: Error, Sendable, Equatable {
    /// The server refused a statement. The whole batch was rolled back.
    case server(ServerError)
    /// The connection ended with the batch in flight. Whether it was committed is unknown: retry only what is idempotent.
    case connectionLost
    /// No connection became free within `queueTimeout`. Nothing was sent.
    case unavailable
    /// `queuedBatches` were already waiting. Nothing was sent.
    case queueFull
    /// The pool has been shut down. Nothing was sent.
    case shutDown
    /// A parameter holds U+0000, which PostgreSQL text cannot. Nothing was sent.
    case nulCharacter(statementIndex: Int, parameterIndex: Int)
    /// A result has no such column, or its text is not an `expected`. `found` is never longer than 64 characters.
    case decoding(column: String, expected: String, found: String)

    /// True when the server refused a row because it would break this unique constraint or index; nil means any.
    package func isUniqueViolation(constraint: String? = nil) -> Bool {
        guard case .server(let error) = self, error.sqlState == "23505" else { return false }
        return constraint == nil || error.constraint == constraint
    }
}

/// An error as PostgreSQL reported it.
package struct ServerError: Error, Sendable, Equatable {
    /// Five characters (PostgreSQL documentation, appendix A).
    package var sqlState: String
    package var message: String
    package var detail: String?
    /// The constraint that was broken, when one was.
    package var constraint: String?
    /// The statement in the batch, from 0; nil when the commit itself failed (a deferred constraint).
    package var statementIndex: Int?

    package init(
        sqlState: String, message: String, detail: String? = nil, constraint: String? = nil, statementIndex: Int? = nil
    ) {
        self.sqlState = sqlState
        self.message = message
        self.detail = detail
        self.constraint = constraint
        self.statementIndex = statementIndex
    }
}

extension PostgresError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .server(let error): "PostgreSQL: \(error)"
        case .connectionLost: "The connection to PostgreSQL was lost; whether the batch was committed is unknown."
        case .unavailable: "No connection to PostgreSQL became free in time."
        case .queueFull: "Too many batches are waiting for PostgreSQL."
        case .shutDown: "The PostgreSQL pool has been shut down."
        case .nulCharacter(let statement, let parameter):
            "Parameter \(parameter + 1) of statement \(statement) holds U+0000."
        case .decoding(let column, let expected, let found):
            "Column \"\(column)\" should be \(expected), found \(found)."
        }
    }
}

extension ServerError: CustomStringConvertible {
    // `detail` is left out on purpose: it quotes the values of rows, which do not belong in a log.
    package var description: String {
        let place = statementIndex.map { " in statement \($0)" } ?? ""
        let broken = constraint.map { " (\($0))" } ?? ""
        return "\(sqlState)\(place): \(message)\(broken)"
    }
}
