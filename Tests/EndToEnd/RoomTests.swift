import Contracts
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Rooms and delivery")
    struct RoomTests {
        @Test("T3: rooms are listed, made, joined and left over HTTP, and their messages are read before a cursor")
        func rooms() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let guest = team.people[1]
            let room = try await team.owner.api.call(
                Endpoints.createChannel, path: [team.workspace],
                body: CreateChannelRequest(name: uniqueName("room"), visibility: .public))
            let listed = try await guest.api.call(Endpoints.listChannels, path: [team.workspace]).channels
            #expect(listed.contains(room), "whoever may join a room finds it")
            #expect(try await guest.api.call(Endpoints.bootstrap).channels.map(\.id) == [team.general])
            #expect(try await guest.api.call(Endpoints.joinChannel, path: [room.id]) == room)
            #expect(try await guest.api.call(Endpoints.bootstrap).channels.contains(room))
            var sent: [Message] = []
            for number in 0..<60 { sent.append(try await guest.send("text \(number)", in: room.id)) }
            let newest = try await guest.api.call(Endpoints.listMessages, path: [room.id])
            #expect(newest.messages == Array(sent.suffix(Limits.defaultPageCount)))
            let before = try #require(newest.before)
            let older = try await guest.api.call(Endpoints.listMessages, path: [room.id], query: ["before": before])
            #expect(older.messages == Array(sent.prefix(10)))
            try await guest.api.call(Endpoints.leaveChannel, path: [room.id])
            #expect(try await guest.api.call(Endpoints.bootstrap).channels.map(\.id) == [team.general])
        }

        @Test("O10: at 40 messages a second to 24 devices on three gateways, 99 of 100 arrive within 100 ms")
        func latency() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 3, on: stack)
            let devices = try await concurrently(Array(0..<24)) { number in
                try await team.people[number % 3].connect(to: stack.gatewayURLs[number % stack.gatewayURLs.count])
            }
            let clock = ContinuousClock()
            let start = clock.now
            let times = try await concurrently(Array(0..<200)) { number in
                try await clock.sleep(until: start + .milliseconds(25 * number))
                let posted = clock.now
                let sent = try await team.owner.send("message \(number)", in: team.general)
                return try await concurrently(devices) { device in
                    try await device.wait(for: .channel(team.general), at: sent.seq)
                    return clock.now - posted
                }
            }.flatMap { $0 }.sorted()
            #expect(times.count == 4_800)
            #expect(times[4_751] < .milliseconds(100), "p50 \(times[2_399]), p99 \(times[4_751]), max \(times[4_799])")
        }
    }
}
