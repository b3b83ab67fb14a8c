/// One SQL statement and its parameters.
///
/// The SQL is a `StaticString`, a literal of this program, so no text of a user can become part of it. Values go in as
/// `$1`, `$2`, …, in text format; the server infers their types, so cast where it cannot: `$1::uuid`.
package struct Statement: Sendable {
    /// The literal. Its address is its identity in the cache of prepared statements.
    package let sql: StaticString
    /// All parameters one after the other, each ended by NUL, as libpq wants them: one allocation for all.
    let bytes: [UInt8]
    /// Where each parameter starts in `bytes`; -1 is NULL.
    let offsets: [Int32]
    /// The first parameter that holds U+0000. libpq would end it there without a word.
    let nulParameter: Int?

    /// - Parameter parameters: at most 65,535 (the protocol's limit; more is a programmer error).
    package init(_ sql: StaticString, _ parameters: any PostgresEncodable...) {
        self.init(sql, parameters: parameters)
    }

    /// - Parameter parameters: at most 65,535 (the protocol's limit; more is a programmer error).
    package init(_ sql: StaticString, parameters: [any PostgresEncodable]) {
        precondition(sql.hasPointerRepresentation, "SQL is more than one character")
        precondition(parameters.count <= 65_535, "PostgreSQL takes at most 65,535 parameters in a statement")
        var bytes: [UInt8] = []
        var offsets: [Int32] = []
        var nulParameter: Int?
        bytes.reserveCapacity(parameters.count * 40)
        offsets.reserveCapacity(parameters.count)
        for (index, parameter) in parameters.enumerated() {
            guard let text = parameter.postgresText else {
                offsets.append(-1)
                continue
            }
            let start = bytes.count
            offsets.append(Int32(start))
            bytes.append(contentsOf: text.utf8)
            if nulParameter == nil, bytes[start...].contains(0) { nulParameter = index }
            bytes.append(0)
        }
        self.sql = sql
        self.bytes = bytes
        self.offsets = offsets
        self.nulParameter = nulParameter
    }

    /// The same for two statements only when their SQL is the same literal.
    var key: StatementKey {
        StatementKey(address: UInt(bitPattern: sql.utf8Start))
    }
}

/// The address of a SQL literal, which no other text can have while the program runs.
package struct StatementKey: Hashable, Sendable {
    let address: UInt

    package init(address: UInt) {
        self.address = address
    }
}
