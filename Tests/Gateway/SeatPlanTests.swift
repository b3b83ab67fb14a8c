import Contracts
import GatewayDomain
import Testing

@Suite("What follows when a media node gives no seat")
struct SeatPlanTests {
    private typealias Step = SeatPlan.Step
    private static let again = Step.askAgain(after: .milliseconds(250))

    @Test("A node that nobody listens for is asked for a second more before it is named dead, and only one is named")
    func unheard() {
        var plan = SeatPlan()
        #expect(steps(&plan, Array(repeating: .nobodyListens, count: 5)) == four + [.grantAgain(isDead: true)])
        #expect(steps(&plan, Array(repeating: .nobodyListens, count: 5)) == four + [.giveUp])
    }

    @Test("A node that is known to be dead is not asked again, and only one is named")
    func dead() {
        var plan = SeatPlan()
        #expect(steps(&plan, [.dead, .dead]) == [.grantAgain(isDead: true), .giveUp])
    }

    @Test("A node that is silent is asked once more and never named dead")
    func silent() {
        var plan = SeatPlan()
        #expect(steps(&plan, [.silence, .silence]) == [.askAgain(after: .zero), .giveUp])
    }

    @Test("A node that falls silent or is not heard in between is one and the same")
    func mixed() {
        var plan = SeatPlan()
        #expect(
            steps(&plan, [.nobodyListens, .silence, .nobodyListens, .silence])
                == [Self.again, .askAgain(after: .zero), Self.again, .giveUp])
    }

    @Test("A room that moved, or a grant that cannot be verified, takes one other grant and names no node")
    func moved() {
        for code in [ErrorCode.conflict, .unauthenticated] {
            var plan = SeatPlan()
            #expect(steps(&plan, [.refused(code), .refused(code)]) == [.grantAgain(isDead: false), .giveUp])
        }
    }

    @Test(
        "What will not help, or is this gateway's own trouble, is not tried again here",
        arguments: [SeatFailure.refused(.notFound), .refused(.unavailable), .refused(.validationFailed), .other])
    func hopeless(failure: SeatFailure) {
        var plan = SeatPlan()
        #expect(plan.next(after: failure) == .giveUp)
    }

    private var four: [Step] { Array(repeating: Self.again, count: 4) }

    private func steps(_ plan: inout SeatPlan, _ failures: [SeatFailure]) -> [Step] {
        failures.map { plan.next(after: $0) }
    }
}
