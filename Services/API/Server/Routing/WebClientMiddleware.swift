import HTTPTypes
import Hummingbird

/// Serves the built web client where no proxy does. An address that is neither a file nor the API's is a page of the
/// client, so it gets `index.html`.
struct WebClientMiddleware: RouterMiddleware {
    private let files: FileMiddleware<APIRequestContext, LocalFileSystem>

    init(root: String) {
        files = FileMiddleware(root, searchForIndexHtml: true)
    }

    func handle(
        _ request: Request, context: APIRequestContext,
        next: @concurrent (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound && isPage(request) {
            do {
                return try await files.handle(request, context: context) { _, _ in throw error }
            } catch let error as HTTPError where error.status == .notFound {
                var head = request.head
                head.path = "/index.html"
                let index = Request(head: head, body: request.body)
                return try await files.handle(index, context: context) { _, _ in throw error }
            }
        }
    }

    private func isPage(_ request: Request) -> Bool {
        let path = request.uri.path
        return (request.method == .get || request.method == .head)
            && !["/api/", "/files/", "/health/", "/.well-known/", "/gateway"].contains { path.hasPrefix($0) }
    }
}
