import FaultSuite
import Testing

@Suite("Faults", .serialized)
struct FaultRoundTests {
    @Test("The same seed makes the same plan, another one another")
    func plans() {
        let plans = (0..<50).map { FaultPlan(seed: $0, apis: 2, gateways: 3) }
        #expect(plans == (0..<50).map { FaultPlan(seed: $0, apis: 2, gateways: 3) })
        #expect(Set(plans.map(\.description)).count == 50)
        for plan in plans {
            #expect((1...4).contains(plan.entries.count))
            #expect(plan.entries.allSatisfy { $0.at + $0.lasting <= plan.duration })
        }
    }

    @Test(
        """
        S3 O17 T9 T10 T11: after random faults every replica equals a fresh snapshot, every acknowledged write is there \
        once, and every badge equals a recount
        """, .timeLimit(.minutes(5)))
    func rounds() async throws {
        let outcome = try await FaultSuite.run(seeds: [1, 2, 3, 4, 5], duration: .seconds(6)) { print($0) }
        #expect(outcome.rounds.count == 5)
        for report in outcome.failed { Issue.record("\(report)") }
    }
}
