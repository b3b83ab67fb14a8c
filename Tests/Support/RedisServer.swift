package import Foundation
import Glibc
import Synchronization

/// A private Redis for tests: without persistence, on a free port of 127.0.0.1 and on a Unix socket, killed with this value.
package final class RedisServer: Sendable {
    /// The server or a tool did not do its work.
    package enum Failure: Error {
        case neverListened(port: Int)
        case command(String, output: String)
    }

    /// Stays the same over restarts.
    package let port: Int
    /// Holds the Unix socket.
    package let directory: URL
    private let usesTLS: Bool
    private let arguments: [String]
    private let process = Mutex<Process?>(nil)

    /// Starts a server and waits until it listens.
    /// - Parameters:
    ///   - arguments: further options of `redis-server`.
    ///   - tls: whether the port takes TLS only, with a certificate that is made for `localhost`.
    package init(arguments: [String] = [], tls: Bool = false) throws {
        port = try freePort()
        // Short, because the path of a Unix socket has at most 107 bytes.
        directory = URL(fileURLWithPath: "/tmp/roost-redis-\(getpid())-\(port)")
        self.arguments = arguments
        usesTLS = tls
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        if tls { try makeCertificate() }
        try start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: directory)
    }

    /// For ``RedisConfiguration``, without user and password.
    package var url: String { usesTLS ? "rediss://localhost:\(port)" : "redis://127.0.0.1:\(port)" }
    /// The certificate of a server with TLS, signed by itself.
    package var certificatePath: String { directory.path + "/certificate.pem" }
    /// The Unix socket, without TLS.
    package var socketPath: String { directory.path + "/socket" }

    /// Starts a killed server again, on the same port and with an empty memory.
    package func start() throws {
        let new = Process()
        new.executableURL = URL(fileURLWithPath: "/usr/bin/redis-server")
        new.arguments =
            [
                usesTLS ? "--tls-port" : "--port", "\(port)", "--bind", "127.0.0.1", "--unixsocket", socketPath,
                "--dir", directory.path, "--save", "", "--appendonly", "no", "--daemonize", "no",
            ] + (usesTLS ? tlsArguments : []) + arguments
        new.standardInput = FileHandle.nullDevice
        new.standardOutput = FileHandle.nullDevice
        new.standardError = FileHandle.nullDevice
        try new.run()
        process.withLock { $0 = new }
        let end = ContinuousClock.now + .seconds(10)
        while !isListening(port: port) {
            guard ContinuousClock.now < end, new.isRunning else { throw Failure.neverListened(port: port) }
            usleep(1000)
        }
    }

    /// Ends the server at once, as a crash does, and waits until it is gone. Nothing happens when it does not run.
    package func kill() {
        guard let running = process.withLock({ $0.take() }), running.isRunning else { return }
        Glibc.kill(running.processIdentifier, SIGKILL)
        running.waitUntilExit()
    }

    /// The process stands still, its connections stay open.
    package func pause() { signal(SIGSTOP) }
    /// The process goes on.
    package func resume() { signal(SIGCONT) }

    /// Runs `redis-cli` against the server.
    /// - Returns: what it printed, without the last line feed.
    @discardableResult
    package func cli(_ words: String...) throws -> String {
        let client = Process()
        client.executableURL = URL(fileURLWithPath: "/usr/bin/redis-cli")
        client.arguments = ["-s", socketPath] + words
        let pipe = Pipe()
        client.standardInput = FileHandle.nullDevice
        client.standardOutput = pipe
        client.standardError = pipe
        try client.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        client.waitUntilExit()
        let text = String(decoding: output, as: UTF8.self)
        guard client.terminationStatus == 0 else {
            throw Failure.command(words.joined(separator: " "), output: text)
        }
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }

    private var keyPath: String { directory.path + "/key.pem" }

    private var tlsArguments: [String] {
        [
            "--port", "0", "--tls-cert-file", certificatePath, "--tls-key-file", keyPath, "--tls-ca-cert-file",
            certificatePath, "--tls-auth-clients", "no",
        ]
    }

    private func makeCertificate() throws {
        let tool = Process()
        tool.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        tool.arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-keyout", keyPath, "-out", certificatePath, "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost",
        ]
        tool.standardError = FileHandle.nullDevice
        try tool.run()
        tool.waitUntilExit()
        guard tool.terminationStatus == 0 else { throw Failure.command("openssl req", output: "") }
    }

    private func signal(_ number: Int32) {
        process.withLock { running in
            guard let running, running.isRunning else { return }
            Glibc.kill(running.processIdentifier, number)
        }
    }
}

/// A port that was free a moment ago.
private func freePort() throws -> Int {
    try withSocket { descriptor in
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // SAFETY: the address is a sockaddr_in for the time of the calls, and its length says so.
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) | getsockname(descriptor, $0, &length)
            }
        }
        guard status == 0 else { throw RedisServer.Failure.neverListened(port: 0) }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

private func isListening(port: Int) -> Bool {
    withSocket { descriptor in
        var address = loopback(port: UInt16(port))
        // SAFETY: as above.
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

private func withSocket<Result>(_ body: (Int32) throws -> Result) rethrows -> Result {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    return try body(descriptor)
}

private func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
    return address
}
