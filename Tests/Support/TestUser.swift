package import Contracts
import ServiceKit

/// A person with an account of their own, signed in.
package struct TestUser: Sendable {
    package let stack: Stack
    package let username: String
    package let password: String
    package let signedIn: SignedIn
    /// Their requests, through nginx.
    package let api: APIClient

    package var id: UserID { signedIn.user.id }
    package var token: String { signedIn.accessToken }

    /// Opens an account with a name that no other test has.
    /// - Parameter base: the API to register at; nginx if `nil`.
    package static func register(on stack: Stack, at base: String? = nil) async throws -> TestUser {
        let username = uniqueName("u")
        let password = "correct horse \(username)"
        let signedIn = try await APIClient(base: base ?? stack.url).call(
            Endpoints.register,
            body: RegisterRequest(email: "\(username)@example.org", username: username, password: password))
        return TestUser(
            stack: stack, username: username, password: password, signedIn: signedIn,
            api: APIClient(base: stack.url, token: signedIn.accessToken))
    }

    /// The same person, signed in once more: another session, as on another device.
    package func logIn(at base: String? = nil) async throws -> TestUser {
        let signedIn = try await APIClient(base: base ?? stack.url).call(
            Endpoints.logIn, body: LoginRequest(login: username, password: password))
        return TestUser(
            stack: stack, username: username, password: password, signedIn: signedIn,
            api: APIClient(base: stack.url, token: signedIn.accessToken))
    }

    /// The same person with an access token that is good for five minutes at least: signed in once more if need be.
    package func stillSignedIn() async throws -> TestUser {
        let rest = signedIn.accessTokenExpiresAt.milliseconds - Timestamp.now.milliseconds
        return rest > 300_000 ? self : try await logIn()
    }

    /// Sends a message with a key of its own.
    @discardableResult
    package func send(
        _ content: String, in channel: ChannelID, key: String = uniqueName("key-"), at base: String? = nil
    ) async throws -> Message {
        try await api.at(base ?? stack.url).call(
            Endpoints.sendMessage, path: [channel], body: SendMessageRequest(content: content, idempotencyKey: key))
    }

    /// A device that starts as clients do, bootstrap first, and has become current.
    /// - Parameter gateway: the address to connect to; nginx if `nil`.
    package func connect(to gateway: String? = nil) async throws -> GatewayClient {
        let client = GatewayClient()
        try await connect(client, to: gateway)
        return client
    }

    /// Connects a device that is new or was cut off: with its cursors, or with those of a fresh snapshot.
    package func connect(_ client: GatewayClient, to gateway: String? = nil) async throws {
        if client.state.cursors.isEmpty { client.start(at: try await api.call(Endpoints.bootstrap).cursors) }
        try await client.resume(at: gateway ?? stack.url, token: token)
    }
}

/// People in one workspace, all in its channel `general`. The first one owns it.
package struct Team: Sendable {
    package let people: [TestUser]
    package let workspace: WorkspaceID
    package let general: ChannelID

    package var owner: TestUser { people[0] }

    package static func make(of count: Int, on stack: Stack) async throws -> Team {
        let people = try await concurrently(0..<count) { _ in try await TestUser.register(on: stack) }
        let owner = people[0]
        let workspace = try await owner.api.call(
            Endpoints.createWorkspace, body: CreateWorkspaceRequest(name: uniqueName("team "))
        ).id
        if count > 1 {
            let invite = try await owner.api.call(Endpoints.createInvite, path: [workspace])
            _ = try await concurrently(people.dropFirst()) { person in
                try await person.api.call(Endpoints.acceptInvite, path: [invite.code])
            }
        }
        let channels = try await owner.api.call(Endpoints.listChannels, path: [workspace]).channels
        guard let general = channels.first?.id else { throw Timeout("a new workspace has no channel") }
        return Team(people: people, workspace: workspace, general: general)
    }

    /// A channel whose members are the owner and the given people.
    package func channel(
        _ visibility: ChannelVisibility, with members: [TestUser] = []
    ) async throws -> ChannelID {
        let channel = try await owner.api.call(
            Endpoints.createChannel, path: [workspace],
            body: CreateChannelRequest(name: uniqueName("channel "), visibility: visibility)
        ).id
        for member in members {
            try await owner.api.call(
                Endpoints.addChannelMember, path: [channel], body: AddChannelMemberRequest(userID: member.id))
        }
        return channel
    }
}

/// A name that nobody else has: 18 characters and the prefix.
package func uniqueName(_ prefix: String) -> String {
    var random = SystemRandomNumberGenerator()
    let text = String(random.next() as UInt64, radix: 36) + String(random.next() as UInt64, radix: 36)
    return prefix + text.prefix(18)
}
