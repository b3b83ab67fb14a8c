import TestSupport

/// A process of the stack that can be harmed.
package enum Target: Hashable, Sendable, CustomStringConvertible {
    case api(Int)
    case gateway(Int)
    case redis
    case postgres

    /// As deploy/scripts/stack.sh names it.
    package var description: String {
        switch self {
        case .api(let index): "api-\(index)"
        case .gateway(let index): "gateway-\(index)"
        case .redis: "redis"
        case .postgres: "postgres"
        }
    }
}

/// A cable between two processes, or between clients and one.
package enum Link: Hashable, Sendable, CustomStringConvertible {
    case clientAPI(Int)
    case clientGateway(Int)
    case apiRedis(Int)
    case apiPostgres(Int)
    case gatewayRedis(Int)

    package var description: String {
        switch self {
        case .clientAPI(let index): "clients–api-\(index)"
        case .clientGateway(let index): "clients–gateway-\(index)"
        case .apiRedis(let index): "api-\(index)–redis"
        case .apiPostgres(let index): "api-\(index)–postgres"
        case .gatewayRedis(let index): "gateway-\(index)–redis"
        }
    }
}

/// What the adversary does; each lasts for a while and is then undone.
package enum Fault: Hashable, Sendable, CustomStringConvertible {
    /// kill -9.
    case kill(Target)
    /// SIGTERM, as when a new version is rolled out.
    case stop(Target)
    /// SIGSTOP, later SIGCONT: connections stand and nobody answers.
    case pause(Target)
    /// FLUSHALL: over at once.
    case flush
    /// Connections are reset and new ones refused.
    case cut(Link)
    /// Connections stand and carry nothing.
    case block(Link)
    case slow(Link, milliseconds: Int)
    case throttle(Link, bytesPerSecond: Int)
    /// The process is restarted with another clock, and later with the right one.
    case skew(Target, seconds: Int)

    package var description: String {
        switch self {
        case .kill(let target): "kill -9 \(target)"
        case .stop(let target): "stop \(target)"
        case .pause(let target): "pause \(target)"
        case .flush: "FLUSHALL"
        case .cut(let link): "cut \(link)"
        case .block(let link): "block \(link)"
        case .slow(let link, let milliseconds): "\(link) slower by \(milliseconds) ms"
        case .throttle(let link, let rate): "\(link) at \(rate) B/s"
        case .skew(let target, let seconds): "clock of \(target) \(seconds > 0 ? "+" : "")\(seconds) s"
        }
    }

    /// What it harms: two faults of a plan never harm the same.
    var victim: String {
        switch self {
        case .kill(let target), .stop(let target), .pause(let target), .skew(let target, _): "\(target)"
        case .flush: "memory of redis"
        case .cut(let link), .block(let link), .slow(let link, _), .throttle(let link, _): "\(link)"
        }
    }
}

/// When what happens in one round. The same seed makes the same plan.
package struct FaultPlan: Sendable, Equatable, CustomStringConvertible {
    package struct Entry: Sendable, Equatable {
        /// Since the start of the round.
        package let at: Duration
        package let lasting: Duration
        package let fault: Fault
    }

    package let seed: UInt64
    /// How long writers write and faults happen.
    package let duration: Duration
    package let entries: [Entry]

    /// - Parameter duration: a random one of 6 to 10 s if `nil`.
    package init(seed: UInt64, apis: Int, gateways: Int, duration: Duration? = nil) {
        var random = SeededRandom(seed: seed)
        self.seed = seed
        let chosen = Duration.milliseconds(Int.random(in: 6_000...10_000, using: &random))
        let length = duration ?? chosen
        self.duration = length
        var entries: [Entry] = []
        var victims: Set<String> = []
        let count = Int.random(in: 1...4, using: &random)
        while entries.count < count {
            let fault = Self.fault(apis, gateways, &random)
            let at = length * Double.random(in: 0.05...0.7, using: &random)
            let lasting = Duration.milliseconds(Int.random(in: 200...4_000, using: &random))
            if victims.insert(fault.victim).inserted {
                entries.append(Entry(at: at, lasting: min(lasting, length - at), fault: fault))
            }
        }
        self.entries = entries.sorted { $0.at < $1.at }
    }

    private static func fault(_ apis: Int, _ gateways: Int, _ random: inout SeededRandom) -> Fault {
        let service: Target =
            Bool.random(using: &random)
            ? .api(Int.random(in: 0..<apis, using: &random)) : .gateway(Int.random(in: 0..<gateways, using: &random))
        let store: Target = Bool.random(using: &random) ? .redis : .postgres
        let link = link(apis, gateways, &random)
        switch Int.random(in: 0..<16, using: &random) {
        case 0, 1, 2: return .kill(service)
        case 3, 4: return .kill(store)
        case 5: return .stop(service)
        case 6: return .pause(service)
        case 7: return .pause(store)
        case 8, 9: return .flush
        case 10, 11: return .cut(link)
        case 12: return .block(link)
        case 13: return .slow(link, milliseconds: Int.random(in: 5...400, using: &random))
        case 14: return .throttle(link, bytesPerSecond: Int.random(in: 2_000...100_000, using: &random))
        default: return .skew(service, seconds: Int.random(in: -600...600, using: &random))
        }
    }

    private static func link(_ apis: Int, _ gateways: Int, _ random: inout SeededRandom) -> Link {
        let (api, gateway) = (Int.random(in: 0..<apis, using: &random), Int.random(in: 0..<gateways, using: &random))
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return .clientAPI(api)
        case 1: return .clientGateway(gateway)
        case 2: return .apiRedis(api)
        case 3: return .apiPostgres(api)
        default: return .gatewayRedis(gateway)
        }
    }

    package var description: String {
        entries.map { entry in
            "\(milliseconds(entry.at)) \(entry.fault) for \(milliseconds(entry.lasting))"
        }.joined(separator: "; ")
    }
}

/// Such as `2350 ms`.
func milliseconds(_ duration: Duration) -> String { "\(Int(duration / .milliseconds(1))) ms" }
