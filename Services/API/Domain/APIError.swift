package import Contracts

/// The user's fault, or ours in a way the user should know of: answered as a problem document.
package struct APIError: Error, Equatable {
    package let code: ErrorCode
    /// What to do, in one sentence for a person.
    package let detail: String?
    /// The field that is not acceptable.
    package let field: String?
    /// How long to wait before asking again.
    package let retryAfter: Duration?

    package init(_ code: ErrorCode, _ detail: String? = nil, field: String? = nil, retryAfter: Duration? = nil) {
        self.code = code
        self.detail = detail
        self.field = field
        self.retryAfter = retryAfter
    }

    /// The one answer for what does not exist and for what the caller may not see, so that neither can be told apart.
    package static func notFound(_ what: String) -> APIError {
        APIError(.notFound, "There is no such \(what), or you may not see it.")
    }
}
