package import Foundation
import Glibc
import Synchronization

/// A private PostgreSQL cluster for tests: made by initdb in a temporary directory, reached by a Unix socket there (it has
/// no TCP port), without fsync, removed when the test process exits.
package final class PostgresServer: Sendable {
    package enum Failure: Error, CustomStringConvertible {
        case noBinaries
        case command(String, status: Int32, output: String)

        package var description: String {
            switch self {
            case .noBinaries: "No PostgreSQL server is installed in /usr/lib/postgresql: apt-get install postgresql"
            case .command(let name, let status, let output): "\(name) ended with \(status): \(output)"
            }
        }
    }

    /// The one cluster of this process, started on first use.
    package static func shared() throws -> PostgresServer {
        try started.withLock { server in
            if let server { return server }
            let new = try PostgresServer()
            server = new
            // Swift Testing has no teardown for a whole process.
            atexit { PostgresServer.started.withLock { $0?.stop() } }
            return new
        }
    }

    private static let started = Mutex<PostgresServer?>(nil)

    /// Holds the data and the socket.
    package let directory: URL
    private let binaries: URL
    private let databaseCount = Mutex(0)

    /// Starts a cluster and waits until it answers. Prefer `shared`, unless the test stops or breaks it.
    package init() throws {
        let versions = URL(fileURLWithPath: "/usr/lib/postgresql")
        let found = (try? FileManager.default.contentsOfDirectory(atPath: versions.path)) ?? []
        guard let newest = found.compactMap({ Int($0) }).max() else { throw Failure.noBinaries }
        binaries = versions.appendingPathComponent("\(newest)/bin")
        // Short, because the path of a Unix socket has at most 107 bytes.
        directory = URL(fileURLWithPath: "/tmp/roost-pg-\(getpid())-\(UInt16.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        do {
            if geteuid() == 0 { try Self.command("/usr/bin/chown", ["postgres", directory.path]) }
            try tool("initdb", ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"])
            try start()
        } catch {
            stop()
            throw error
        }
    }

    /// The superuser's connection string for a database of this cluster.
    package func url(database: String = "postgres") -> String {
        "host=\(directory.path) port=5432 user=postgres dbname=\(database)"
    }

    /// Makes an empty database that no other test sees, and returns its connection string.
    package func makeDatabase() throws -> String {
        let number = databaseCount.withLock { count in
            count += 1
            return count
        }
        try tool("createdb", ["-h", directory.path, "-U", "postgres", "-T", "template0", "test\(number)"])
        return url(database: "test\(number)")
    }

    /// Starts a stopped cluster again.
    package func start() throws {
        let settings = [
            "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=1000",
            "listen_addresses=''", "unix_socket_directories=\(directory.path)",
        ]
        let options = settings.map { "-c \($0)" }.joined(separator: " ")
        try tool("pg_ctl", ["start", "-w", "-s", "-D", data, "-l", directory.path + "/log", "-o", options])
    }

    /// Stops the server at once, as a crash does; the data stays.
    package func crash() throws {
        try tool("pg_ctl", ["stop", "-w", "-s", "-m", "immediate", "-D", data])
    }

    /// Stops the server and removes everything. Nothing is left to do when it is not running.
    package func stop() {
        try? crash()
        try? FileManager.default.removeItem(at: directory)
    }

    /// Runs one of PostgreSQL's own programs (`psql`, `pgbench`, …) as the user of the cluster.
    /// - Returns: what it printed.
    @discardableResult
    package func tool(_ name: String, _ arguments: [String]) throws -> String {
        let path = binaries.appendingPathComponent(name).path
        guard geteuid() == 0 else { return try Self.command(path, arguments) }
        // PostgreSQL refuses to run as root.
        let drop = ["--reuid=postgres", "--regid=postgres", "--clear-groups", path]
        return try Self.command("/usr/bin/setpriv", drop + arguments)
    }

    private var data: String { directory.path + "/data" }

    @discardableResult
    private static func command(_ path: String, _ arguments: [String]) throws -> String {
        // Neither a pipe nor Foundation's Process: the server that pg_ctl leaves behind inherits every descriptor, and
        // both would wait until it closes them.
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("roost-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: output) }
        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&files, 1, output.path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&files, 1, 2)
        // Threads of the cooperative pool block signals, and a child inherits that: pgbench would never see its alarm.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var process = pid_t()
        let code = posix_spawn(&process, path, &files, &attributes, &words, environ)
        guard code == 0 else { throw Failure.command(path, status: code, output: "it could not be started") }
        var status: Int32 = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        let text = String(decoding: (try? Data(contentsOf: output)) ?? Data(), as: UTF8.self)
        guard status == 0 else {
            throw Failure.command(path, status: status, output: text)
        }
        return text
    }
}
