import AsyncHTTPClient
import Contracts
import NIOCore
import NIOHTTP1
import ServiceKit

/// Calls endpoints of one API process over connections that are kept alive.
struct APIClient {
    /// Where the process is: `http://127.0.0.1:3000`.
    let baseURL: String
    let http: HTTPClient

    /// Calls an endpoint and decodes its answer.
    /// - Parameter path: the values of the parameters in the endpoint's path, in order.
    /// - Throws: ``LoadFailure`` with the server's words if it answers anything but success.
    func call<Body, Answer>(
        _ endpoint: Endpoint<Body, Answer>, path parameters: [String] = [], body: Body, token: String? = nil
    ) async throws -> Answer {
        let description = endpoint.description
        var path = description.path
        for (name, value) in zip(description.pathParameters, parameters) {
            path = path.replacing("{\(name)}", with: value)
        }
        var request = HTTPClientRequest(url: baseURL + path)
        request.method = HTTPMethod(rawValue: description.method.rawValue)
        request.headers = ["Content-Type": "application/json"]
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if description.body != nil { request.body = .bytes(try WireJSON.encode(body)) }
        let response = try await http.execute(request, timeout: .seconds(10))
        let bytes = try await response.body.collect(upTo: 1 << 20)
        guard Int(response.status.code) == description.status else {
            throw LoadFailure("\(description.name) was answered \(response.status.code): \(String(buffer: bytes))")
        }
        return try WireJSON.decode(Answer.self, from: bytes.readableBytesView)
    }
}

/// A person made for a measurement, signed in.
struct LoadUser {
    let user: CurrentUser
    let token: String
    let workspace: Workspace

    /// Registers a person with a workspace of their own.
    static func register(with api: APIClient) async throws -> LoadUser {
        let name = "load_" + String(UInt64.random(in: 0..<(1 << 48)), radix: 36)
        let signedIn = try await api.call(
            Endpoints.register,
            body: RegisterRequest(email: "\(name)@example.org", username: name, password: "correct horse battery"))
        let workspace = try await api.call(
            Endpoints.createWorkspace, body: CreateWorkspaceRequest(name: name), token: signedIn.accessToken)
        return LoadUser(user: signedIn.user, token: signedIn.accessToken, workspace: workspace)
    }

    /// Creates a channel in the workspace, with this person in it.
    func createChannel(named name: String, with api: APIClient) async throws -> ChannelID {
        try await api.call(
            Endpoints.createChannel, path: [workspace.id.description], body: CreateChannelRequest(name: name),
            token: token
        ).id
    }
}
