import Contracts
import Foundation
import NIOHTTP1
import ServiceKit
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Sessions and tokens")
    struct SessionTests {
        @Test("S8: one token works for HTTP and for the WebSocket; refreshing rotates the refresh token")
        func rotation() async throws {
            let stack = try await Stack.shared()
            let user = try await TestUser.register(on: stack)
            let device = try await user.connect()
            #expect(device.state.ready?.sessionID == user.signedIn.sessionID)
            var token = user.signedIn.refreshToken
            for round in 0..<3 {
                let next = try await APIClient(base: stack.apiURLs[round % 2]).call(
                    Endpoints.refresh, body: RefreshRequest(refreshToken: token))
                #expect(next.sessionID == user.signedIn.sessionID)
                #expect(next.refreshToken != token)
                #expect(try await user.api.with(token: next.accessToken).call(Endpoints.me).id == user.id)
                token = next.refreshToken
            }
            #expect(device.state.isOpen, "a socket lives as long as its session")
        }

        @Test(
            "S8: reuse of a rotated refresh token ends the session: on HTTP and on sockets of all gateways within 1 s")
        func reuse() async throws {
            let stack = try await Stack.shared()
            let user = try await TestUser.register(on: stack)
            let other = try await user.logIn()
            let devices = try await concurrently(stack.gatewayURLs) { try await user.connect(to: $0) }
            let bystander = try await other.connect()
            let api = APIClient(base: stack.url)
            let stolen = RefreshRequest(refreshToken: user.signedIn.refreshToken)
            let next = try await api.call(Endpoints.refresh, body: stolen)
            let problem = await #expect(throws: Problem.self) { try await api.call(Endpoints.refresh, body: stolen) }
            #expect(problem?.code == .refreshTokenReused)

            try await expectEnded(user, devices)
            let family = await #expect(throws: Problem.self) {
                try await api.call(Endpoints.refresh, body: RefreshRequest(refreshToken: next.refreshToken))
            }
            #expect(family?.code == .sessionRevoked)
            #expect(bystander.state.isOpen, "other sessions of the user go on")
            #expect(try await other.api.call(Endpoints.me).id == user.id)
        }

        @Test("S8: signing in on one device too many ends the session that was used least lately, and its socket")
        func sessionLimit() async throws {
            let stack = try await Stack.shared()
            let user = try await TestUser.register(on: stack)
            let device = try await user.connect()
            _ = try await stack.sql(
                """
                INSERT INTO sessions (id, user_id, last_used_at, expires_at)
                SELECT gen_random_uuid(), '\(user.id)', now() + interval '1 minute', now() + interval '1 day'
                FROM generate_series(1, \(Limits.sessionsPerUser - 1))
                """)
            #expect(try await user.api.call(Endpoints.listSessions).sessions.count == Limits.sessionsPerUser)
            let last = try await user.logIn()
            try await expectEnded(user, [device])
            #expect(try await last.api.call(Endpoints.listSessions).sessions.count == Limits.sessionsPerUser)
        }

        @Test("S8: logging out ends the session, and so does revoking it from another device")
        func logOutAndRevoke() async throws {
            let stack = try await Stack.shared()
            let first = try await TestUser.register(on: stack)
            let (second, third) = (try await first.logIn(), try await first.logIn())
            let devices = try await concurrently([first, second, third]) { try await $0.connect() }

            try await first.api.call(Endpoints.logOut)
            try await expectEnded(first, [devices[0]])

            let sessions = try await second.api.call(Endpoints.listSessions).sessions
            #expect(sessions.map(\.id) == [third.signedIn.sessionID, second.signedIn.sessionID])
            #expect(sessions.map(\.isCurrent) == [false, true])
            try await second.api.call(Endpoints.revokeSession, path: [third.signedIn.sessionID])
            try await expectEnded(third, [devices[2]])
            #expect(devices[1].state.isOpen)

            let stranger = try await TestUser.register(on: stack)
            let refused = await #expect(throws: Problem.self) {
                try await stranger.api.call(Endpoints.revokeSession, path: [second.signedIn.sessionID])
            }
            #expect(refused?.code == .notFound)
            #expect(try await second.api.call(Endpoints.me).id == first.id)
        }

        /// The session's token is refused everywhere and its sockets are closed, within a second.
        private func expectEnded(_ user: TestUser, _ devices: [GatewayClient]) async throws {
            for device in devices {
                #expect(try await device.closeCode(within: .seconds(1)) == CloseCode.sessionRevoked.rawValue)
            }
            for base in user.stack.apiURLs {
                let answer = try await user.api.at(base).callRaw(Endpoints.me, body: Empty())
                #expect(answer.status == 401)
                #expect(try answer.problem().code == .sessionRevoked)
            }
            for gateway in user.stack.gatewayURLs {
                let device = GatewayClient()
                try await device.connect(to: gateway)
                try await device.identify(token: user.token)
                #expect(try await device.closeCode() == CloseCode.sessionRevoked.rawValue)
            }
        }

        @Test("C12 S8: an expired access token says so on HTTP and on the socket, and a refresh helps")
        func expiredToken() async throws {
            let stack = try await Stack.shared()
            let user = try await TestUser.register(on: stack)
            let lifetime = user.signedIn.accessTokenExpiresAt.milliseconds - Timestamp.now.milliseconds
            #expect((14 * 60_000...15 * 60_000).contains(lifetime), "15 minutes")
            let expired = try await stack.sign(claims(of: user, expiresIn: .seconds(-1)))
            let answer = try await user.api.with(token: expired).callRaw(Endpoints.me, body: Empty())
            #expect(answer.status == 401)
            #expect(try answer.problem().code == .tokenExpired)
            let device = GatewayClient()
            try await device.connect(to: stack.url)
            try await device.identify(token: expired)
            #expect(try await device.closeCode() == CloseCode.tokenExpired.rawValue)

            let fresh = try await APIClient(base: stack.url).call(
                Endpoints.refresh, body: RefreshRequest(refreshToken: user.signedIn.refreshToken))
            #expect(try await user.api.with(token: fresh.accessToken).call(Endpoints.me).id == user.id)
            try await device.resume(at: stack.url, token: fresh.accessToken)
        }

        @Test(
            "O3: the gateway closes with a documented code on a token that is bad, foreign or meant for something else")
        func refusedTokens() async throws {
            let stack = try await Stack.shared()
            let user = try await TestUser.register(on: stack)
            let foreignKey = try await Command.run(
                "/usr/bin/openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
            let pem = foreignKey[(foreignKey.range(of: "-----BEGIN")?.lowerBound ?? foreignKey.startIndex)...]
            let tokens = [
                "garbage": "not.a.token",
                "empty": "",
                "wrong audience": try await stack.sign(claims(of: user, audience: "roost-media")),
                "wrong issuer": try await stack.sign(claims(of: user, issuer: "somebody")),
                "foreign key": try await Stack.sign(claims(of: user), pem: String(pem)),
                "signature cut off": user.token.split(separator: ".").prefix(2).joined(separator: ".") + ".",
            ]
            for (what, token) in tokens {
                for gateway in stack.gatewayURLs {
                    let device = GatewayClient()
                    try await device.connect(to: gateway)
                    try await device.identify(token: token)
                    #expect(try await device.closeCode() == CloseCode.unauthenticated.rawValue, "\(what)")
                    #expect(device.state.ready == nil, "\(what)")
                }
                if !token.isEmpty {
                    let answer = try await user.api.with(token: token).callRaw(Endpoints.me, body: Empty())
                    #expect(try answer.problem().code == .unauthenticated, "\(what)")
                }
            }
        }

        @Test("T17: a browser's refresh token travels in an HttpOnly cookie and never in a body")
        func cookie() async throws {
            let stack = try await Stack.shared()
            let user = try await TestUser.register(on: stack)
            let api = APIClient(base: stack.url)
            let answer = try await api.callRaw(
                Endpoints.logIn,
                body: LoginRequest(login: user.username, password: user.password, refreshDelivery: .cookie))
            #expect(try answer.decode(SignedIn.self).refreshToken == nil)
            let cookie = try #require(answer.headers["Set-Cookie"].first)
            for attribute in ["HttpOnly", "SameSite=Strict", "Path=/api/v1/auth", "Max-Age=604800"] {
                #expect(cookie.contains(attribute))
            }
            let pair = String(cookie.prefix { $0 != ";" })
            let refreshed = try await api.send(
                .post, "/api/v1/auth/refresh", json: Array("{}".utf8), headers: ["Cookie": pair])
            #expect(refreshed.status == 200)
            #expect(try refreshed.decode(SignedIn.self).refreshToken == nil)
            #expect(refreshed.headers["Set-Cookie"].first?.hasPrefix(pair) == false)
        }
    }
}

/// Claims of a user's session, right but for what is given.
func claims(
    of user: TestUser, issuer: String = AccessToken.issuer, audience: String = AccessToken.audience,
    expiresIn lifetime: Duration = .seconds(600)
) -> AccessToken {
    AccessToken(
        userID: user.id, sessionID: user.signedIn.sessionID, issuer: issuer, audience: audience,
        issuedAt: .now + .seconds(-900), expiresAt: .now + lifetime)
}
