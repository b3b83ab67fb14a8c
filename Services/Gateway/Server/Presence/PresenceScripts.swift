package import Contracts
package import RedisBus

/// What presence does in Redis, in one step each. Times are Redis's own, so that the clocks of the gateways need not agree.
///
/// The hash of a user has one field a connection, `<gateway>:<connection>`:
///
/// | word | what |
/// |---|---|
/// | 1 | when the field ends, in Redis milliseconds |
/// | 2 | state |
/// | 3 | version of the status: Redis milliseconds of the statement, 0 for none |
/// | rest | status in JSON, or nothing |
///
/// and the field `workspaces`: whose members see the user, separated by spaces. A status is of the whole person, so every
/// write copies the latest into all fields; it stays while any connection lives. Ended fields count as absent and are
/// removed by whoever finds them.
package enum PresenceScripts {
    /// Reads the live fields and the workspaces, and removes ended fields.
    private static let load = """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local fields, workspaces = {}, ''
        local stored = redis.call('HGETALL', KEYS[1])
        for i = 1, #stored, 2 do
          local name, value = stored[i], stored[i + 1]
          if name == 'workspaces' then
            workspaces = value
          else
            local ending, state, version, status = string.match(value, '^(%d+) (%a+) (%d+) (.*)$')
            if ending and tonumber(ending) > now then
              fields[name] = {ending = ending, state = state, version = tonumber(version), status = status}
            else
              redis.call('HDEL', KEYS[1], name)
            end
          end
        end
        if next(fields) == nil then redis.call('DEL', KEYS[1]) end
        local function values()
          local list = {}
          for _, field in pairs(fields) do
            list[#list + 1] = string.format('%s %d %s', field.state, field.version, field.status)
          end
          return list
        end

        """

    /// Sets and removes fields of one user.
    ///
    /// `KEYS[1]` the user's hash; `ARGV[1]` how long a field lives, in milliseconds; `ARGV[2]` the user's workspaces, `-`
    /// for those that are stored; `ARGV[3]` the version of the gateway's status, -1 for a new statement; `ARGV[4]` the
    /// status; `ARGV[5]` a gateway all of whose fields are removed, or empty; then pairs of a field and its state, empty to
    /// remove it. Answers the values of the live fields before, those after, and the workspaces.
    package static let write = RedisScript(
        load + """
            local before = values()
            local top, text = 0, ''
            for _, field in pairs(fields) do
              if field.version > top then top, text = field.version, field.status end
            end
            local version = tonumber(ARGV[3])
            if version < 0 then version = math.max(now, top + 1) end
            if version > top then top, text = version, ARGV[4] end
            for i = 6, #ARGV, 2 do
              if ARGV[i + 1] ~= '' then
                fields[ARGV[i]] = {ending = string.format('%d', now + ARGV[1]), state = ARGV[i + 1], version = -1}
              elseif fields[ARGV[i]] then
                fields[ARGV[i]] = nil
                redis.call('HDEL', KEYS[1], ARGV[i])
              end
            end
            if ARGV[5] ~= '' then
              for name in pairs(fields) do
                if string.sub(name, 1, #ARGV[5]) == ARGV[5] then
                  fields[name] = nil
                  redis.call('HDEL', KEYS[1], name)
                end
              end
            end
            for name, field in pairs(fields) do
              if field.version ~= top then
                field.version, field.status = top, text
                redis.call('HSET', KEYS[1], name, string.format('%s %s %d %s', field.ending, field.state, top, text))
              end
            end
            if next(fields) == nil then
              redis.call('DEL', KEYS[1])
            else
              if ARGV[2] ~= '-' then
                workspaces = ARGV[2]
                redis.call('HSET', KEYS[1], 'workspaces', workspaces)
              end
              redis.call('PEXPIRE', KEYS[1], ARGV[1])
            end
            return {before, values(), workspaces}
            """)

    /// What the members of a workspace see of one user. `KEYS[1]` the user's hash, `ARGV[1]` the workspace. Answers the
    /// values of the live fields; none if the user is not known to be in the workspace.
    package static let read = RedisScript(
        load + """
            if not string.find(workspaces, ARGV[1], 1, true) then return {} end
            return values()
            """)

    /// Renews the lease of a gateway in the set of all. `KEYS[1]` the set, `ARGV[1]` the gateway, `ARGV[2]` the lease,
    /// `ARGV[3]` the life of the set, both in milliseconds. Answers the gateways whose lease has ended.
    package static let beat = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
        redis.call('PEXPIRE', KEYS[1], ARGV[3])
        return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)
        """)

    /// Renews, adds and removes counted connections of a user or an address.
    ///
    /// `KEYS[1]` a sorted set; `ARGV[1]` the lease in milliseconds; `ARGV[2]` how many there may be, members that are added
    /// included; `ARGV[3]` how many members are removed first; then these, then those to renew or add. Answers how many
    /// there are, and 1 or 0 for each of the latter: whether it counts now.
    package static let count = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
        local removed = tonumber(ARGV[3])
        for i = 4, 3 + removed do redis.call('ZREM', KEYS[1], ARGV[i]) end
        local answer = {0}
        for i = 4 + removed, #ARGV do
          local counts = redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[2]) or redis.call('ZSCORE', KEYS[1], ARGV[i])
          if counts then redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i]) end
          answer[#answer + 1] = counts and 1 or 0
        end
        redis.call('PEXPIRE', KEYS[1], ARGV[1])
        answer[1] = redis.call('ZCARD', KEYS[1])
        return answer
        """)

    /// Every script of presence with keys it could be given, for the test that each touches one slot.
    package static func all(for user: UserID) -> [(script: RedisScript, keys: [RedisKey])] {
        [
            (write, [.presence(user)]), (read, [.presence(user)]), (beat, [.gateways]),
            (count, [.userConnections(user)]),
        ]
    }
}
