import Contracts
import Foundation

/// The first gateway of the stack, and the people who connect to it.
struct GatewayUnderTest {
    let stack: Stack
    let url: String
    let address: ServerAddress
    let process: ProcessUsage
    let population: Population
    let database: Database

    init() async throws {
        stack = Stack()
        url = try stack.gatewayURLs()[0]
        address = try ServerAddress(url: url, path: "/gateway")
        process = try stack.process("gateway-0")
        population = try await Population(signingKeyFile: try stack.signingKeyFile())
        database = try Database(url: try stack.databaseURL())
    }

    /// Subscribers that are not connected yet, each a person of their own.
    func subscribers(_ count: Int, offersDeflate: Bool = false) async throws -> Subscribers {
        let identify = try await population.tokens(count).map {
            try ClientFrames.identify(token: $0, cursors: [])
        }
        return try Subscribers(of: address, identify: identify, offersDeflate: offersDeflate)
    }

    /// Has all those who come back identify with the places that they stood at when they came first.
    /// - Parameter areTokensFresh: whether each has got a new token meanwhile, whose signature is to be checked.
    func keepCursors(of subscribers: Subscribers, areTokensFresh: Bool = false) async throws {
        for (index, member) in subscribers.members.enumerated() {
            guard !member.places.isEmpty else {
                throw LoadFailure("Subscriber \(index) was told no streams.")
            }
            let token =
                areTokensFresh ? try await population.freshToken(of: index) : try await population.token(of: index)
            subscribers.setIdentify(
                try ClientFrames.identify(token: token, cursors: member.places), of: index)
        }
    }

    /// Returns when the gateway spends next to nothing: what came before is done.
    func settle() async throws {
        var before = try process.cpuSeconds()
        for _ in 0..<100 {
            try await Task.sleep(for: .milliseconds(300))
            let now = try process.cpuSeconds()
            if now - before <= 0.01 { return }
            before = now
        }
        throw LoadFailure("The gateway does not come to rest.")
    }
}

/// Runs what blocks on a thread of its own.
func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { done in
        Thread { done.resume(with: Result { try work() }) }.start()
    }
}

/// CPU seconds of processes and of the machine over a time.
struct UsageMeter {
    private let parts: [String: [ProcessUsage]]
    private let before: [String: Double]
    private let machineBefore: Double

    /// Begins to count.
    init(_ parts: [String: [ProcessUsage]]) throws {
        self.parts = parts
        before = try parts.mapValues { try $0.cpuSeconds() }
        machineBefore = try machineCPUSeconds()
    }

    /// What each has spent since, and the rest of the machine as `others`.
    func spent() throws -> [String: Double] {
        var spent: [String: Double] = [:]
        var others = try machineCPUSeconds() - machineBefore
        for (name, processes) in parts {
            let own = try processes.cpuSeconds() - before[name, default: 0]
            spent[name] = own
            others -= own
        }
        spent["others"] = max(0, others)
        return spent
    }
}
