import APIServer
import Contracts
import RedisBus
import ServiceKit
import Testing

@Suite("Configuration of STUN and TURN")
struct IceConfigurationTests {
    private func configuration(_ environment: [String: String]) throws(SettingsError) -> IceConfiguration {
        try IceConfiguration(Settings(environment: environment))
    }

    @Test("A credential is what a TURN server computes from the name and the shared secret")
    func credential() throws {
        let configuration = try configuration([
            "ROOST_TURN_URLS": "stun:a.example:3478, turn:a.example:3478?transport=tcp",
            "ROOST_TURN_SECRET": "between us",
        ])
        let user = try #require(UserID("01a1fd01-b1c2-79bc-9168-40bf7b6ce158"))
        let servers = configuration.servers(for: user, now: Timestamp(milliseconds: 1_763_700_000_123))
        // By Python's hmac and base64.
        #expect(
            servers == [
                IceServer(urls: ["stun:a.example:3478"]),
                IceServer(
                    urls: ["turn:a.example:3478?transport=tcp"], username: "1763743200:\(user)",
                    credential: "/Bp4+e31dY0+GXSpXDX5Snhi4ww="),
            ])
    }

    @Test("Without addresses clients are told none, and no secret is asked for")
    func none() throws {
        #expect(try configuration([:]).servers(for: .example, now: .example) == [])
        let stun = try configuration(["ROOST_TURN_URLS": "stun:a.example"]).servers(for: .example, now: .example)
        #expect(stun == [IceServer(urls: ["stun:a.example"])])
    }

    @Test("TURN without a secret, and what is no address, stop the start with the variable's name")
    func refused() {
        let missing = #expect(throws: SettingsError.self) { try configuration(["ROOST_TURN_URLS": "turn:a.example"]) }
        #expect(missing?.description.contains("ROOST_TURN_SECRET") == true)
        let wrong = #expect(throws: SettingsError.self) { try configuration(["ROOST_TURN_URLS": "a.example"]) }
        #expect(wrong?.description.contains("ROOST_TURN_URLS") == true)
    }
}

@Suite("Scripts in Redis")
struct RedisScriptsTests {
    @Test("Every script of the API touches keys of one slot, and only those it is given")
    func slots() {
        let channel = ChannelID.fresh()
        let scripts = RedisScripts.all(user: .fresh(), channel: channel)
        #expect(scripts.count == 5)
        for (script, keys) in scripts {
            #expect(Set(keys.map(\.slot)).count == 1)
            for call in script.source.split(separator: "redis.call(").dropFirst() where !call.hasPrefix("'TIME')") {
                // A topic is no key, but has a slot as well: that of its stream's keys.
                if call.hasPrefix("'SPUBLISH', ARGV[1],") {
                    #expect(Set(keys.map(\.slot)) == [Topic.stream(.channel(channel)).slot])
                    continue
                }
                #expect(call.drop { $0 != "," }.hasPrefix(", KEYS["), "a literal key: \(call.prefix(40))")
            }
        }
    }
}
