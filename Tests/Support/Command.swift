import Foundation
package import Glibc
import NIOPosix

/// Runs other programs to their end, off the cooperative pool.
package enum Command {
    package struct Failure: Error, CustomStringConvertible {
        package let command: String
        package let status: Int32
        package let output: String

        package var description: String { "\(command) ended with \(status): \(output)" }
    }

    /// What the program printed on standard output and error together.
    /// - Parameter environment: variables set over those of this process.
    /// - Throws: ``Failure`` when its status is not 0.
    @discardableResult
    package static func run(
        _ path: String, _ arguments: [String] = [], environment: [String: String] = [:]
    ) async throws -> String {
        try await NIOThreadPool.singleton.runIfActive {
            try runBlocking(path, arguments, environment: environment)
        }
    }

    /// ``run(_:_:environment:)`` on the calling thread: for the end of the process, when nothing else runs any more.
    @discardableResult
    package static func runBlocking(
        _ path: String, _ arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> String {
        // A file and no pipe: a server that the program leaves behind would hold a pipe open for ever.
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("roost-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: output) }
        let process = try spawn(path, arguments, environment: environment, output: output.path)
        let status = waitForEnd(of: process)
        let text = String(decoding: (try? Data(contentsOf: output)) ?? Data(), as: UTF8.self)
        guard status == 0 else { throw Failure(command: path, status: status, output: text) }
        return text
    }

    /// Starts a program in the background. Its input is empty, its output goes to a file.
    package static func spawn(
        _ path: String, _ arguments: [String], environment: [String: String], output: String
    ) throws -> pid_t {
        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&files, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&files, 1, 2)
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        var settings = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (words + settings).forEach { free($0) } }
        var process = pid_t()
        let code = posix_spawn(&process, path, &files, nil, &words, &settings)
        guard code == 0 else { throw Failure(command: path, status: code, output: "it could not be started") }
        return process
    }

    /// Waits for a program that ``spawn(_:_:environment:output:)`` started.
    @discardableResult
    package static func waitForEnd(of process: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        return status
    }
}
