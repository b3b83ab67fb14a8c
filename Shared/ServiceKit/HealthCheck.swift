package import NIOHTTP1

/// What a service says of its health: `/health/live` while the process runs, `/health/ready` while it can serve.
package struct HealthCheck: Sendable {
    /// `nil` when the service can serve, else why not, in a few words.
    private let whyNotReady: @Sendable () -> String?

    /// - Parameter whyNotReady: `nil` when the service can serve, else why not, in a few words. Called on event loops: it
    ///   must not block.
    package init(whyNotReady: @escaping @Sendable () -> String?) {
        self.whyNotReady = whyNotReady
    }

    /// The answer to a probe; `nil` for every other address.
    package func answer(to uri: String) -> TextResponse? {
        switch uri {
        case "/health/live": TextResponse(.ok, "live\n")
        case "/health/ready":
            if let reason = whyNotReady() {
                TextResponse(.serviceUnavailable, "\(reason)\n")
            } else {
                TextResponse(.ok, "ready\n")
            }
        default: nil
        }
    }
}

/// A whole HTTP response of plain text.
package struct TextResponse: Sendable {
    package let status: HTTPResponseStatus
    package let text: String
    /// Headers beside those of the length, the type and the end of the connection.
    package let headers: HTTPHeaders

    package init(_ status: HTTPResponseStatus, _ text: String, headers: HTTPHeaders = [:]) {
        self.status = status
        self.text = text
        self.headers = headers
    }
}
