import APIDomain
import Contracts
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceKit

/// Puts endpoints of the contract on the router: decode → access → perform → encode. Routes exist only by way of the
/// contract, so the documents cannot miss one.
final class RouteTable {
    private let router: Router<APIRequestContext>
    let authenticator: Authenticator
    /// The names of the endpoints that have a route.
    private(set) var names: Set<String> = []

    init(router: Router<APIRequestContext>, authenticator: Authenticator) {
        self.router = router
        self.authenticator = authenticator
    }

    /// An endpoint that works without a token.
    func on<Body, Reply>(
        open endpoint: Endpoint<Body, Reply>, perform: @escaping @Sendable (Call<Body>) async throws -> Answer<Reply>
    ) {
        precondition(endpoint.description.isPublic, "\(endpoint.description.name) wants a token by its contract")
        add(endpoint, access: { _ in }, perform: { call, _ in try await perform(call) })
    }

    /// An endpoint for a principal whose session lives.
    func on<Body, Reply>(
        _ endpoint: Endpoint<Body, Reply>,
        perform: @escaping @Sendable (Call<Body>, Principal) async throws -> Answer<Reply>
    ) {
        add(endpoint, access: authenticator.authenticate(authorization:), perform: perform)
    }

    /// An endpoint for a principal whose token is valid; the action checks the session itself.
    func on<Body, Reply>(
        checkingSession endpoint: Endpoint<Body, Reply>,
        perform: @escaping @Sendable (Call<Body>, Principal) async throws -> Answer<Reply>
    ) {
        add(endpoint, access: authenticator.verify(authorization:), perform: perform)
    }

    /// An endpoint whose body, of at most so many bytes, or whose answer is text of a media type of its own.
    func on(
        text endpoint: Endpoint<Empty, Empty>, upTo byteCount: Int,
        perform: @escaping @Sendable (Call<Empty>, String, Principal) async throws -> TextAnswer
    ) {
        let description = endpoint.description
        route(description) { [authenticator] request, context in
            let principal = try await authenticator.authenticate(authorization: request.headers[.authorization])
            let text = try await text(of: request, as: description.takes, upTo: byteCount)
            let call = Call<Empty>(body: Empty(), request: request, parameters: context.parameters)
            return try await perform(call, text, principal).response(to: description)
        }
    }

    /// Says what an address takes; for anybody, as it is no endpoint that does anything.
    func onOptions(_ path: String, _ headers: HTTPFields) {
        router.on(RouterPath(path), method: .options) { _, _ in Response(status: .noContent, headers: headers) }
    }

    /// Who asks comes before what is asked: a stranger learns nothing from what is wrong with a body.
    private func add<Body, Reply, Caller>(
        _ endpoint: Endpoint<Body, Reply>,
        access: @escaping @Sendable (_ authorization: String?) async throws -> Caller,
        perform: @escaping @Sendable (Call<Body>, Caller) async throws -> Answer<Reply>
    ) {
        let description = endpoint.description
        route(description) { request, context in
            let caller = try await access(request.headers[.authorization])
            let body: Body = try await decodeBody(of: request)
            let call = Call(body: body, request: request, parameters: context.parameters)
            return try encode(try await perform(call, caller), status: description.status)
        }
    }

    func route(
        _ description: EndpointDescription,
        handle: @escaping @Sendable (Request, APIRequestContext) async throws -> Response
    ) {
        names.insert(description.name)
        guard let method = HTTPRequest.Method(rawValue: description.method.rawValue) else {
            preconditionFailure("\(description.name) has no HTTP method")
        }
        router.on(RouterPath(description.path), method: method) { request, context in
            try await handle(request, context)
        }
    }
}

private func decodeBody<Body: WireObject>(of request: Request) async throws -> Body {
    if let empty = Empty() as? Body { return empty }
    guard request.headers[.contentType]?.hasPrefix("application/json") == true else {
        throw APIError(.unsupportedMediaType, "Send the body as application/json.")
    }
    let bytes = try await request.body.collect(upTo: Limits.bodyByteCount)
    do {
        return try WireJSON.decode(Body.self, from: bytes.readableBytesView)
    } catch {
        let (field, detail) = WireJSON.explanation(of: error)
        throw APIError(.malformedRequest, detail, field: field)
    }
}

private func encode<Body>(_ answer: Answer<Body>, status: Int) throws -> Response {
    var headers = answer.headers
    let status = HTTPResponse.Status(code: answer.status ?? status)
    guard Body.self != Empty.self else { return Response(status: status, headers: headers) }
    let json = try answer.json ?? ByteBuffer(bytes: try WireJSON.encode(answer.body))
    headers[.contentType] = "application/json"
    headers[.cacheControl] = "no-store"
    return Response(status: status, headers: headers, body: .init(byteBuffer: json))
}
