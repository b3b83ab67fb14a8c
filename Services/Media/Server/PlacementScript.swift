import Contracts
package import RedisBus

/// The scripts by which a node keeps the placement of its rooms in Redis. Each touches the one key of its room.
package enum PlacementScript {
    /// Keeps a placement alive, unless one with a higher epoch is there: then that is the answer.
    /// `KEYS[1]` the room, `ARGV[1]` the placement, `ARGV[2]` its epoch, `ARGV[3]` its life in milliseconds.
    package static let beat = RedisScript(
        """
        local there = redis.call('GET', KEYS[1])
        if there and tonumber(string.match(there, '^%d+')) > tonumber(ARGV[2]) then return there end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
        return false
        """)

    /// Removes a placement if it is still this one. `KEYS[1]` the room, `ARGV[1]` the placement.
    package static let withdraw = RedisScript(
        """
        if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
        """)

    static func beat(_ placement: RoomPlacement, of channel: ChannelID) -> RedisCommand {
        .evaluate(
            beat, keys: [.mediaRoom(channel)],
            arguments: [
                .text(placement.description), .integer(placement.epoch), .milliseconds(Limits.mediaNodeLease),
            ])
    }

    static func withdraw(_ placement: RoomPlacement, of channel: ChannelID) -> RedisCommand {
        .evaluate(withdraw, keys: [.mediaRoom(channel)], arguments: [.text(placement.description)])
    }
}
