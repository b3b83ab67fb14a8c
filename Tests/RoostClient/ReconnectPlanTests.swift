import Contracts
import RoostClient
import Testing

@Suite("Reconnecting")
struct ReconnectPlanTests {
    private let start = ContinuousClock.now

    @Test("T9: waits have full jitter, double from 1 s to 30 s, and never end")
    func waits() {
        var plan = ReconnectPlan()
        let longest = (0..<200).map { _ in plan.ended(closeCode: nil, now: start, fraction: 1) }
        let first = [1, 2, 4, 8, 16, 30].map { ReconnectPlan.Step.retry(after: .seconds($0)) }
        #expect(Array(longest[..<6]) == first)
        #expect(longest.dropFirst(6).allSatisfy { $0 == .retry(after: .seconds(30)) })
        #expect(plan.ended(closeCode: nil, now: start, fraction: 0) == .retry(after: .zero))
        #expect(plan.ended(closeCode: nil, now: start, fraction: 0.5) == .retry(after: .seconds(15)))
    }

    @Test("T9: a connection that was current for 10 s starts the waits anew, a shorter one does not")
    func stability() {
        var plan = ReconnectPlan()
        for _ in 0..<4 { _ = plan.ended(closeCode: nil, now: start, fraction: 1) }
        plan.becameCurrent(now: start)
        #expect(plan.ended(closeCode: nil, now: start + .seconds(9), fraction: 1) == .retry(after: .seconds(16)))
        plan.becameCurrent(now: start)
        #expect(plan.ended(closeCode: nil, now: start + .seconds(10), fraction: 1) == .retry(after: .seconds(1)))
    }

    @Test("The close code says what follows", arguments: CloseCode.allCases)
    func closeCodes(code: CloseCode) {
        var plan = ReconnectPlan()
        let step = plan.ended(closeCode: code.rawValue, now: start, fraction: 1)
        switch code.action {
        case .resume: #expect(step == .retry(after: .seconds(1)))
        case .refresh: #expect(step == .refresh(after: .seconds(1)))
        case .signIn: #expect(step == .end(.signedOut))
        case .stop: #expect(step == .end(.refused(code)))
        }
    }

    @Test("A connection that was to take over is tried again when it is refused", arguments: CloseCode.allCases)
    func refusedMove(code: CloseCode) {
        var plan = ReconnectPlan()
        let step = plan.ended(closeCode: code.rawValue, isMoving: true, now: start, fraction: 1)
        switch code.action {
        case .resume, .stop: #expect(step == .retry(after: .seconds(1)))
        case .refresh: #expect(step == .refresh(after: .seconds(1)))
        case .signIn: #expect(step == .end(.signedOut))
        }
    }

    @Test("Too many connections may be fewer a moment later, so a client connects again")
    func tooManyConnections() { #expect(CloseCode.tooManyConnections.action == .resume) }

    @Test("A code of RFC 6455, or one that is not known, resumes", arguments: [nil, 1000, 1006, 1011, 4999])
    func unknownCodes(code: Int?) {
        var plan = ReconnectPlan()
        #expect(plan.ended(closeCode: code, now: start, fraction: 1) == .retry(after: .seconds(1)))
    }
}
