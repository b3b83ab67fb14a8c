// Whether a source is on: its sender says so, and the sender's right, which the API said and a moderator may change.
extension Publication {
    /// On: sent, and forwarded.
    var isActive: Bool { isWanted && isAllowed }

    /// Takes the sender's wish to have it on or off. Answers whether anything has changed for anybody.
    func follow(wish isWanted: Bool) -> Bool { change { self.isWanted = isWanted } }

    /// Takes what the sender may do. Answers whether anything has changed for anybody.
    func follow(right isAllowed: Bool) -> Bool {
        guard isAllowed != self.isAllowed else { return false }
        return change {
            self.isAllowed = isAllowed
            // What was held back is no loss: the numbers go on behind it, and a picture begins with a key frame.
            if isAllowed { for subscription in subscriptions { subscription.restart() } }
        }
    }

    private func change(_ body: () -> Void) -> Bool {
        let before = isActive
        body()
        if !isActive { for encoding in encodings { encoding.forgetRequests() } }
        return isActive != before
    }
}
