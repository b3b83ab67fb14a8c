import Contracts
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Processes, schema and documents")
    struct LayoutTests {
        @Test("O1: a gateway knows no way to the database, has no signing key and no connection to PostgreSQL")
        func gatewayHasNoDatabase() async throws {
            let stack = try await Stack.shared()
            let user = try await TestUser.register(on: stack)
            _ = try await concurrently(stack.gatewayURLs) { try await user.connect(to: $0) }
            let port = try #require(URLComponents(string: stack.databaseURL)?.port)
            let password = try #require(URLComponents(string: stack.databaseURL)?.password)
            for number in stack.gatewayURLs.indices {
                let process = try await ProcessView(id: try stack.processID(of: "gateway-\(number)"))
                for word in ["DATABASE", "POSTGRES", "PGHOST", "PGPASSWORD", "SIGNING", password] {
                    #expect(!process.environment.contains(word), "\(word)")
                }
                #expect(process.connections(toPort: port) == 0)
                #expect(!process.openFiles.contains { $0.contains("postgres") })
            }
            // The same look at an API finds all of it.
            let api = try await ProcessView(id: try stack.processID(of: "api-0"))
            #expect(api.environment.contains(password))
            #expect(api.connections(toPort: port) > 0)
        }

        @Test("C1 O20: one port serves the client, the API and the gateway, and no client sticks to an instance")
        func proxy() async throws {
            let stack = try await Stack.shared()
            let template = try String(
                contentsOf: Stack.repository.appendingPathComponent("deploy/nginx/roost.conf.template"), encoding: .utf8
            )
            let directives = template.split(separator: "\n").map { $0.prefix { $0 != "#" } }.joined(separator: "\n")
            for sticky in ["ip_hash", "sticky", "hash $", "random two"] { #expect(!directives.contains(sticky)) }
            #expect(directives.contains("location /api/ {"))
            #expect(directives.contains("location = /gateway {"))
            #expect(directives.contains("proxy_set_header Upgrade $http_upgrade;"))

            let team = try await Team.make(of: 1, on: stack)
            let devices = try await concurrently(0..<12) { _ in try await team.owner.connect() }
            for (number, url) in stack.gatewayURLs.enumerated() {
                let port = try #require(URLComponents(string: url)?.port)
                let process = try await ProcessView(id: try stack.processID(of: "gateway-\(number)"))
                #expect(process.connections(fromPort: port) > 0, "gateway-\(number) has clients of nginx")
            }
            let message = try await team.owner.send("to all", in: team.general)
            for device in devices { try await device.wait(for: .channel(team.general), at: message.seq) }
            #expect(try await APIClient(base: stack.url).get("/").status == 200)
        }

        @Test(
            "S9: migrations are reproducible: a fresh database gets the same schema, and a second run changes nothing")
        func migrations() async throws {
            let stack = try await Stack.shared()
            let database = try await stack.makeDatabase()
            #expect(
                try await stack.count("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database: database)
                    == 0)
            // Two at once: one migrates, the other waits and finds nothing to do.
            let apis = try await concurrently(0..<2) { _ in try await stack.startAPI(["ROOST_DATABASE_URL": database]) }
            #expect(apis.count == 2)
            let schema = try await dump(database)
            #expect(schema.contains("CREATE TABLE public.messages"))
            #expect(schema == (try await dump(stack.databaseURL)))
            let applied = "SELECT number, name, checksum, applied_at FROM schema_migrations ORDER BY number"
            let before = try await stack.sql(applied, database: database)
            #expect(before.count >= 1)
            _ = try await stack.startAPI(["ROOST_DATABASE_URL": database])
            #expect(try await stack.sql(applied, database: database) == before)
            #expect(try await dump(database) == schema)
        }

        private func dump(_ database: String) async throws -> String {
            let text = try await Command.run("/usr/bin/pg_dump", ["--schema-only", "--no-owner", "-d", database])
            // Newer versions guard their output with a random word.
            return text.split(separator: "\n").filter { !$0.hasPrefix("\\") }.joined(separator: "\n")
        }

        @Test("S9: the database itself refuses what would break its references")
        func referentialIntegrity() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let message = try await team.people[1].send("I was here", in: team.general)
            let (user, nobody) = (team.people[1].id, UserID.example)
            let refused = [
                "DELETE FROM users WHERE id = '\(user)'",
                "DELETE FROM users WHERE id = '\(team.owner.id)'",
                "UPDATE messages SET channel_id = '\(nobody)' WHERE id = '\(message.id)'",
                "UPDATE messages SET author_id = '\(nobody)' WHERE id = '\(message.id)'",
                "UPDATE messages SET deleted_at = now() WHERE id = '\(message.id)'",
                "INSERT INTO messages SELECT gen_random_uuid(), channel_id, seq + 1, author_id, 'x', idempotency_key, 9, now() "
                    + "FROM messages WHERE id = '\(message.id)'",
                "INSERT INTO messages SELECT gen_random_uuid(), channel_id, seq, author_id, 'x', 'another-key', 9, now() "
                    + "FROM messages WHERE id = '\(message.id)'",
                "INSERT INTO channel_members (channel_id, user_id) VALUES ('\(team.general)', '\(nobody)')",
                "INSERT INTO workspace_members (workspace_id, user_id, role) VALUES ('\(team.workspace)', '\(user)', 'king')",
                "INSERT INTO sessions (id, user_id, expires_at) VALUES (gen_random_uuid(), '\(nobody)', now())",
                "UPDATE channels SET kind = 'direct' WHERE id = '\(team.general)'",
                "UPDATE channels SET workspace_id = '\(nobody)' WHERE id = '\(team.general)'",
                "UPDATE users SET username = (SELECT upper(username) FROM users WHERE id = '\(team.owner.id)') WHERE id = '\(user)'",
            ]
            for statement in refused {
                let failure = await #expect(throws: Command.Failure.self, "\(statement)") {
                    try await stack.sql(statement)
                }
                #expect(failure?.output.contains("violates") == true, "\(failure?.output ?? statement)")
            }
        }

        @Test("S1 T13: the served OpenAPI document describes every endpoint of the contract")
        func openAPI() async throws {
            struct Document: Decodable {
                struct Operation: Decodable { let operationId: String }
                let openapi: String
                let paths: [String: [String: Operation]]
            }
            let stack = try await Stack.shared()
            let answer = try await APIClient(base: stack.url).get("/docs/openapi.json")
            #expect(answer.status == 200)
            let document: Document = try answer.decode()
            #expect(document.openapi.hasPrefix("3.1"))
            for endpoint in Endpoints.all {
                let operation = document.paths[endpoint.path]?[endpoint.method.rawValue.lowercased()]
                #expect(operation?.operationId == endpoint.name)
            }
            #expect(document.paths.values.map(\.count).reduce(0, +) == Endpoints.all.count)
        }
    }
}

