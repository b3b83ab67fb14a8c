import Foundation
import Glibc
package import RoostClient
package import TestSupport

/// A stack whose every cable goes through a proxy, and the hands that harm and heal it.
package final class FaultWorld: Sendable {
    package static let apiCount = 2
    package static let gatewayCount = 3
    /// The product SkewedClock: beside the services.
    private static let skewedClock =
        (ProcessInfo.processInfo.environment["ROOST_BIN_DIR"] ?? Stack.repository.path + "/.build/release")
        + "/libSkewedClock.so"

    package let stack: Stack
    private let proxies: [Link: TCPProxy]

    /// Starts a stack and restarts its services behind the proxies.
    package init() async throws {
        let stack = try await Stack(
            apis: Self.apiCount, gateways: Self.gatewayCount,
            environment: ["ROOST_MESSAGE_RATE": "1000000", "MEDIA": "0", "TURN": "0"])
        self.stack = stack
        var proxies: [Link: TCPProxy] = [:]
        let (database, redis) = (try Self.endpoint(of: stack.databaseURL), try Self.endpoint(of: stack.redisURL))
        for index in stack.apiURLs.indices {
            proxies[.clientAPI(index)] = try await TCPProxy(to: stack.apiURLs[index])
            proxies[.apiRedis(index)] = try await TCPProxy(to: redis)
            proxies[.apiPostgres(index)] = try await TCPProxy(to: database)
        }
        for index in stack.gatewayURLs.indices {
            proxies[.clientGateway(index)] = try await TCPProxy(to: stack.gatewayURLs[index])
            proxies[.gatewayRedis(index)] = try await TCPProxy(to: redis)
        }
        self.proxies = proxies
        for target in Self.services {
            try await stack.stop("\(target)")
            try setEnvironment(of: target)
            try await stack.start("\(target)")
        }
    }

    static let services = (0..<apiCount).map(Target.api) + (0..<gatewayCount).map(Target.gateway)

    package var apiAddresses: [ServerAddress] { addresses { if case .clientAPI = $0 { true } else { false } } }
    package var gatewayAddresses: [ServerAddress] { addresses { if case .clientGateway = $0 { true } else { false } } }

    private func addresses(of isWanted: (Link) -> Bool) -> [ServerAddress] {
        proxies.filter { isWanted($0.key) }.sorted { $0.key.description < $1.key.description }
            .compactMap { ServerAddress($0.value.url) }
    }

    /// `http://host:port` of any URL with a host and a port.
    private static func endpoint(of url: String) throws -> String {
        guard let parts = URLComponents(string: url), let host = parts.host, let port = parts.port else {
            throw Timeout("\(url) names no port")
        }
        return "http://\(host):\(port)"
    }

    /// What one service alone is told at its next start: its links lead through the proxies, its clock may be wrong.
    private func setEnvironment(of target: Target, skew: Int? = nil) throws {
        var lines: [String] = []
        switch target {
        case .api(let index):
            lines.append("ROOST_REDIS_URL=\(try rerouted(stack.redisURL, .apiRedis(index)))")
            lines.append("ROOST_DATABASE_URL=\(try rerouted(stack.databaseURL, .apiPostgres(index)))")
        case .gateway(let index): lines.append("ROOST_REDIS_URL=\(try rerouted(stack.redisURL, .gatewayRedis(index)))")
        case .redis, .postgres: return
        }
        if let skew {
            // The linker would only warn of a library that is missing, and the fault would be none.
            guard FileManager.default.isReadableFile(atPath: Self.skewedClock) else {
                throw Timeout("\(Self.skewedClock) is not built")
            }
            lines += ["LD_PRELOAD=\(Self.skewedClock)", "ROOST_TEST_CLOCK_OFFSET=\(skew)"]
        }
        let text = lines.joined(separator: "\n") + "\n"
        try Data(text.utf8).write(to: stack.directory.appendingPathComponent("run/\(target).env"))
    }

    private func rerouted(_ url: String, _ link: Link) throws -> String {
        guard var parts = URLComponents(string: url), let proxy = proxies[link],
            let port = URLComponents(string: proxy.url)?.port
        else { throw Timeout("\(link) has no proxy") }
        parts.port = port
        return parts.string ?? url
    }

    // MARK: Harm

    /// Lets a plan happen: returns when its last fault has been undone, as far as that is possible before ``heal()``.
    package func perform(_ plan: FaultPlan) async throws {
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for entry in plan.entries {
                group.addTask {
                    try await Task.sleep(until: start + entry.at)
                    try await self.begin(entry.fault)
                    try await Task.sleep(until: start + entry.at + entry.lasting)
                    try await self.end(entry.fault)
                }
            }
            try await group.waitForAll()
        }
        try await Task.sleep(until: start + plan.duration)
    }

    private func begin(_ fault: Fault) async throws {
        switch fault {
        case .kill(let target): try await stack.kill("\(target)")
        case .stop(let target): try await stack.stop("\(target)")
        case .pause(let target): try signal(SIGSTOP, target)
        case .flush:
            // There is nothing to flush where another fault has ended it.
            _ = try? await stack.redis("FLUSHALL")
        case .cut(let link): try await proxies[link]?.cut()
        case .block(let link): proxies[link]?.quality = TCPProxy.Quality(isBlocked: true)
        case .slow(let link, let delay): proxies[link]?.quality = TCPProxy.Quality(delay: .milliseconds(delay))
        case .throttle(let link, let rate): proxies[link]?.quality = TCPProxy.Quality(bytesPerSecond: rate)
        case .skew(let target, let seconds):
            try setEnvironment(of: target, skew: seconds)
            try await stack.kill("\(target)")
            try await stack.launch("\(target)")
        }
    }

    private func end(_ fault: Fault) async throws {
        switch fault {
        case .kill(let target), .stop(let target): try await stack.launch("\(target)")
        case .pause(let target): try signal(SIGCONT, target)
        case .flush: break
        case .cut(let link), .block(let link), .slow(let link, _), .throttle(let link, _): proxies[link]?.restore()
        case .skew(let target, _):
            try setEnvironment(of: target)
            try await stack.kill("\(target)")
            try await stack.launch("\(target)")
        }
    }

    /// To a process and its children: PostgreSQL is many.
    private func signal(_ number: Int32, _ target: Target) throws {
        let process = try stack.processID(of: "\(target)")
        for id in [process] + children(of: process) { kill(id, number) }
    }

    private func children(of parent: pid_t) -> [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap(pid_t.init).filter { id in
            guard let stat = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8) else { return false }
            // The name in brackets may hold anything; the parent is the second field after it (proc(5)).
            let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
            return fields.count > 1 && pid_t(fields[1]) == parent
        }
    }

    // MARK: Healing

    /// Everything runs again and every cable stands. Returns when all services say that they are ready.
    package func heal() async throws {
        for proxy in proxies.values { proxy.restore() }
        let stores: [Target] = [.redis, .postgres]
        for target in stores + Self.services { try await stack.launch("\(target)") }
        for target in Self.services {
            let base =
                switch target {
                case .api(let index): stack.apiURLs[index]
                case .gateway(let index): stack.gatewayURLs[index]
                case .redis, .postgres: stack.url
                }
            try await eventually("\(target) is ready again", within: .seconds(30)) { () -> Bool? in
                if (try? await APIClient(base: base).get("/health/ready").status) == 200 { return true }
                // One that started while it had no database has ended again; a supervisor would do the same.
                try await stack.launch("\(target)")
                return nil
            }
        }
    }

    /// The last lines of all logs, for a round that failed.
    package func logs(lines: Int = 15) -> String {
        (Self.services.map(\.description) + ["redis", "postgres"]).map { name in
            let text = (try? stack.log(of: name)) ?? ""
            return "--- \(name)\n" + text.split(separator: "\n").suffix(lines).joined(separator: "\n")
        }.joined(separator: "\n")
    }
}
