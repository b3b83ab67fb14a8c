import Contracts
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Processes that die")
    struct FaultTests {
        @Test("S3 O20: after kill -9 of a gateway its clients are complete on another within 5 s, while messages flow")
        func killedGateway() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let reader = team.people[1]
            let devices = try await concurrently(0..<12) { _ in try await reader.connect() }
            let witness = try await reader.connect(to: stack.gatewayURLs[1])
            let count = 400
            async let sending: Void = {
                for number in 1...count { try await team.owner.send("\(number)", in: team.general) }
            }()
            try await devices[0].wait(for: "the first messages") { $0.messages(in: team.general).count >= 20 }
            #expect(kill(try stack.processID(of: "gateway-0"), SIGKILL) == 0)

            let absences = try await concurrently(devices) { device -> Duration? in
                try await device.wait(for: "all messages, or cut off", within: .seconds(60)) {
                    !$0.isOpen || $0.messages(in: team.general).count == count
                }
                if device.state.isOpen { return nil }
                let start = ContinuousClock.now
                // It comes back only when it has missed something for certain.
                let known = device.state.messages(in: team.general).count
                try await witness.wait(for: "more messages") {
                    $0.messages(in: team.general).count >= min(known + 20, count)
                }
                try await eventually("back on another gateway", within: .seconds(5)) { () -> Bool? in
                    do { try await reader.connect(device) } catch { return nil }
                    return true
                }
                return ContinuousClock.now - start
            }
            try await sending
            try await stack.start("gateway-0")
            #expect(absences.contains { $0 != nil }, "the killed gateway had clients")
            for device in devices {
                try await device.wait(for: "all messages") { $0.messages(in: team.general).count == count }
                #expect(device.state.messages(in: team.general) == (1...count).map(String.init))
                #expect(device.state.violations.isEmpty)
            }
        }

        @Test(
            "O6 O11: after kill -9 of an API amid 200 sends nothing that was answered is lost, and nothing comes twice")
        func killedAPI() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let devices = try await concurrently(stack.gatewayURLs) { try await team.people[1].connect(to: $0) }
            let keys = (0..<200).map { uniqueName("key\($0)-") }
            async let sending = concurrently(keys) { key -> (first: Message?, final: Message) in
                let request = SendMessageRequest(content: key, idempotencyKey: key)
                func send() async -> Message? {
                    let answer = try? await team.owner.api.callRaw(
                        Endpoints.sendMessage, path: [team.general], body: request)
                    guard let answer, answer.status == 200 || answer.status == 201 else { return nil }
                    return try? answer.decode()
                }
                let first = await send()
                let final = try await eventually("a retry with the key is taken", within: .seconds(10)) { await send() }
                return (first, final)
            }
            try await devices[0].wait(for: "the first messages") { $0.messages(in: team.general).count >= 20 }
            #expect(kill(try stack.processID(of: "api-0"), SIGKILL) == 0)
            let results = try await sending
            try await stack.start("api-0")

            let head = try await stack.count(
                "SELECT last_seq FROM streams WHERE kind = 'channel' AND id = '\(team.general)'")
            #expect(
                try await stack.count("SELECT count(*) FROM messages WHERE channel_id = '\(team.general)'")
                    == keys.count)
            for (first, final) in results { #expect(first == nil || first == final) }
            for device in devices {
                try await device.wait(for: .channel(team.general), at: Int64(head), within: .seconds(5))
                let delivered = device.state.events(of: .channel(team.general)).compactMap { frame in
                    if case .messageCreated(let message) = frame.event { message } else { nil }
                }
                #expect(delivered == results.map(\.final).sorted { $0.seq < $1.seq })
                #expect(device.state.violations.isEmpty)
            }
        }

        @Test(
            "O6: what an API committed and never published arrives within 2 s, from the outbox",
            arguments: [false, true])
        func leftInTheOutbox(followed: Bool) async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 1, on: stack)
            let devices = try await concurrently(stack.gatewayURLs) { try await team.owner.connect(to: $0) }
            // What a transaction of an API leaves behind that dies after its commit.
            try await stack.sql(
                """
                WITH next AS (
                    UPDATE streams SET last_seq = last_seq + 1 WHERE kind = 'channel' AND id = '\(team.general)'
                    RETURNING last_seq
                ), stored AS (
                    INSERT INTO messages (id, channel_id, seq, author_id, content, idempotency_key, version, created_at)
                    SELECT gen_random_uuid(), '\(team.general)', last_seq, '\(team.owner.id)', 'left behind',
                           'left-behind', last_seq, now() FROM next
                    RETURNING id, seq
                ), logged AS (
                    INSERT INTO events (kind, stream_id, seq, name, object_id)
                    SELECT 'channel', '\(team.general)', seq, 'message.created', id FROM stored
                )
                INSERT INTO outbox (kind, stream_id, seq) SELECT 'channel', '\(team.general)', seq FROM stored
                """)
            // A later event shows the gap at once; without one the sweep finds the row.
            if followed { try await team.owner.send("later", in: team.general) }
            let expected = followed ? ["left behind", "later"] : ["left behind"]
            for device in devices {
                try await device.wait(for: "what was left", within: followed ? .seconds(1) : .milliseconds(2500)) {
                    $0.messages(in: team.general) == expected
                }
                #expect(device.state.violations.isEmpty)
            }
        }
    }
}
