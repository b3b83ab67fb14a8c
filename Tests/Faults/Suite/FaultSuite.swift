/// Rounds one after another on one stack.
package struct FaultSuite {
    /// The rounds that failed, and of how many.
    package struct Outcome: Sendable {
        package var rounds: [Round.Report] = []
        package var failed: [Round.Report] { rounds.filter { !$0.divergences.isEmpty } }
    }

    /// Runs the rounds of the given seeds. After a round that failed the logs' ends are printed too.
    /// - Parameters:
    ///   - duration: of the faults of each round; the plan's own if `nil`.
    ///   - say: is told each round's report as it ends.
    package static func run(
        seeds: [UInt64], duration: Duration? = nil, stopAtFirst: Bool = false, say: (String) -> Void
    ) async throws -> Outcome {
        let world = try await FaultWorld()
        var outcome = Outcome()
        for seed in seeds {
            let plan = FaultPlan(
                seed: seed, apis: FaultWorld.apiCount, gateways: FaultWorld.gatewayCount, duration: duration)
            let report = try await Round(plan, in: world).run()
            outcome.rounds.append(report)
            say("\(report)")
            if !report.divergences.isEmpty {
                say(world.logs())
                if stopAtFirst { break }
            }
        }
        return outcome
    }
}
