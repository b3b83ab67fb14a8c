import Contracts
import GatewayServer
import RedisBus
import ServiceKit
import Testing

@Suite("Scripts of presence")
struct PresenceScriptsTests {
    @Test("Every script touches keys of one slot, and only those it is given")
    func slots() {
        let scripts = PresenceScripts.all(for: .fresh())
        #expect(scripts.count == 4)
        for (script, keys) in scripts {
            #expect(Set(keys.map(\.slot)).count == 1)
            for call in script.source.split(separator: "redis.call(").dropFirst() where !call.hasPrefix("'TIME')") {
                #expect(call.drop { $0 != "," }.hasPrefix(", KEYS["), "a literal key: \(call.prefix(40))")
            }
        }
    }

    @Test("The keys and the topic that a typing and a takeover touch together share a slot")
    func tags() {
        let (channel, user, gateway) = (ChannelID.fresh(), UserID.fresh(), InstanceID.fresh())
        #expect(RedisKey.typing(channel, user).slot == Topic.stream(.channel(channel)).slot)
        #expect(RedisKey.gatewayLease(gateway).slot == RedisKey.gatewayUsers(gateway).slot)
        #expect(RedisKey.gatewayLease(gateway).slot == RedisKey.gatewayClaim(gateway).slot)
    }
}
