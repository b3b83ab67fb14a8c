import Contracts
import HTTPTypes
package import Hummingbird
import Logging

/// What Hummingbird keeps of one request.
package struct APIRequestContext: RequestContext {
    package var coreContext: CoreRequestContextStorage

    package init(source: Source) {
        coreContext = .init(source: source)
    }
}

extension HTTPField.Name {
    static let requestID = HTTPField.Name("X-Request-ID")!
    static let link = HTTPField.Name("Link")!
    static let acceptPost = HTTPField.Name("Accept-Post")!
    static let acceptPatch = HTTPField.Name("Accept-Patch")!
    static let retryAfter = HTTPField.Name("Retry-After")!
    static let idempotencyReplayed = HTTPField.Name("Idempotency-Replayed")!
    static let referrerPolicy = HTTPField.Name("Referrer-Policy")!
    static let permissionsPolicy = HTTPField.Name("Permissions-Policy")!
    static let forwardedProtocol = HTTPField.Name("X-Forwarded-Proto")!
    static let frameOptions = HTTPField.Name("X-Frame-Options")!
}