/// What the kernel says of a process (proc(5)).
private struct ProcessView {
    let environment: String
    let openFiles: [String]
    private let sockets: Set<String>
    private let table: [[Substring]]

    init(id: pid_t) async throws {
        // By `cat`: Foundation takes the first short read of such a file for its end.
        func read(_ name: String) async throws -> String {
            try await Command.run("/usr/bin/cat", ["/proc/\(id)/\(name)"])
        }
        environment = try await read("environ")
        let directory = "/proc/\(id)/fd"
        openFiles = try FileManager.default.contentsOfDirectory(atPath: directory).compactMap { name in
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\(name)")
        }
        sockets = Set(
            openFiles.filter { $0.hasPrefix("socket:[") }.map { String($0.dropFirst("socket:[".count).dropLast()) })
        table = (try await read("net/tcp") + (try await read("net/tcp6"))).split(separator: "\n").map {
            $0.split(separator: " ")
        }
    }

    /// Established connections of the process, by the column of `/proc/net/tcp` that has the port: 1 own, 2 other end.
    private func connections(_ column: Int, _ port: Int) -> Int {
        let suffix = ":" + String(port, radix: 16, uppercase: true).leftPadded(to: 4)
        return table.count { row in
            row.count > 9 && row[3] == "01" && row[column].hasSuffix(suffix) && sockets.contains(String(row[9]))
        }
    }

    func connections(toPort port: Int) -> Int { connections(2, port) }
    func connections(fromPort port: Int) -> Int { connections(1, port) }
}

extension String {
    fileprivate func leftPadded(to count: Int) -> String {
        String(repeating: "0", count: max(0, count - self.count)) + self
    }
}
