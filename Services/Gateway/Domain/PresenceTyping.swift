package import Contracts

/// Which `typing` frames of the connections are passed on. Pure: `now` is monotonic time, from any start.
package struct PresenceTyping {
    private struct Told {
        var time: Duration
        var isTyping: Bool
    }

    private var told: [ConnectionID: [ChannelID: Told]] = [:]

    package init() {}

    /// Connections of which something is remembered.
    package var connectionCount: Int { told.count }

    /// A connection says that its user is typing in a channel, or has stopped.
    /// - Returns: whether others are to hear of it. Typing at most once in ``Limits/typingInterval`` a channel, and in at most
    ///   ``Limits/typingChannelsPerConnection`` channels at once; the end only of what they heard of and still see.
    package mutating func receive(_ typing: Typing, from connection: ConnectionID, now: Duration) -> Bool {
        var channels = told[connection] ?? [:]
        defer { told[connection] = channels.isEmpty ? nil : channels }
        let known = channels[typing.channelID]
        guard typing.isTyping else {
            guard let known, known.isTyping, now - known.time < Limits.typingLife else { return false }
            channels[typing.channelID]?.isTyping = false
            return true
        }
        if let known, now - known.time < Limits.typingInterval { return false }
        if known == nil, channels.count >= Limits.typingChannelsPerConnection {
            channels = channels.filter { now - $0.value.time < Limits.typingLife }
            guard channels.count < Limits.typingChannelsPerConnection else { return false }
        }
        channels[typing.channelID] = Told(time: now, isTyping: true)
        return true
    }

    /// The connection was closed.
    package mutating func forget(_ connection: ConnectionID) { told[connection] = nil }
}
