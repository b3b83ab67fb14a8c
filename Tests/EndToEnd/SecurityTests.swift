import Contracts
import Foundation
import NIOHTTP1
import ServiceKit
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Headers, passwords and error answers")
    struct SecurityTests {
        @Test("T15 C10: security headers stand on every answer, of the API and of static files, by nginx and directly")
        func headers() async throws {
            let stack = try await Stack.shared()
            let paths = [
                "/", "/api/v1/me", "/api/v1/nothing", "/api/v1/auth/login", "/some/page", "/docs/openapi.json",
            ]
            for base in [stack.url] + stack.apiURLs {
                for path in paths {
                    let answer = try await APIClient(base: base).get(path)
                    #expect(answer.headers["X-Frame-Options"] == ["DENY"], "\(base)\(path)")
                    #expect(answer.headers["X-Content-Type-Options"] == ["nosniff"], "\(base)\(path)")
                    #expect(answer.headers["Referrer-Policy"] == ["no-referrer"], "\(base)\(path)")
                    let policy = answer.headers["Content-Security-Policy"]
                    #expect(policy.count == 1, "\(base)\(path)")
                    #expect(policy.first?.contains("default-src 'none'") == true, "\(base)\(path)")
                    #expect(policy.first?.contains("frame-ancestors 'none'") == true, "\(base)\(path)")
                    #expect(policy.first?.contains("script-src 'unsafe") != true, "\(base)\(path)")
                    #expect(!answer.headers.contains(name: "X-Powered-By"))
                    #expect(answer.headers["Server"].allSatisfy { $0 == "nginx" }, "no version is told")
                }
            }
        }

        @Test("C10: CORS is for the allowed origins alone, in preflights and in answers")
        func crossOrigin() async throws {
            let stack = try await Stack.shared()
            let allowed = stack.url
            let refused = [
                "https://evil.example", "null", allowed + ".evil.example", allowed.replacing("http:", with: "https:"),
            ]
            for base in [stack.url] + stack.apiURLs {
                let api = APIClient(base: base)
                for origin in [allowed] + refused {
                    let isAllowed = origin == allowed
                    let preflight = try await api.send(
                        method: "OPTIONS", "/api/v1/me",
                        headers: ["Origin": origin, "Access-Control-Request-Method": "PATCH"])
                    let answer = try await api.get("/api/v1/me", headers: ["Origin": origin])
                    for each in [preflight, answer] {
                        #expect(
                            each.headers["Access-Control-Allow-Origin"] == (isAllowed ? [allowed] : []), "\(origin)")
                        #expect(
                            each.headers.contains(name: "Access-Control-Allow-Credentials") == isAllowed, "\(origin)")
                    }
                    #expect((preflight.status == 204) == isAllowed, "\(origin)")
                }
            }
        }

        @Test(
            "C10: passwords are stored as yescrypt or as bcrypt of cost 12, and each is accepted under the other setting"
        )
        func passwords() async throws {
            let stack = try await Stack.shared()
            let bcrypt = try await stack.startAPI(["ROOST_PASSWORD_HASH": "bcrypt"])
            defer { bcrypt.stop() }
            for (home, away, prefix) in [(stack.url, bcrypt.url, "$y$"), (bcrypt.url, stack.url, "$2b$12$")] {
                let user = try await TestUser.register(on: stack, at: home)
                let stored = try await stack.sql("SELECT password_hash FROM users WHERE id = '\(user.id)'")
                #expect(stored.count == 1)
                #expect(stored[0].hasPrefix(prefix))
                #expect(!stored[0].contains(user.password))
                #expect(try await user.logIn(at: away).id == user.id)
                for wrong in ["wrong " + user.password, user.password + "\u{0}", ""] {
                    let answer = try await APIClient(base: away).callRaw(
                        Endpoints.logIn, body: LoginRequest(login: user.username, password: wrong))
                    #expect(answer.status == 401, "\(prefix): \(wrong.debugDescription)")
                }
            }
            let long = RegisterRequest(
                email: "\(uniqueName("l"))@example.org", username: uniqueName("l"),
                password: String(repeating: "p", count: 73))
            let refused = try await APIClient(base: bcrypt.url).callRaw(Endpoints.register, body: long)
            #expect(refused.status == 422, "bcrypt would cut it off")

            let full = String(repeating: "p", count: Limits.bcryptPasswordByteCount)
            let login = uniqueName("f")
            let accepted = try await APIClient(base: bcrypt.url).callRaw(
                Endpoints.register,
                body: RegisterRequest(email: "\(login)@example.org", username: login, password: full))
            #expect(accepted.status == 201)
            for (password, status) in [(full, 200), (full + "p", 401)] {
                let answer = try await APIClient(base: stack.url).callRaw(
                    Endpoints.logIn, body: LoginRequest(login: login, password: password))
                #expect(answer.status == status)
            }
        }

        @Test("C10 T17: unknown names and wrong passwords answer alike, and guessing is slowed down over all APIs")
        func guessing() async throws {
            let stack = try await Stack.shared()
            let user = try await TestUser.register(on: stack)
            var texts: Set<String> = []
            for login in [user.username, uniqueName("n")] {
                let answer = try await APIClient(base: stack.url).callRaw(
                    Endpoints.logIn, body: LoginRequest(login: login, password: "a wrong password"))
                #expect(answer.status == 401)
                texts.insert(answer.text.replacing(try answer.problem().requestID ?? "?", with: ""))
            }
            #expect(texts.count == 1)
            for attempt in 1..<Limits.loginAttempts {
                let answer = try await APIClient(base: stack.apiURLs[attempt % 2]).callRaw(
                    Endpoints.logIn, body: LoginRequest(login: user.username.uppercased(), password: "a wrong password")
                )
                #expect(answer.status == 401)
            }
            let limited = try await APIClient(base: stack.url).callRaw(
                Endpoints.logIn, body: LoginRequest(login: user.username, password: user.password))
            #expect(limited.status == 429)
            #expect(try limited.problem().code == .rateLimited)
            #expect(limited.headers["Retry-After"].first.flatMap { Int($0) } ?? 0 > 0)
        }

        @Test("C10: an error of ours says a request id and nothing of the inside, on every endpoint that fails")
        func noLeaks() async throws {
            let stack = try await Stack.shared()
            let database = try await stack.makeDatabase()
            let broken = try await stack.startAPI(["ROOST_DATABASE_URL": database])
            defer { broken.stop() }
            let api = APIClient(base: broken.url)
            let name = uniqueName("u")
            let register = RegisterRequest(email: "\(name)@example.org", username: name, password: "correct horse")
            let signedIn = try await api.call(Endpoints.register, body: register)
            try await stack.sql(
                "ALTER TABLE users RENAME COLUMN email TO mail; DROP TABLE workspaces CASCADE", database: database)
            let user = api.with(token: signedIn.accessToken)
            let answers = [
                try await api.callRaw(Endpoints.register, body: register),
                try await api.callRaw(Endpoints.logIn, body: LoginRequest(login: name, password: "correct horse")),
                try await user.callRaw(Endpoints.me, body: Empty()),
                try await user.callRaw(Endpoints.bootstrap, body: Empty()),
                try await user.callRaw(Endpoints.listWorkspaces, body: Empty()),
                try await user.callRaw(Endpoints.createWorkspace, body: CreateWorkspaceRequest(name: "x")),
            ]
            for answer in answers {
                #expect(answer.status == 500)
                let problem = try answer.problem()
                #expect(problem.code == .internalError)
                #expect(problem.requestID != nil)
                for secret in [
                    "SELECT", "INSERT", "email", "mail", "column", "relation", "workspaces", "postgres", "42703",
                    "swift",
                ] {
                    #expect(!answer.text.localizedCaseInsensitiveContains(secret), "\(answer.text)")
                }
            }
        }
    }
}
