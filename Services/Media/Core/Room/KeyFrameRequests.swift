package import MediaSecurity

/// Requests for a key frame of one publication, from any of its subscribers, merged: encoders pay dearly for each.
/// Owned by the publication.
package struct KeyFrameRequests {
    /// Requests to the sender are no closer together than this.
    package static let interval = Duration.milliseconds(500)

    /// Requests to a sender of which nothing comes any more; then it is asked no further before a packet comes.
    package static let unansweredCount = 5

    private var lastSent: MediaTime?
    /// Requests since a packet came.
    private var unanswered = 0
    package private(set) var isWanted = false

    package init() {}

    /// Somebody needs one.
    package mutating func want() { isWanted = true }

    /// One has arrived.
    package mutating func received() { isWanted = false }

    /// A packet of the stream has arrived, of whatever frame: its sender is there.
    package mutating func noteArrival() { unanswered = 0 }

    /// Whether the sender is to be asked, now or soon.
    package var isPending: Bool { isWanted && unanswered < Self.unansweredCount }

    /// Whether to ask the sender now. It is asked again until one arrives, or until nothing comes of it.
    package mutating func takeDue(now: MediaTime) -> Bool {
        guard isPending else { return false }
        if let lastSent, now < lastSent + Self.interval { return false }
        lastSent = now
        unanswered += 1
        return true
    }
}
