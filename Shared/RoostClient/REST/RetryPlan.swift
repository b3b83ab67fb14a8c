import Contracts
import NIOCore

/// What to do after each attempt of a request. Pure: time and chance are given.
struct RetryPlan {
    private let isRepeatable: Bool
    private let isRemoval: Bool
    private let deadline: ContinuousClock.Instant
    private var attempt = 0
    private var hasRefreshed = false
    /// Whether an earlier attempt may have been carried out.
    private var mayBeDone = false

    /// - Parameter isRemoval: whether `not_found`, after an attempt of which nobody knows, means that it was carried out.
    init(isRepeatable: Bool, isRemoval: Bool, deadline: ContinuousClock.Instant) {
        self.isRepeatable = isRepeatable
        self.isRemoval = isRemoval
        self.deadline = deadline
    }

    /// What came of an attempt.
    enum Outcome: Sendable {
        case succeeded(ByteBuffer)
        case refused(status: Int, Problem?, retryAfter: Duration?)
        /// Nobody knows whether the server did it.
        case broken(any Error)
    }

    enum Step: Sendable {
        case succeed(ByteBuffer)
        case fail(any Error)
        /// With a new token, at once.
        case refresh
        case wait(Duration)
    }

    /// A proxy or server answered without a problem document.
    struct UnexpectedStatus: Error {
        let status: Int
    }

    mutating func next(after outcome: Outcome, now: ContinuousClock.Instant, fraction: Double) -> Step {
        switch outcome {
        case .succeeded(let body): return .succeed(body)
        case .broken(let error):
            mayBeDone = true
            return isRepeatable ? retry(after: nil, error, now, fraction) : .fail(error)
        case .refused(let status, let problem, let pause):
            let error: any Error = problem.map(ProblemError.init) ?? UnexpectedStatus(status: status)
            if problem?.code == .tokenExpired, !hasRefreshed {
                hasRefreshed = true
                return .refresh
            }
            switch status {
            // Refused before anything was done: whatever the request is, it may come again.
            case 429: return retry(after: pause, error, now, fraction)
            case 500, 502, 503, 504:
                mayBeDone = true
                return isRepeatable ? retry(after: pause, error, now, fraction) : .fail(error)
            case 404 where isRemoval && mayBeDone: return .succeed(ByteBuffer())
            default: return .fail(error)
            }
        }
    }

    /// Waits as the server said; else full jitter below a bound that doubles from 100 ms to 5 s.
    private mutating func retry(
        after pause: Duration?, _ error: any Error, _ now: ContinuousClock.Instant, _ fraction: Double
    ) -> Step {
        let bound = min(Duration.milliseconds(100) * (1 << min(attempt, 10)), .seconds(5))
        attempt += 1
        let wait = pause.map { $0 + .milliseconds(250) * fraction } ?? bound * fraction
        return now + wait < deadline ? .wait(wait) : .fail(error)
    }
}
