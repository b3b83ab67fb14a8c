import APIDomain
import Contracts
import Hummingbird

extension RouteTable {
    /// An endpoint that answers bytes, for a principal whose session lives.
    func on(
        bytes endpoint: Endpoint<Empty, Empty>,
        perform: @escaping @Sendable (Call<Empty>, Principal) async throws -> Response
    ) {
        route(endpoint.description) { [authenticator] request, context in
            let principal = try await authenticator.authenticate(authorization: request.headers[.authorization])
            let call = Call<Empty>(body: Empty(), request: request, parameters: context.parameters)
            return try await perform(call, principal)
        }
    }

    /// An endpoint that takes or answers bytes, by a link that is its own proof.
    func on<Reply>(
        openBytes endpoint: Endpoint<Empty, Reply>,
        perform: @escaping @Sendable (Call<Empty>, RequestBody) async throws -> Response
    ) {
        precondition(endpoint.description.isPublic, "\(endpoint.description.name) wants a token by its contract")
        route(endpoint.description) { request, context in
            let call = Call<Empty>(body: Empty(), request: request, parameters: context.parameters)
            return try await perform(call, request.body)
        }
    }
}
