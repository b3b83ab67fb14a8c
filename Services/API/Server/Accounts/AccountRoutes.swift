import APIDomain
import Contracts
import HTTPTypes
import Postgres
import ServiceKit

/// Register, sign in and out, refresh, sessions, and one's own profile.
struct AccountRoutes: Sendable {
    let services: APIServices

    func add(to routes: RouteTable) {
        routes.on(open: Endpoints.register) { try await register($0) }
        routes.on(open: Endpoints.logIn) { try await logIn($0) }
        routes.on(open: Endpoints.refresh) { try await refresh($0) }
        routes.on(Endpoints.logOut) { try await logOut($0, $1) }
        routes.on(Endpoints.listSessions) { _, principal in
            let sessions = try await services.sessions.list(of: principal.userID, current: principal.sessionID)
            return Answer(SessionList(sessions: sessions))
        }
        routes.on(Endpoints.revokeSession) { try await revokeSession($0, $1) }
        routes.on(Endpoints.me) { _, principal in Answer(try await account(principal.userID)) }
        routes.on(Endpoints.updateMe) { try await updateProfile($0, $1) }
    }

    private func register(_ call: Call<RegisterRequest>) async throws -> Answer<SignedIn> {
        let email = try Checks.email(call.body.email)
        let username = try Checks.username(call.body.username)
        let displayName = try Checks.displayName(call.body.displayName ?? username)
        try Checks.password(call.body.password)
        let hash = try await services.passwords.hash(call.body.password)
        let user = UserID.fresh()
        _ = try await services.database.execute(
            [
                Statement(
                    """
                    INSERT INTO users (id, email, username, display_name, password_hash) VALUES ($1, $2, $3, $4, $5)
                    """, user, email, username, displayName, hash),
                .beginStream(.user(user)),
            ],
            taken: [
                "users_email_key": APIError(.emailTaken, "Sign in, or use another address.", field: "email"),
                "users_username_key": APIError(.usernameTaken, "Choose another user name.", field: "username"),
            ])
        return try await signIn(user, call, call.body.refreshDelivery)
    }

    private func logIn(_ call: Call<LoginRequest>) async throws -> Answer<SignedIn> {
        let login = call.body.login
        try await services.loginRate.admit(login)
        let rows = try await services.database.execute(
            Statement(
                "SELECT id, password_hash FROM users WHERE lower(email) = lower($1) OR lower(username) = lower($1)",
                login))
        let stored: String? = try rows.first?.decode("password_hash")
        guard try await services.passwords.verify(call.body.password, stored: stored), let row = rows.first else {
            throw APIError(.invalidCredentials, "Check both and try again.")
        }
        return try await signIn(try row.decode("id"), call, call.body.refreshDelivery)
    }

    private func refresh(_ call: Call<RefreshRequest>) async throws -> Answer<SignedIn> {
        let delivery: RefreshDelivery = call.body.refreshToken == nil ? .cookie : .body
        guard let text = call.body.refreshToken ?? call.cookie(RefreshCookie.name) else {
            throw APIError(.unauthenticated, "Send the refresh token, or sign in.")
        }
        switch try await services.sessions.rotate(.init(text: text)) {
        case .rotated(let user, let session, let token):
            return try await answer(user, session, token, delivery, call)
        case .reused(let user, let session):
            await services.publisher.publish(at: try await services.sessions.revoke(session, of: user))
            throw APIError(.refreshTokenReused, "The session was ended, because someone may have copied it. Sign in.")
        case .sessionEnded: throw Authenticator.sessionEnded
        case .unknown: throw APIError(.unauthenticated, "The refresh token is unknown or has expired. Sign in.")
        }
    }

    private func logOut(_ call: Call<Empty>, _ principal: Principal) async throws -> Answer<Empty> {
        let events = try await services.sessions.revoke(principal.sessionID, of: principal.userID)
        await services.publisher.publish(at: events)
        return Answer(Empty(), headers: [.setCookie: RefreshCookie.cleared])
    }

