/// The body of every error answer, `application/problem+json` (RFC 9457).
package struct Problem: WireObject {
    package static let summary = "What went wrong and what to do about it (RFC 9457)."
    package static var fields: [String: FieldRule] {
        [
            "type": FieldRule("Always about:blank; `code` tells problems apart."),
            "detail": FieldRule("What to do, for a person."),
            "field": FieldRule("The field that is not acceptable."),
            "requestID": FieldRule("Quote it to the operator: the log has it."),
            "retryAfter": FieldRule("Seconds to wait, as in Retry-After."),
        ]
    }
    package let type: String
    package let title: String
    package let status: Int
    package let code: ErrorCode
    package let detail: String?
    package let field: String?
    package let requestID: String?
    package let retryAfter: Int?

    package init(
        code: ErrorCode, detail: String? = nil, field: String? = nil, requestID: String? = nil, retryAfter: Int? = nil
    ) {
        type = "about:blank"
        title = code.title
        status = code.httpStatus
        self.code = code
        self.detail = detail
        self.field = field
        self.requestID = requestID
        self.retryAfter = retryAfter
    }
}

/// The body of a request or an answer that has none.
package struct Empty: WireObject {
    package static let summary = "Nothing."
    package init() {}
}
