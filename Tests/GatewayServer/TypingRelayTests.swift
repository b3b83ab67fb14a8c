import Contracts
import Foundation
import GatewayServer
import NIOCore
import RedisBus
import ServiceKit
import Synchronization
import Testing
import TestSupport

@Suite("Typing over the bus", .serialized)
struct TypingRelayTests {
    let channel = ChannelID.fresh()
    let user = UserID.fresh()
    let connection = ConnectionID.fresh()

    /// What arrives on a channel's topic.
    final class Arrivals: Sendable {
        private let storage = Mutex<[(envelope: EphemeralEnvelope, frame: ServerFrame)]>([])
        var all: [(envelope: EphemeralEnvelope, frame: ServerFrame)] { storage.withLock { $0 } }

        init(of channel: ChannelID, on bus: RedisBus) async throws {
            _ = try await bus.subscribe(to: .stream(.channel(channel))) { [weak self] payload in
                let parts = String(buffer: payload).split(separator: "\n", maxSplits: 1)
                guard parts.count == 2, let envelope = EphemeralEnvelope(header: parts[0]),
                    let frame = try? WireJSON.decode(ServerFrame.self, from: parts[1].utf8)
                else { return }
                self?.storage.withLock { $0.append((envelope, frame)) }
            }
        }
    }

    @Test("O5 O7 T5 S2: typing reaches the other gateway with a key of three seconds; its end removes the key at once")
    func typing() async throws {
        try await withGateways(scale: 1) { server, first, second in
            let arrivals = try await Arrivals(of: channel, on: second.bus)
            let relay = TypingRelay(bus: first.bus)
            relay.typing(Typing(channelID: channel, isTyping: true), user: user, connection: connection)
            try await eventually("typing arrives") { arrivals.all.count == 1 ? true : nil }
            let first = try #require(arrivals.all.first)
            #expect(first.envelope == EphemeralEnvelope(userID: user, isTyping: true))
            #expect(first.frame == .typing(TypingState(channelID: channel, userID: user, isTyping: true)))
            let key = RedisKey.typing(channel, user).name
            let life = try #require(Int(try server.cli("PTTL", key)))
            #expect((1...3_000).contains(life))

            // In one turn: the throttled one is dropped, the end is told.
            relay.typing(Typing(channelID: channel, isTyping: true), user: user, connection: connection)
            relay.typing(Typing(channelID: channel, isTyping: false), user: user, connection: connection)
            try await eventually("the end arrives") { arrivals.all.count == 2 ? true : nil }
            #expect(arrivals.all.last?.envelope.isTyping == false)
            #expect(arrivals.all.last?.frame == .typing(TypingState(channelID: channel, userID: user, isTyping: false)))
            #expect(try server.cli("EXISTS", key) == "0")
        }
    }

    @Test("O7: the key of someone who says nothing more ends by itself after three seconds")
    func silence() async throws {
        try await withGateways(scale: 1) { server, first, second in
            let relay = TypingRelay(bus: first.bus)
            let key = RedisKey.typing(channel, user).name
            relay.typing(Typing(channelID: channel, isTyping: true), user: user, connection: connection)
            try await eventually("the key is there") { try server.cli("EXISTS", key) == "1" ? true : nil }
            let start = ContinuousClock.now
            relay.forget(connection)
            try await eventually("the key has gone") { try server.cli("EXISTS", key) == "0" ? true : nil }
            #expect(ContinuousClock.now - start < .milliseconds(3_500))
        }
    }

    @Test("Typing of many people arrives in order: an end never passes its beginning")
    func order() async throws {
        try await withGateways(scale: 1) { _, first, second in
            let arrivals = try await Arrivals(of: channel, on: second.bus)
            let relay = TypingRelay(bus: first.bus)
            for _ in 0..<500 {
                let (user, connection) = (UserID.fresh(), ConnectionID.fresh())
                relay.typing(Typing(channelID: channel, isTyping: true), user: user, connection: connection)
                relay.typing(Typing(channelID: channel, isTyping: false), user: user, connection: connection)
                relay.forget(connection)
            }
            try await eventually("all arrive") { arrivals.all.count == 1_000 ? true : nil }
            var open: Set<UserID> = []
            for (envelope, _) in arrivals.all {
                if envelope.isTyping {
                    open.insert(envelope.userID)
                } else {
                    #expect(open.remove(envelope.userID) != nil)
                }
            }
            #expect(open.isEmpty)
        }
    }
}
