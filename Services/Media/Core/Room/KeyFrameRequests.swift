package import MediaSecurity

/// Requests for a key frame of one publication, from any of its subscribers, merged: encoders pay dearly for each.
/// Owned by the publication.
package struct KeyFrameRequests {
    /// Requests to the sender are no closer together than this.
    package static let interval = Duration.milliseconds(500)

    private var lastSent: MediaTime?
    package private(set) var isWanted = false

    package init() {}

    /// Somebody needs one.
    package mutating func want() { isWanted = true }

    /// One has arrived.
    package mutating func received() { isWanted = false }

    /// Whether to ask the sender now. It is asked again until one arrives.
    package mutating func takeDue(now: MediaTime) -> Bool {
        guard isWanted else { return false }
        if let lastSent, now < lastSent + Self.interval { return false }
        lastSent = now
        return true
    }
}
