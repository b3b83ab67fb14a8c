import AsyncHTTPClient
package import Contracts
package import NIOCore
package import NIOHTTP1
import NIOPosix
import ServiceKit

extension Problem: Error {}

/// Calls the HTTP API by the endpoints of the contract.
package struct APIClient: Sendable {
    /// Shared by all tests, with a cap on connections to one host. It lives as long as the process.
    private static let http = HTTPClient(
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
        configuration: .init(
            timeout: .init(connect: .seconds(5)),
            connectionPool: .init(idleTimeout: .seconds(20), concurrentHTTP1ConnectionsPerHostSoftLimit: 64)))

    /// Scheme, host and port.
    package let base: String
    package let token: String?

    package init(base: String, token: String? = nil) {
        self.base = base
        self.token = token
    }

    /// The same client at another address.
    package func at(_ base: String) -> APIClient { APIClient(base: base, token: token) }

    /// The same client with another token.
    package func with(token: String?) -> APIClient { APIClient(base: base, token: token) }

    /// An answer as it came.
    package struct RawAnswer: Sendable {
        package let status: Int
        package let headers: HTTPHeaders
        package let body: ByteBuffer

        package var text: String { String(buffer: body) }

        package func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
            try WireJSON.decode(type, from: body.readableBytesView)
        }

        /// The error it says; throws if it is none.
        package func problem() throws -> Problem { try decode() }
    }

    struct UnexpectedAnswer: Error, CustomStringConvertible {
        let description: String
    }

    // MARK: By the contract

    /// The answer of success.
    /// - Parameter path: the values of the parameters in the path, in order.
    /// - Throws: the ``Problem`` that was answered instead.
    @discardableResult
    package func call<Body, Answer>(
        _ endpoint: Endpoint<Body, Answer>, path: [any CustomStringConvertible & Sendable] = [],
        query: [String: String] = [:], body: Body
    ) async throws -> Answer {
        let answer = try await callRaw(endpoint, path: path, query: query, body: body)
        guard (200..<300).contains(answer.status) else {
            guard let problem = try? answer.problem() else {
                throw UnexpectedAnswer(description: "\(endpoint.description.name): \(answer.status) \(answer.text)")
            }
            throw problem
        }
        if let empty = Empty() as? Answer { return empty }
        return try answer.decode()
    }

    @discardableResult
    package func call<Answer>(
        _ endpoint: Endpoint<Empty, Answer>, path: [any CustomStringConvertible & Sendable] = [],
        query: [String: String] = [:]
    ) async throws -> Answer {
        try await call(endpoint, path: path, query: query, body: Empty())
    }

    /// The answer whatever its status.
    package func callRaw<Body, Answer>(
        _ endpoint: Endpoint<Body, Answer>, path: [any CustomStringConvertible & Sendable] = [],
        query: [String: String] = [:], body: Body
    ) async throws -> RawAnswer {
        try await send(
            endpoint.description.method, Self.path(of: endpoint.description, path, query),
            json: endpoint.description.body == nil ? nil : try WireJSON.encode(body))
    }

    /// An endpoint's path with its parameters filled in.
    package static func path(
        of endpoint: EndpointDescription, _ values: [any CustomStringConvertible & Sendable],
        _ query: [String: String] = [:]
    ) -> String {
        precondition(values.count == endpoint.pathParameters.count, "\(endpoint.name) has other parameters")
        var path = endpoint.path
        for (name, value) in zip(endpoint.pathParameters, values) {
            path = path.replacing("{\(name)}", with: value.description)
        }
        guard !query.isEmpty else { return path }
        return path + "?" + query.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "&")
    }

    // MARK: Raw

    package func get(_ path: String, headers: HTTPHeaders = [:]) async throws -> RawAnswer {
        try await send(.get, path, json: nil, headers: headers)
    }

    /// Sends bytes as JSON, whether or not they are.
    package func send(
        _ method: EndpointMethod, _ path: String, json: [UInt8]?, headers: HTTPHeaders = [:]
    ) async throws -> RawAnswer {
        var headers = headers
        if json != nil, !headers.contains(name: "Content-Type") {
            headers.add(name: "Content-Type", value: "application/json")
        }
        return try await send(method: method.rawValue, path, body: json, headers: headers)
    }

    package func send(
        method: String, _ path: String, body: [UInt8]? = nil, headers: HTTPHeaders = [:]
    ) async throws -> RawAnswer {
        var request = HTTPClientRequest(url: base + path)
        request.method = .init(rawValue: method)
        request.headers = headers
        if let token, !headers.contains(name: "Authorization") {
            request.headers.add(name: "Authorization", value: "Bearer \(token)")
        }
        if let body { request.body = .bytes(body) }
        let response = try await Self.http.execute(request, timeout: .seconds(15))
        let bytes = try await response.body.collect(upTo: 16 * 1024 * 1024)
        return RawAnswer(status: Int(response.status.code), headers: response.headers, body: bytes)
    }
}
