import CLibPQ
import Glibc

/// What one statement returned: its rows, in order, read in place from libpq's memory.
package struct PostgresResult: RandomAccessCollection, Sendable {
    private let handle: ResultHandle

    init(_ handle: ResultHandle) {
        self.handle = handle
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { handle.rowCount }
    package subscript(position: Int) -> PostgresRow {
        precondition(indices.contains(position), "row index out of range")
        return PostgresRow(handle: handle, index: Int32(position))
    }

    /// Rows that were selected, inserted, updated or deleted; 0 for other commands.
    package var affectedRowCount: Int { handle.affectedRowCount }
}

/// One row of a result. It keeps the whole result alive: decode it, then let it go.
package struct PostgresRow: Sendable {
    fileprivate let handle: ResultHandle
    fileprivate let index: Int32

    /// Reads a column that cannot be NULL.
    /// - Throws: `.decoding` when the column is missing, NULL, or not a `T`.
    package func decode<T: PostgresDecodable>(
        _ column: String, as type: T.Type = T.self
    ) throws(PostgresError) -> T {
        guard let value = try decode(column, as: T?.self) else {
            throw .decoding(column: column, expected: "\(type)", found: "NULL")
        }
        return value
    }

    /// Reads a column that may be NULL.
    /// - Throws: `.decoding` when the column is missing or not a `T`.
    package func decode<T: PostgresDecodable>(
        _ column: String, as type: T?.Type = T?.self
    ) throws(PostgresError) -> T? {
        guard let field = handle.column(named: column) else {
            throw .decoding(column: column, expected: "\(T.self)", found: "no such column")
        }
        guard let text = handle.text(row: index, column: field) else { return nil }
        guard let value = T(postgresText: text) else {
            throw .decoding(column: column, expected: "\(T.self)", found: String(text.prefix(64)))
        }
        return value
    }

    /// The text of a column; nil when it is NULL or there is no such column.
    package subscript(column: String) -> String? {
        handle.column(named: column).flatMap { handle.text(row: index, column: $0) }
    }
}

/// Owns one `PGresult`.
///
/// SAFETY: `@unchecked Sendable` because libpq never changes a `PGresult` after `PQgetResult` returned it and documents
/// it as free to be read by many threads (libpq §34.20); the pointer is private and cleared once, in `deinit`.
final class ResultHandle: @unchecked Sendable {
    private let result: OpaquePointer

    /// Takes ownership of a result that no one else clears.
    init(_ result: OpaquePointer) {
        self.result = result
    }

    deinit {
        PQclear(result)
    }

    var rowCount: Int { Int(PQntuples(result)) }

    var affectedRowCount: Int { PQcmdTuples(result).map { Int(atol($0)) } ?? 0 }

    /// Compares names in place: with a dozen columns this is cheaper than a dictionary, and PQfnumber allocates.
    func column(named name: String) -> Int32? {
        name.withCString { wanted in
            for column in 0..<PQnfields(result) {
                if let found = PQfname(result, column), strcmp(found, wanted) == 0 { return column }
            }
            return nil
        }
    }

    /// The text of a field; nil when NULL. `row` and `column` are within the result.
    func text(row: Int32, column: Int32) -> String? {
        guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else { return nil }
        let count = Int(PQgetlength(result, row, column))
        return String(decoding: UnsafeRawBufferPointer(start: value, count: count), as: UTF8.self)
    }
}

extension ServerError {
    /// Reads the fields of a failed result.
    init(result: OpaquePointer, statementIndex: Int? = nil) {
        func field(_ code: Character) -> String? {
            guard let ascii = code.asciiValue else { return nil }
            return PQresultErrorField(result, Int32(ascii)).map { String(cString: $0) }
        }
        // The codes are PG_DIAG_* of postgres_ext.h, character macros that Swift does not import.
        self.init(
            sqlState: field("C") ?? "XX000",
            message: field("M") ?? String(cString: PQresultErrorMessage(result)),
            detail: field("D"),
            constraint: field("n"),
            statementIndex: statementIndex)
    }
}
