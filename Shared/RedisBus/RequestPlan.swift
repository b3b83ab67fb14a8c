package import Contracts

/// Whom one request asks next. Pure: the list of instances, the random numbers and the passing of time are given to it.
///
/// Requests are idempotent, so asking twice is safe: another instance is asked at once when one is dead or busy, and beside
/// the first one when that is silent for too long.
package struct RequestPlan {
    /// What the request does next.
    package enum Step: Hashable {
        /// Publish to this instance, then report ``asked(_:)`` or ``found(dead:)``.
        case ask(InstanceAddress)
        /// Wait for an answer; when none came in `patience` report ``becameImpatient()``.
        case wait(Duration)
        /// Nobody lives. Wait this long, report ``paused()``, and look at the registry again.
        case pause(Duration)
        /// Everybody is busy.
        case giveUp(BusFailure)
    }

    private var wantsAnother = true
    private var mayAskAgain = false
    private var patience = Limits.busRequestPatience
    private var asked: Set<InstanceAddress> = []
    private var dead: Set<InstanceAddress> = []
    private var outstandingCount = 0
    private var refusal: BusFailure?
    /// Whether any instance has got the request.
    package private(set) var hasAsked = false

    /// A request nobody has got.
    package init() {}

    /// The next step, with the instances that live now.
    package func next(
        among live: [InstanceAddress], using generator: inout some RandomNumberGenerator
    ) -> Step {
        guard wantsAnother else { return .wait(patience) }
        let fresh = live.filter { !asked.contains($0) && !dead.contains($0) }
        if let target = fresh.randomElement(using: &generator) { return .ask(target) }
        if outstandingCount > 0 {
            let again = mayAskAgain ? live.filter { !dead.contains($0) } : []
            return again.randomElement(using: &generator).map { .ask($0) } ?? .wait(patience)
        }
        if let refusal { return .giveUp(refusal) }
        return .pause(Limits.busInstanceRetry)
    }

    /// The instance has got the request.
    package mutating func asked(_ instance: InstanceAddress) {
        asked.insert(instance)
        outstandingCount += 1
        wantsAnother = false
        mayAskAgain = false
        hasAsked = true
    }

    /// Nobody listens at the instance's topic.
    package mutating func found(dead instance: InstanceAddress) {
        dead.insert(instance)
    }

    /// One of those asked cannot work on it now.
    package mutating func refused(_ failure: BusFailure) {
        outstandingCount -= 1
        refusal = failure
        wantsAnother = true
    }

    /// Nobody answered in time: ask one more, if need be one that was asked before.
    package mutating func becameImpatient() {
        wantsAnother = true
        mayAskAgain = true
        patience += patience
    }

    /// An instance that was dead may have come back.
    package mutating func paused() {
        dead = []
    }
}