    private func revokeSession(_ call: Call<Empty>, _ principal: Principal) async throws -> Answer<Empty> {
        let events = try await services.sessions.revoke(try call.id("sessionID"), of: principal.userID)
        guard !events.isEmpty else { throw APIError.notFound("session") }
        await services.publisher.publish(at: events)
        return Answer(Empty())
    }

    private func updateProfile(
        _ call: Call<UpdateProfileRequest>, _ principal: Principal
    ) async throws -> Answer<CurrentUser> {
        let displayName = try Checks.displayName(call.body.displayName)
        let user = principal.userID
        let workspaces = try await services.database.execute(
            Statement("SELECT workspace_id FROM workspace_members WHERE user_id = $1", user)
        ).map { StreamID.workspace(try $0.decode("workspace_id")) }
        let results = try await services.database.execute([
            .lock(workspaces),
            Statement("UPDATE users SET display_name = $2 WHERE id = $1", user, displayName),
            Statement(
                """
                SELECT 'workspace' AS kind, workspace_id AS stream_id,
                       append_event('workspace', workspace_id, 'user.updated', user_id) AS seq
                FROM workspace_members WHERE user_id = $1 AND workspace_id = ANY ($2::uuid[]) ORDER BY workspace_id
                """, user, workspaces.map(\.entity)),
        ])
        await services.publisher.publish(at: try results[2].map { try $0.cursor() })
        return Answer(try await account(user))
    }

    private func account(_ user: UserID) async throws -> CurrentUser {
        let rows = try await services.database.execute(CurrentUser.select(user))
        guard let row = rows.first else { throw APIError.notFound("user") }
        return try CurrentUser(row: row)
    }

    private func signIn<Body>(
        _ user: UserID, _ call: Call<Body>, _ delivery: RefreshDelivery?
    ) async throws -> Answer<SignedIn> {
        let userAgent = call.headers[.userAgent].map { String($0.unicodeScalars.prefix(256)) }
        let (session, token, ended) = try await services.sessions.open(user: user, userAgent: userAgent)
        await services.publisher.publish(at: ended)
        return try await answer(user, session, token, delivery ?? .body, call)
    }

    private func answer<Body>(
        _ user: UserID, _ session: SessionID, _ token: SessionStore.RefreshToken, _ delivery: RefreshDelivery,
        _ call: Call<Body>
    ) async throws -> Answer<SignedIn> {
        let (accessToken, expiresAt) = try await services.tokens.issue(user: user, session: session, now: .now)
        let signedIn = SignedIn(
            user: try await account(user), sessionID: session, accessToken: accessToken,
            accessTokenExpiresAt: expiresAt, refreshToken: delivery == .body ? token.text : nil)
        let headers: HTTPFields =
            delivery == .cookie ? [.setCookie: RefreshCookie.holding(token.text, isSecure: call.isSecure)] : [:]
        return Answer(signedIn, headers: headers)
    }
}

/// The refresh token of a browser: out of reach of scripts, and sent to the authentication endpoints of the same site
/// alone.
private enum RefreshCookie {
    static let name = "roost_refresh"
    private static let attributes = "Path=/api/v1/auth; HttpOnly; SameSite=Strict"

    static func holding(_ token: String, isSecure: Bool) -> String {
        "\(name)=\(token); Max-Age=\(Limits.refreshTokenLifetime.components.seconds); \(attributes)"
            + (isSecure ? "; Secure" : "")
    }

    static var cleared: String { "\(name)=; Max-Age=0; \(attributes)" }
}

extension CurrentUser {
    static func select(_ user: UserID) -> Statement {
        Statement("SELECT id, username, display_name, email, created_at FROM users WHERE id = $1", user)
    }

    init(row: PostgresRow) throws {
        self.init(
            id: try row.decode("id"), username: try row.decode("username"),
            displayName: try row.decode("display_name"), email: try row.decode("email"),
            createdAt: try row.decode("created_at"))
    }
}
