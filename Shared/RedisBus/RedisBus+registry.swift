package import Contracts
import NIOCore
import Synchronization

/// The scripts of the registry. Times are Redis's own, so that the clocks of the processes need not agree.
package enum RegistryScript {
    /// Adds an instance to the sorted set of its kind and removes those whose lease has ended.
    /// `KEYS[1]` the set, `ARGV[1]` the instance, `ARGV[2]` the lease in milliseconds.
    package static let register = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
        redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
        """)

    /// The instances whose lease has not ended. `KEYS[1]` the set.
    package static let live = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')
        """)

    /// Every script of this module with the keys it is given, for the test that each touches one slot.
    package static func all(for address: InstanceAddress) -> [(script: RedisScript, keys: [RedisKey])] {
        [(register, [.instances(address.kind)]), (live, [.instances(address.kind)])]
    }
}

extension RedisBus {
    /// The instances of a kind whose lease has not ended, read from Redis. One that was killed stays in it for up to
    /// ``Limits/instanceLease``.
    package func instances(of kind: ServiceKind) async throws(RedisError) -> [InstanceAddress] {
        let reply = try await evaluate(RegistryScript.live, keys: [.instances(kind)])
        let addresses = (reply.array ?? []).compactMap { member in
            member.text.flatMap { InstanceID($0) }.map { InstanceAddress(kind: kind, id: $0) }
        }
        onLoop { $0.learn(addresses, of: kind) }
        return addresses
    }

    /// The same, not older than `maximumAge`.
    func instances(of kind: ServiceKind, maximumAge: Duration) async throws(RedisError) -> [InstanceAddress] {
        let known = await withCheckedContinuation { continuation in
            onLoop { continuation.resume(returning: $0.knownInstances(of: kind, maximumAge: maximumAge)) }
        }
        if let known { return known }
        return try await instances(of: kind)
    }

    /// Renews this process's lease and its place in the set of its kind, and learns the run marker. Does nothing once it
    /// has left.
    func register() async throws(RedisError) {
        guard !hasLeft.load(ordering: .sequentiallyConsistent) else { return }
        let marker = ByteBuffer(string: RequestID.fresh().description)
        let replies = try await send(pipeline: [
            RedisCommand(
                "SET", .key(.instance(address)), .text(address.description), "PX",
                .milliseconds(Limits.instanceLease)),
            .evaluate(
                RegistryScript.register, keys: [.instances(address.kind)],
                arguments: [.text(address.id.description), .milliseconds(Limits.instanceLease)]),
            RedisCommand("SET", .key(.runMarker), .bytes(marker), "NX"),
            RedisCommand("GET", .key(.runMarker)),
        ])
        for case .error(let text) in replies { throw .refused(text) }
        runMarker.withLock { $0 = replies[3].bytes }
        // It may have left while this was under way, and the one may have overtaken the other.
        if hasLeft.load(ordering: .sequentiallyConsistent) { try await deregister() }
    }

    /// Takes this process out of the registry at once.
    func deregister() async throws(RedisError) {
        _ = try await send(pipeline: [
            RedisCommand("ZREM", .key(.instances(address.kind)), .text(address.id.description)),
            RedisCommand("DEL", .key(.instance(address))),
        ])
    }

    /// Whether Redis still has the memory this process registered in: it loses it with FLUSHALL and by an empty restart.
    func redisRemembers() async throws(RedisError) -> Bool {
        let marker = try await send(RedisCommand("GET", .key(.runMarker))).bytes
        return marker != nil && marker == runMarker.withLock { $0 }
    }
}
