import APIDomain
import Postgres

extension PostgresPool {
    /// Runs a batch that may be refused because something of that name exists.
    /// - Parameter taken: what to answer, by the constraint or unique index that would be broken.
    func execute(_ statements: [Statement], taken: [String: APIError]) async throws -> [PostgresResult] {
        do throws(PostgresError) {
            return try await execute(statements)
        } catch {
            for (constraint, answer) in taken where error.isUniqueViolation(constraint: constraint) { throw answer }
            throw error
        }
    }
}
