import Foundation
import ServiceKit

/// A running stack, as `deploy/scripts/stack.sh env` describes it.
struct Stack {
    private let settings = Settings()

    /// Base URLs of the API processes.
    func apiURLs() throws -> [String] { try urls("ROOST_API_URLS") }

    /// Base URLs of the gateway processes, with the scheme `http`.
    func gatewayURLs() throws -> [String] { try urls("ROOST_GATEWAY_URLS") }

    /// Where Redis is.
    func redisURL() throws -> String { try settings.required("ROOST_REDIS_URL", "see deploy/scripts/stack.sh env") }

    /// Where PostgreSQL is, with its password.
    func databaseURL() throws -> String {
        try settings.required("ROOST_DATABASE_URL", "see deploy/scripts/stack.sh env")
    }

    /// The file of the key with which the APIs sign.
    func signingKeyFile() throws -> String {
        try settings.required("ROOST_SIGNING_KEY_FILE", "see deploy/scripts/stack.sh env")
    }

    /// The started processes whose names begin so: `api`, `gateway`, `postgres`.
    func processes(_ prefix: String) throws -> [ProcessUsage] {
        try names().filter { $0.hasPrefix(prefix) }.map { try process($0) }
    }

    /// The names of all started processes, in alphabetical order.
    func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: try runDirectory())
            .filter { $0.hasSuffix(".pid") }.map { String($0.dropLast(4)) }.sorted()
    }

    /// One started process, such as `api-0`.
    func process(_ name: String) throws -> ProcessUsage {
        let text = try String(contentsOfFile: "\(try runDirectory())/\(name).pid", encoding: .utf8)
        guard let pid = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw LoadFailure("\(name).pid holds no process id.")
        }
        return ProcessUsage(pid: pid)
    }

    private func runDirectory() throws -> String {
        try settings.required("ROOST_STATE", "see deploy/scripts/stack.sh env") + "/run"
    }

    private func urls(_ name: String) throws -> [String] {
        let urls = settings.list(name)
        guard !urls.isEmpty else { throw LoadFailure("Set \(name): see deploy/scripts/stack.sh env.") }
        return urls
    }
}

extension [ProcessUsage] {
    /// CPU seconds of all of them.
    func cpuSeconds() throws -> Double { try reduce(0) { try $0 + $1.cpuSeconds() } }
}
