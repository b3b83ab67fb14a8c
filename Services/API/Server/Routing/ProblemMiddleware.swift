import APIDomain
import Contracts
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Postgres
import ServiceKit

/// The one place where errors become answers: the user's fault says what to do, ours says a request id and is logged.
struct ProblemMiddleware: RouterMiddleware {
    let logger: Logger

    func handle(
        _ request: Request, context: APIRequestContext,
        next: @concurrent (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let requestID = requestID(of: request)
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            let problem = describe(error)
            if problem.code.httpStatus >= 500, problem.code != .unavailable {
                logger.error(
                    "request failed",
                    metadata: [
                        "request": "\(requestID)", "method": "\(request.method)", "path": "\(request.uri.path)",
                        "error": "\(error)",
                    ])
            }
            response = try answer(problem, requestID)
        }
        response.headers[.requestID] = requestID
        return response
    }

    private func describe(_ error: any Error) -> APIError {
        switch error {
        case let error as APIError: error
        case let error as HTTPError: describe(status: error.status)
        case is NIOTooManyBytesError:
            APIError(.bodyTooLarge, "A request has at most \(Limits.bodyByteCount) bytes.")
        case let error as PostgresError: describe(error)
        case is CancellationError: APIError(.unavailable, "The service is stopping. Try again.")
        default: APIError(.internalError, "Try again. If it stays, tell the operator the request id.")
        }
    }

    private func describe(status: HTTPResponse.Status) -> APIError {
        switch status.code {
        case 404: APIError(.notFound, "There is nothing at this address.")
        case 405: APIError(.methodNotAllowed)
        case 413: APIError(.bodyTooLarge, "A request has at most \(Limits.bodyByteCount) bytes.")
        case 400..<500: APIError(.malformedRequest)
        default: APIError(.internalError)
        }
    }

    private func describe(_ error: PostgresError) -> APIError {
        switch error {
        case .connectionLost, .unavailable, .queueFull, .shutDown:
            APIError(.unavailable, "The database is busy or restarting. Try again.", retryAfter: .seconds(1))
        case .nulCharacter: APIError(.validationFailed, "Text must not hold NUL characters.")
        case .server, .decoding:
            APIError(.internalError, "Try again. If it stays, tell the operator the request id.")
        }
    }

    private func answer(_ error: APIError, _ requestID: String) throws -> Response {
        let seconds = error.retryAfter.map { Int(($0 / .seconds(1)).rounded(.up)) }
        let problem = Problem(
            code: error.code, detail: error.detail, field: error.field, requestID: requestID, retryAfter: seconds)
        var headers: HTTPFields = [.contentType: "application/problem+json", .cacheControl: "no-store"]
        if let seconds { headers[.retryAfter] = String(seconds) }
        if error.code.httpStatus == 401 { headers[.wwwAuthenticate] = "Bearer" }
        return Response(
            status: HTTPResponse.Status(code: error.code.httpStatus), headers: headers,
            body: .init(byteBuffer: ByteBuffer(bytes: try WireJSON.encode(problem))))
    }

    /// The id that a proxy gave the request, or a new one.
    private func requestID(of request: Request) -> String {
        if let given = request.headers[.requestID], given.utf8.count <= Limits.requestIDCount,
            given.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        {
            return given
        }
        return RequestID.fresh().description
    }
}
