import ArgumentParser
import Dispatch
import FaultSuite
import Foundation

/// The fault suite: a random adversary against a whole Roost, and a comparison when the dust has settled.
@main
struct RoostFaults: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost-faults",
        abstract: "Harms a Roost of its own at random while people write, heals it, and compares what everybody has.",
        discussion: """
            Round i has the seed --seed + i. The seed of a round that failed makes the same plan again: \
            roost-faults --rounds 1 --seed SEED.
            """)

    @Option(help: "How many rounds.")
    var rounds = 5
    @Option(help: "The seed of the first round; random if absent.")
    var seed: UInt64?
    @Option(help: "Seconds of faults in each round; 6 to 10, as the seed says, if absent.")
    var seconds: Double?
    @Flag(help: "Ends with the first round that failed.")
    var stopAtFirst = false
    @Flag(help: "Prints the plans and does nothing.")
    var plan = false

    func run() async throws {
        let first = seed ?? UInt64.random(in: 0...999_999)
        let seeds = (0..<UInt64(max(rounds, 0))).map { first &+ $0 }
        guard !plan else {
            for seed in seeds {
                let plan = FaultPlan(seed: seed, apis: FaultWorld.apiCount, gateways: FaultWorld.gatewayCount)
                print("seed \(seed): \(plan)")
            }
            return
        }
        let interruption = Self.exitWhenInterrupted()
        defer { interruption.cancel() }
        let outcome = try await FaultSuite.run(
            seeds: seeds, duration: seconds.map { .seconds($0) }, stopAtFirst: stopAtFirst
        ) { Self.say($0) }
        let failed = outcome.failed
        print("\(outcome.rounds.count) rounds, \(failed.count) diverged\(failed.isEmpty ? "" : ":")")
        for report in failed { print("  seed \(report.plan.seed)") }
        if !failed.isEmpty { throw ExitCode.failure }
    }

    /// Ctrl-C ends the program in the ordinary way, and with it the stack.
    private static func exitWhenInterrupted() -> any DispatchSourceSignal {
        signal(SIGINT, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        source.setEventHandler { Foundation.exit(130) }
        source.resume()
        return source
    }

    /// At once, also into a file: a run of an hour is looked at before it ends.
    private static func say(_ text: String) { FileHandle.standardOutput.write(Data("\(text)\n".utf8)) }
}
