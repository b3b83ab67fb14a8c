import HTTPTypes
import Hummingbird

/// Security headers on every answer, and CORS for an allow-list of origins (Fetch standard §3.2).
struct HeaderMiddleware: RouterMiddleware {
    let allowedOrigins: Set<String>

    func handle(
        _ request: Request, context: APIRequestContext,
        next: @concurrent (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let origin = request.headers[.origin].flatMap { allowedOrigins.contains($0) ? $0 : nil }
        if let origin, request.method == .options, request.headers[.accessControlRequestMethod] != nil {
            return Response(status: .noContent, headers: preflight(origin))
        }
        var response = try await next(request, context)
        if let origin {
            response.headers[.accessControlAllowOrigin] = origin
            response.headers[.accessControlAllowCredentials] = "true"
            response.headers[.accessControlExposeHeaders] = "ETag, Link, Location"
            response.headers[.vary] = "Origin"
        }
        secure(&response.headers, path: request.uri.path)
        return response
    }

    private func preflight(_ origin: String) -> HTTPFields {
        [
            .accessControlAllowOrigin: origin,
            .accessControlAllowCredentials: "true",
            .accessControlAllowMethods: "GET, POST, PUT, PATCH, DELETE",
            .accessControlAllowHeaders: "Authorization, Content-Type, If-Match",
            .accessControlMaxAge: "600",
            .vary: "Origin",
        ]
    }

    private func secure(_ headers: inout HTTPFields, path: String) {
        headers[.xContentTypeOptions] = "nosniff"
        headers[.frameOptions] = "DENY"
        headers[.referrerPolicy] = "no-referrer"
        headers[.permissionsPolicy] = "camera=(self), microphone=(self), display-capture=(self)"
        if headers[.contentDisposition] != nil {
            // What people uploaded: opened by itself it has an origin of its own, and no other site embeds it.
            headers[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'; sandbox"
            headers[.crossOriginResourcePolicy] = "same-origin"
        } else if path.hasPrefix("/api/") || path.hasPrefix("/files/") {
            headers[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'"
        } else {
            // Swagger UI styles its elements from script.
            let style = path.hasPrefix("/docs") ? "'self' 'unsafe-inline'" : "'self'"
            headers[.contentSecurityPolicy] =
                "default-src 'none'; script-src 'self'; style-src \(style); img-src 'self' data: blob:; "
                + "connect-src 'self'; font-src 'self'; manifest-src 'self'; media-src 'self' blob:; "
                + "worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
        }
    }
}
