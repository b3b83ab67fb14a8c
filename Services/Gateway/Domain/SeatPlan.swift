package import Contracts

/// Why a media node gave no seat.
package enum SeatFailure: Equatable, Sendable {
    /// Nobody listens at the address of the node: it is dead, or its link to Redis is.
    case nobodyListens
    /// The same, and so it has been for so long that the node is known to be dead.
    case dead
    /// The node got the request and did not answer in time. It may have given the seat all the same.
    case silence
    case refused(ErrorCode)
    /// Anything else, such as a lost link to Redis of this gateway.
    case other
}

/// What to do next about a seat that a node did not give, for one attempt of a client. Owned by the attempt.
///
/// A node loses every seat it has when another is named in its place, so it is named dead only when nobody has listened at
/// its address for about a second; one that is slow is not. A seat may be asked for any number of times.
package struct SeatPlan: Sendable {
    package enum Step: Equatable, Sendable {
        /// Ask the same node with the same grant, after a pause.
        case askAgain(after: Duration)
        /// Get another grant; if `isDead`, one that does not name this node.
        case grantAgain(isDead: Bool)
        case giveUp
    }

    /// How often and how far apart a node that nobody listens for is asked again.
    private static let patience = 4
    private static let pause = Duration.milliseconds(250)

    private var unheard = 0
    private var wasSilent = false
    private var hasAnotherGrant = false

    package init() {}

    /// The node gave no seat.
    package mutating func next(after failure: SeatFailure) -> Step {
        switch failure {
        case .nobodyListens where unheard < Self.patience:
            unheard += 1
            return .askAgain(after: Self.pause)
        case .nobodyListens, .dead: return grantAgain(isDead: true)
        case .silence where !wasSilent:
            wasSilent = true
            return .askAgain(after: .zero)
        // The room moved meanwhile, or the node could not verify the grant.
        case .refused(.conflict), .refused(.unauthenticated): return grantAgain(isDead: false)
        case .silence, .refused, .other: return .giveUp
        }
    }

    private mutating func grantAgain(isDead: Bool) -> Step {
        guard !hasAnotherGrant else { return .giveUp }
        hasAnotherGrant = true
        unheard = 0
        return .grantAgain(isDead: isDead)
    }
}
