import Contracts
import Crypto
package import Foundation
import Glibc
import JWTKit
package import ServiceKit
import Synchronization

/// A whole Roost for tests: PostgreSQL, Redis, nginx, APIs and gateways on free ports, from deploy/scripts/stack.sh, in
/// a temporary directory. Everything is stopped and removed when the test process exits.
package final class Stack: Sendable {
    /// The root of the repository.
    package static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The one stack of this process, started on first use: two APIs, three gateways, and a message rate that no test
    /// reaches by accident.
    package static func shared() async throws -> Stack { try await starting.value }

    private static let starting = Task {
        try await Stack(apis: 2, gateways: 3, environment: ["ROOST_MESSAGE_RATE": "100000"])
    }

    package let directory: URL
    /// nginx: what clients know.
    package let url: String
    package let apiURLs: [String]
    package let gatewayURLs: [String]
    private let variables: [String: String]
    private let settings: [String: String]
    private let counter = Atomic<Int>(0)

    package init(apis: Int, gateways: Int, environment: [String: String]) async throws {
        directory = URL(fileURLWithPath: "/tmp/roost-e2e-\(getpid())-\(UInt16.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        Leftovers.add(directory: directory)
        var settings = ["ROOST_PORTS": "free", "APIS": "\(apis)", "GATEWAYS": "\(gateways)"].merging(environment) { $1 }
        settings["ROOST_WEB_ROOT"] = try Self.webRoot(in: directory)
        self.settings = settings
        try await Self.script(["up"], in: directory, settings)
        var variables: [String: String] = [:]
        for line in try await Self.script(["env"], in: directory).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
        }
        self.variables = variables
        url = variables["ROOST_URL", default: ""]
        apiURLs = variables["ROOST_API_URLS", default: ""].split(separator: ",").map(String.init)
        gatewayURLs = variables["ROOST_GATEWAY_URLS", default: ""].split(separator: ",").map(String.init)
    }

    /// The built web client; where there is none, one page and the published documents in its place.
    private static func webRoot(in directory: URL) throws -> String {
        let built = repository.appendingPathComponent("Services/Web/build")
        if FileManager.default.fileExists(atPath: built.appendingPathComponent("index.html").path) { return built.path }
        let root = directory.appendingPathComponent("web")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        try Data("<!doctype html><title>Roost</title>\n".utf8).write(to: root.appendingPathComponent("index.html"))
        try FileManager.default.copyItem(
            at: repository.appendingPathComponent("Services/Web/docs"), to: root.appendingPathComponent("docs"))
        return root.path
    }

    @discardableResult
    private static func script(
        _ arguments: [String], in directory: URL, _ environment: [String: String] = [:]
    ) async throws -> String {
        try await Command.run(
            repository.path + "/deploy/scripts/stack.sh", arguments,
            environment: environment.merging(["ROOST_STATE": directory.path]) { $1 })
    }

    // MARK: Processes

    /// Starts gateways, or has the last ones go, as an operator does; nginx follows. Returns when it is done.
    package func scale(gateways: Int) async throws {
        try await Self.script(["up"], in: directory, settings.merging(["GATEWAYS": "\(gateways)"]) { $1 })
    }

    /// Ends a process with SIGKILL, as a crash does; returns when it is gone.
    package func kill(_ name: String) async throws { try await Self.script(["kill", name], in: directory) }

    /// Starts a process again and waits until it is ready.
    package func start(_ name: String) async throws { try await Self.script(["start", name], in: directory) }

    /// Starts a process if it does not live, and does not wait.
    package func launch(_ name: String) async throws { try await Self.script(["launch", name], in: directory) }

    /// Asks a process to end and waits until it has.
    package func stop(_ name: String) async throws { try await Self.script(["stop", name], in: directory) }

    /// The process id by name, such as `gateway-0`.
    package func processID(of name: String) throws -> pid_t {
        let text = try String(contentsOf: directory.appendingPathComponent("run/\(name).pid"), encoding: .utf8)
        guard let id = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw Timeout("\(name) has no process id")
        }
        return id
    }

    /// The ids of all APIs and gateways: the same before and after means that none crashed.
    package func serviceProcessIDs() throws -> [pid_t] {
        let names = apiURLs.indices.map { "api-\($0)" } + gatewayURLs.indices.map { "gateway-\($0)" }
        return try names.map { name in
            let id = try processID(of: name)
            guard Glibc.kill(id, 0) == 0 else { throw Timeout("\(name) is dead") }
            return id
        }
    }

    /// The log of a process so far.
    package func log(of name: String) throws -> String {
        try String(contentsOf: directory.appendingPathComponent("log/\(name).log"), encoding: .utf8)
    }

    /// One more API beside the stack's, behind no proxy, with the product's defaults but for what is given: the stack's
    /// message rate does not count here. Ready when returned.
    package func startAPI(_ environment: [String: String] = [:]) async throws -> ExtraAPI {
        let number = counter.add(1, ordering: .relaxed).newValue
        let port = try await freePort(number)
        var settings = variables
        settings["ROOST_API_PORT"] = "\(port)"
        settings["ROOST_ALLOWED_ORIGINS"] = url
        settings.merge(environment) { $1 }
        let api = try ExtraAPI(
            url: "http://127.0.0.1:\(port)", settings, log: directory.appendingPathComponent("log/extra-\(number).log"))
        try await eventually("an API of its own is ready", within: .seconds(20)) {
            try? await APIClient(base: api.url).get("/health/ready").status == 200 ? true : nil
        }
        return api
    }

    /// A port that is free and that the kernel gives no outgoing connection. Each number looks in another place.
    private func freePort(_ number: Int) async throws -> Int {
        let program = Self.repository.path + "/deploy/scripts/ports.py"
        let text = try await Command.run(program, ["free", "\(Int(getpid()) + 7919 * number)", "0"])
        guard let port = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw Timeout("ports.py printed \(text)")
        }
        return port
    }

    // MARK: Databases

    package var databaseURL: String { variables["ROOST_DATABASE_URL", default: ""] }
    package var redisURL: String { variables["ROOST_REDIS_URL", default: ""] }

    /// Runs SQL in one transaction as Roost's own role; the rows as text, columns parted by `|`.
    @discardableResult
    package func sql(_ text: String, database: String? = nil) async throws -> [String] {
        let output = try await Command.run(
            "/usr/bin/psql", ["-XqAt", "-1", "-v", "ON_ERROR_STOP=1", "-d", database ?? databaseURL, "-c", text])
        return output.split(separator: "\n").map(String.init)
    }

    /// The one number that a query answers.
    package func count(_ query: String, database: String? = nil) async throws -> Int {
        let rows = try await sql(query, database: database)
        guard rows.count == 1, let number = Int(rows[0]) else { throw Timeout("no number: \(rows)") }
        return number
    }

    /// Makes an empty database on the stack's server, owned by Roost's role; its URL.
    package func makeDatabase() async throws -> String {
        let name = "extra\(counter.add(1, ordering: .relaxed).newValue)"
        let port = databaseURL.split(separator: ":").last?.split(separator: "/").first ?? ""
        let socket = directory.appendingPathComponent("run/postgres-socket").path
        let psql = [
            "psql", "-Xq", "-h", socket, "-p", String(port), "-c", "CREATE DATABASE \(name) OWNER roost", "postgres",
        ]
        // The superuser is the operating-system user of the server, over its socket.
        let drop = geteuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : []
        try await Command.run("/usr/bin/env", drop + psql)
        return String(databaseURL.dropLast("roost".count)) + name
    }

    /// Runs a command of Redis.
    @discardableResult
    package func redis(_ words: String...) async throws -> String {
        try await Command.run("/usr/bin/redis-cli", ["-u", variables["ROOST_REDIS_URL", default: ""]] + words)
            .trimmingCharacters(in: .newlines)
    }

    // MARK: Tokens

    /// Signs claims as the APIs do, with the stack's own key.
    package func sign(_ claims: AccessToken) async throws -> String {
        let pem = try String(contentsOfFile: variables["ROOST_SIGNING_KEY_FILE", default: ""], encoding: .utf8)
        return try await Self.sign(claims, pem: pem)
    }

    /// Signs claims with any key, under the name that the key has in a key set (RFC 7638).
    package static func sign(_ claims: AccessToken, pem: String) async throws -> String {
        let key = try ES256PrivateKey(pem: pem)
        guard let parameters = key.publicKey.parameters else { throw Timeout("the key has no parameters") }
        let (x, y) = (base64URL(parameters.x), base64URL(parameters.y))
        let canonical = #"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#
        let thumbprint = base64URL(Data(SHA256.hash(data: Data(canonical.utf8))).base64EncodedString())
        let keys = JWTKeyCollection()
        await keys.add(ecdsa: key, kid: JWKIdentifier(string: thumbprint))
        return try await keys.sign(claims, kid: JWKIdentifier(string: thumbprint))
    }
}

