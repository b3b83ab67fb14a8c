/// A moderator's mute of one source. Its owner may end it, but not by what was on its way when it was imposed: the owner
/// turns the source off first, which shows that they know, and then on.
enum ModeratorMute {
    case none
    case imposed
    /// The owner has turned the source off since.
    case known
}

extension Publication {
    var isMuted: Bool { mute != .none }

    /// Takes the owner's wish to have it on or off. Answers whether anything has changed for anybody.
    func follow(wish isOn: Bool) -> Bool {
        let before = (isActive, mute)
        switch (isOn, mute) {
        case (false, .imposed): mute = .known
        case (true, .known):
            mute = .none
            // What was held back is no loss: the numbers go on behind it, and a picture begins with a key frame.
            for subscription in subscriptions { subscription.restart() }
        default: break
        }
        isActive = isOn && !isMuted
        return before != (isActive, mute)
    }

    /// A moderator turns it off. Answers whether anything has changed.
    func impose() -> Bool {
        guard mute != .imposed else { return false }
        // A source that is off already needs no other word of its owner.
        mute = isActive ? .imposed : .known
        isActive = false
        return true
    }
}
