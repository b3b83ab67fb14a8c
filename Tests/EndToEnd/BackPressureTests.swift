import Contracts
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Back-pressure, tails and going away")
    struct BackPressureTests {
        @Test("O14: who stops reading is closed with a code that says resume, holds nobody up, and misses nothing")
        func stalledReader() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 2, on: stack)
            let gateway = stack.gatewayURLs[0]
            let stalled = try await team.people[1].connect(to: gateway)
            let reading = try await team.owner.connect(to: gateway)
            let before = try memory(of: stack.processID(of: "gateway-0"))
            try await stalled.setReading(false)

            // More than the buffers of both kernels and the gateway's own bound together.
            let text = String(repeating: "a long line of text, ", count: 700)
            var slowest = Duration.zero
            var last: Message?
            for _ in 0..<1_000 {
                let start = ContinuousClock.now
                let sent = try await team.owner.send(text, in: team.general)
                try await reading.wait(for: .channel(team.general), at: sent.seq)
                slowest = max(slowest, ContinuousClock.now - start)
                last = sent
            }
            let sent = try #require(last)
            #expect(slowest < .seconds(2), "the reader beside it waited \(slowest)")
            #expect(try memory(of: stack.processID(of: "gateway-0")) - before < 64 * 1024 * 1024)
            // The code comes through if the client reads again in time; else the socket just ends.
            try await stalled.setReading(true)
            let code = try await stalled.closeCode(within: .seconds(20))
            #expect(code == nil || code == CloseCode.tooSlow.rawValue)
            try await team.people[1].connect(stalled, to: stack.gatewayURLs[1])
            try await stalled.wait(for: .channel(team.general), at: sent.seq, within: .seconds(20))
            #expect(stalled.state.violations.isEmpty)
        }

        @Test("O17: who comes back within the tail gets what was missed from Redis, while PostgreSQL is away")
        func tailResume() async throws {
            let stack = try await Stack(apis: 1, gateways: 2, environment: ["ROOST_MESSAGE_RATE": "100000"])
            let team = try await Team.make(of: 2, on: stack)
            let (person, writer) = (team.people[1], team.owner)
            let device = try await person.connect(to: stack.gatewayURLs[0])
            // So that the other gateway has its keys.
            let elsewhere = try await writer.connect(to: stack.gatewayURLs[1])
            try await elsewhere.wait(for: "current") { $0.isCurrent }
            await elsewhere.close()
            await device.close()
            var sent: [Message] = []
            for number in 0..<300 { sent.append(try await writer.send("missed \(number)", in: team.general)) }
            try await stack.kill("postgres")
            try await person.connect(device, to: stack.gatewayURLs[1])
            try await device.wait(for: .channel(team.general), at: sent[299].seq)
            #expect(device.state.messages(in: team.general).suffix(300) == sent.map(\.content)[...])
            #expect(device.state.violations.isEmpty)
            #expect(device.state.resets.isEmpty)
            try await stack.start("postgres")
        }

        @Test("S3: a gateway that goes away has its clients move first, and serves them until they have")
        func drain() async throws {
            let stack = try await Stack(apis: 1, gateways: 2, environment: ["ROOST_GATEWAY_DRAIN_SECONDS": "4"])
            let team = try await Team.make(of: 2, on: stack)
            let leaving = try await team.people[1].connect(to: stack.gatewayURLs[0])
            let staying = try await team.owner.connect(to: stack.gatewayURLs[0])
            async let stopped: Void = stack.stop("gateway-0")
            try await leaving.wait(for: "move") { $0.move != nil }
            try await staying.wait(for: "move") { $0.move != nil }
            await #expect(throws: (any Error).self) {
                try await team.owner.connect(to: stack.gatewayURLs[0])
            }
            let live = try await team.owner.send("while leaving", in: team.general)
            try await leaving.wait(for: .channel(team.general), at: live.seq)
            let next = try await team.people[1].connect(to: stack.gatewayURLs[1])
            #expect(leaving.state.isOpen, "the old socket stays until the client leaves it")
            await leaving.close()
            let after = try await team.owner.send("after leaving", in: team.general)
            try await next.wait(for: .channel(team.general), at: after.seq)
            #expect(try await staying.closeCode(within: .seconds(10)) == CloseCode.goingAway.rawValue)
            try await stopped
        }

        /// Resident bytes.
        private func memory(of process: pid_t) throws -> Int {
            let text = try String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8)
            guard let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
                throw Timeout("no memory in \(text)")
            }
            return pages * 4096
        }
    }
}
