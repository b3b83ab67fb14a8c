import AsyncHTTPClient
package import Contracts
import Foundation
package import NIOCore
import NIOHTTP1
import NIOPosix

/// A server said no: its problem document (RFC 9457).
package struct ProblemError: Error, CustomStringConvertible {
    package let problem: Problem
    package var code: ErrorCode { problem.code }
    package var description: String {
        "\(problem.code.rawValue): \(problem.detail ?? problem.title)"
    }
}

/// Calls the HTTP API by the endpoints of the contract, for one session.
///
/// A call that may be repeated without doing anything twice is repeated for as long as it is patient: when the network
/// or the server fails, at the next address, and when the server says when to come back. An access token that has
/// expired is renewed once for all calls that wait for it.
package struct RoostAPI: Sendable {
    private static let http = HTTPClient(
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
        configuration: .init(
            timeout: .init(connect: .seconds(5)),
            connectionPool: .init(idleTimeout: .seconds(20), concurrentHTTP1ConnectionsPerHostSoftLimit: 32)))

    /// Tried in turn; one behind a proxy is enough.
    package let addresses: [ServerAddress]
    /// The session; `nil` for calls without one.
    package let credentials: Credentials?
    /// How long a call is repeated, in all.
    package var patience = Limits.requestPatience

    /// - Precondition: at least one address.
    package init(addresses: [ServerAddress], credentials: Credentials? = nil) {
        precondition(!addresses.isEmpty, "an API client needs an address")
        self.addresses = addresses
        self.credentials = credentials
    }

    /// Signs in and returns the API of the new session.
    /// - Throws: ``ProblemError``, or the error of the network when patience has run out.
    package static func signIn(
        at addresses: [ServerAddress], login: String, password: String
    ) async throws -> RoostAPI {
        let anonymous = RoostAPI(addresses: addresses)
        let signedIn = try await anonymous.call(
            Endpoints.logIn, body: LoginRequest(login: login, password: password))
        return RoostAPI(addresses: addresses, credentials: Credentials(signedIn, api: anonymous))
    }

    /// A parameter of a path.
    package typealias PathValue = any CustomStringConvertible & Sendable

    /// Calls an endpoint.
    /// - Parameter path: the values of the parameters in the path, in order.
    /// - Throws: ``ProblemError``, or the error of the network when patience has run out; `CancellationError`.
    @discardableResult
    package func call<Body, Answer>(
        _ endpoint: Endpoint<Body, Answer>, path: [PathValue] = [], query: [String: String] = [:], body: Body
    ) async throws -> Answer {
        let request = try PreparedRequest(endpoint.description, path: path, query: query, body: body)
        let answer = try await perform(request)
        if let empty = Empty() as? Answer { return empty }
        return try JSONDecoder().decode(Answer.self, from: Data(answer.readableBytesView))
    }

    @discardableResult
    package func call<Answer>(
        _ endpoint: Endpoint<Empty, Answer>, path: [PathValue] = [], query: [String: String] = [:]
    ) async throws -> Answer {
        try await call(endpoint, path: path, query: query, body: Empty())
    }

    /// Uploads a file to a channel: from then on it can be attached to one message there.
    /// - Throws: as ``call(_:path:query:body:)``; an upload that was cut is repeated whole.
    package func upload(
        _ bytes: ByteBuffer, name: String, mediaType: String, to channel: ChannelID
    ) async throws -> Attachment {
        let request = CreateFileRequest(name: name, mediaType: mediaType, byteCount: Int64(bytes.readableBytes))
        let upload = try await call(Endpoints.createFile, path: [channel], body: request)
        let answer = try await perform(PreparedRequest(uploading: bytes, to: upload))
        return try JSONDecoder().decode(Attachment.self, from: Data(answer.readableBytesView))
    }

    // MARK: Attempts

    private func perform(_ request: PreparedRequest) async throws -> ByteBuffer {
        var retry = RetryPlan(
            isRepeatable: request.isRepeatable, isRemoval: request.isRemoval, deadline: .now + patience)
        // Different clients begin at different addresses.
        var turn = Int.random(in: addresses.indices)
        while true {
            let token = request.isPublic ? nil : await credentials?.token
            let outcome = await attempt(request, at: addresses[turn % addresses.count], token: token)
            switch retry.next(after: outcome, now: .now, fraction: .random(in: 0...1)) {
            case .succeed(let body): return body
            case .fail(let error): throw error
            case .refresh: if let token, let credentials { try await credentials.refresh(expired: token) }
            case .wait(let pause):
                turn += 1
                try await Task.sleep(for: pause)
            }
            try Task.checkCancellation()
        }
    }

    private func attempt(_ request: PreparedRequest, at address: ServerAddress, token: String?) async
        -> RetryPlan.Outcome
    {
        var message = HTTPClientRequest(url: address.description + request.path)
        message.method = HTTPMethod(rawValue: request.method.rawValue)
        if let token { message.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let body = request.body {
            message.headers.add(name: "Content-Type", value: request.mediaType)
            message.body = .bytes(body)
        }
        do {
            let answer = try await Self.http.execute(message, timeout: TimeAmount(request.timeout))
            let body = try await answer.body.collect(upTo: Limits.answerByteCount)
            let status = Int(answer.status.code)
            if (200..<300).contains(status) { return .succeeded(body) }
            let problem = try? JSONDecoder().decode(Problem.self, from: Data(body.readableBytesView))
            let pause = answer.headers.first(name: "Retry-After").flatMap(Int.init) ?? problem?.retryAfter
            return .refused(status: status, problem, retryAfter: pause.map { .seconds($0) })
        } catch {
            return .broken(error)
        }
    }
}
