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
    /// Headers beside those of the length and the end of the connection; the type is plain text unless they say another.
    package let headers: HTTPHeaders

    package init(_ status: HTTPResponseStatus, _ text: String, headers: HTTPHeaders = [:]) {
        self.status = status
        self.text = text
        self.headers = headers
    }
}

extension TextResponse {
    /// A page of figures.
    package init(_ page: PrometheusText) {
        self.init(.ok, page.text, headers: ["Content-Type": PrometheusText.contentType])
    }

    /// A JSON document.
    package init(json value: some Encodable) throws {
        let json = try WireJSON.encode(value)
        self.init(.ok, String(decoding: json, as: UTF8.self) + "\n", headers: ["Content-Type": "application/json"])
    }

    /// A page that could not be written, and why.
    package static func broken(_ why: any Error) -> TextResponse {
        TextResponse(.internalServerError, "The page cannot be written: \(why)\n")
    }
}
