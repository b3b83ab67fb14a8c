package import Contracts
package import RedisBus

/// The scripts that the API runs in Redis.
package enum RedisScripts {
    /// Every script with the keys it is given, for the test that each touches one slot.
    package static func all(user: UserID, channel: ChannelID) -> [(script: RedisScript, keys: [RedisKey])] {
        [
            (TailScript.script, [.tail(.channel(channel)), .head(.channel(channel))]),
            (MessageRateLimiter.script, [.messageRate(user, channel), .messageMute(user, channel)]),
            (LoginRateLimiter.script, [.loginRate(digest: "\(user)")]),
            (AccessReader.script, [.access(user)]),
            (RoomPlacer.script, [.mediaRoom(channel)]),
        ]
    }
}
