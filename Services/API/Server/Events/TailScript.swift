package import Contracts
package import RedisBus

/// Publishes events of one stream and keeps them in its tail, in one step: whoever reads the tail after subscribing to the
/// topic misses nothing.
///
/// The head is set with every event and lives as long as the tail, so a head is never older than its tail. A head says:
/// everything up to it was committed. It does not say that the tail holds it: a tail serves a resume only from the first
/// number after the cursor to the head without a hole; otherwise, and without a head, PostgreSQL is asked.
package enum TailScript {
    /// KEYS: tail, head. ARGV: topic, entries kept, life in ms, the number up to which the stream is known to be committed
    /// (0 if only by the events that follow); then three an event: its number, the object's id, the payload.
    ///
    /// Two APIs may publish 6 before 5, and one that is told of 5 again publishes it again: the entry of a number is
    /// replaced. The marker is unique to a deletion, because a quote inside a JSON string is escaped, and the creation's
    /// number is the first `seq` of its data, because keys are sorted. With a deletion the earlier entries of the message
    /// become what PostgreSQL would replay: the same deletion under their own numbers. So does an entry that comes late. Any
    /// other event that hides earlier ones ends the tail before it, so that PostgreSQL is asked for what came earlier.
    package static let script = RedisScript(
        """
        local marker = ',"name":"message.deleted","seq":'
        local top = tonumber(redis.call('GET', KEYS[2]) or 0)
        local function tombstone(deletion, seq)
            local from, to = string.find(deletion, marker, 1, true)
            if not from then return nil end
            return string.sub(deletion, 1, \(TailEntry.objectByteCount)) .. seq .. ' hides\\n'
                .. string.sub(deletion, string.find(deletion, '{', 1, true), to) .. seq
                .. string.sub(deletion, (string.find(deletion, ',', to + 1, true)))
        end
        for i = 5, #ARGV, 3 do
            local seq, object, payload = ARGV[i], ARGV[i + 1], ARGV[i + 2]
            local entry = object .. '\\n' .. payload
            if tonumber(seq) <= top then
                redis.call('ZREMRANGEBYSCORE', KEYS[1], seq, seq)
                for _, later in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. seq, '+inf')) do
                    if string.sub(later, 1, #object) == object then entry = tombstone(later, seq) or entry end
                end
            end
            if string.match(payload, '^%d+ hides\\n') and not string.find(payload, marker, 1, true) then
                redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. seq)
            elseif string.find(payload, marker, 1, true) then
                local first = string.match(payload, '"seq":(%d+)')
                local earlier = redis.call('ZRANGEBYSCORE', KEYS[1], first, '(' .. seq, 'WITHSCORES')
                for j = 1, #earlier, 2 do
                    if string.sub(earlier[j], 1, #object) == object then
                        redis.call('ZREM', KEYS[1], earlier[j])
                        redis.call('ZADD', KEYS[1], earlier[j + 1], tombstone(entry, earlier[j + 1]))
                    end
                end
            end
            if #entry <= \(Limits.tailEntryByteCount) then redis.call('ZADD', KEYS[1], seq, entry) end
            redis.call('SPUBLISH', ARGV[1], payload)
            top = math.max(top, tonumber(seq))
        end
        redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[2]))
        redis.call('PEXPIRE', KEYS[1], ARGV[3])
        redis.call('SET', KEYS[2], string.format('%.0f', math.max(top, tonumber(ARGV[4]))), 'PX', ARGV[3])
        return 1
        """)

    /// The script's call for events of one stream, in their order.
    /// - Parameter committed: the number up to which the stream is known to be committed, if more is known than the events.
    ///   Without it an old event that is published after Redis lost its memory would set the head back.
    package static func command(
        _ events: some Collection<EncodedEvent>, of stream: StreamID, committed: StreamSequence
    ) -> RedisCommand {
        var arguments: [RedisArgument] = [
            .topic(.stream(stream)), .integer(Int64(Limits.tailCount)), .milliseconds(Limits.tailLife),
            .integer(committed),
        ]
        arguments.reserveCapacity(arguments.count + 3 * events.count)
        for event in events {
            arguments.append(.integer(event.seq))
            arguments.append(.text(event.object))
            arguments.append(.bytes(event.payload))
        }
        return .evaluate(script, keys: [.tail(stream), .head(stream)], arguments: arguments)
    }
}