private func base64URL(_ base64: String) -> String {
    base64.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}

/// A roost-api that a test started beside the stack. Stop it with `defer`: a value is released after its last use, which
/// may be before the last request to it is answered.
package final class ExtraAPI: Sendable {
    package let url: String
    private let process: pid_t

    fileprivate init(url: String, _ environment: [String: String], log: URL) throws {
        self.url = url
        let directory =
            ProcessInfo.processInfo.environment["ROOST_BIN_DIR"] ?? Stack.repository.path + "/.build/release"
        process = try Command.spawn(directory + "/roost-api", [], environment: environment, output: log.path)
        Leftovers.add(process: process)
    }

    deinit { stop() }

    /// Ends the process with SIGKILL. Nothing happens the second time.
    package func stop() {
        guard Leftovers.remove(process: process) else { return }
        Glibc.kill(process, SIGKILL)
        Command.waitForEnd(of: process)
    }
}

/// What must not outlive the test process, however its tests end.
private enum Leftovers {
    private struct State {
        var directories: [URL] = []
        var processes: Set<pid_t> = []
    }

    private static let state = Mutex<State?>(nil)

    static func add(directory: URL) { change { $0.directories.append(directory) } }
    static func add(process: pid_t) { change { $0.processes.insert(process) } }
    static func remove(process: pid_t) -> Bool {
        state.withLock { $0?.processes.remove(process) != nil }
    }

    private static func change(_ body: (inout State) -> Void) {
        state.withLock { state in
            if state == nil {
                state = State()
                // Swift Testing has no teardown for a whole process.
                atexit { Leftovers.clear() }
            }
            var known = state ?? State()
            body(&known)
            state = known
        }
    }

    private static func clear() {
        let left = state.withLock { $0 ?? State() }
        for process in left.processes { Glibc.kill(process, SIGKILL) }
        for directory in left.directories {
            _ = try? Command.runBlocking(
                Stack.repository.path + "/deploy/scripts/stack.sh", ["down"],
                environment: ["ROOST_STATE": directory.path])
            try? FileManager.default.removeItem(at: directory)
        }
    }
}
