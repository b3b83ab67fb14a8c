import Contracts
import NIOWebSocket
import ServiceKit
import TestSupport
import Testing

extension EndToEnd {
    @Suite("The gateway's protocol")
    struct FrameTests {
        /// What a client does wrong, and how its socket is closed.
        struct Mistake: Sendable {
            let name: String
            let code: CloseCode
            var limit = Duration.seconds(5)
            let commit: @Sendable (GatewayClient, TestUser) async throws -> Void
        }

        static let tooMuch = [UInt8](repeating: UInt8(ascii: " "), count: Limits.clientFrameByteCount + 1)

        static let mistakes = [
            Mistake(name: "no JSON", code: .malformedFrame) { device, _ in
                try await device.send(.text, Array("identify".utf8))
            },
            Mistake(name: "an unknown type", code: .malformedFrame) { device, _ in
                try await device.send(.text, Array(#"{"type":"message.send","content":"x"}"#.utf8))
            },
            Mistake(name: "no UTF-8", code: .malformedFrame) { device, _ in
                try await device.send(.text, [0xFF, 0xFE, 0x00])
            },
            Mistake(name: "identify without cursors", code: .malformedFrame) { device, user in
                try await device.send(.text, Array(#"{"type":"identify","token":"\#(user.token)"}"#.utf8))
            },
            Mistake(name: "too many cursors", code: .malformedFrame) { device, user in
                let cursor = Cursor(stream: .user(user.id), seq: 0)
                let cursors = Array(repeating: cursor, count: Limits.cursorsPerIdentify + 1)
                try await device.send(.identify(Identify(token: user.token, cursors: cursors)))
            },
            Mistake(name: "a binary frame", code: .malformedFrame) { device, _ in
                try await device.send(.binary, Array(#"{"type":"heartbeat"}"#.utf8))
            },
            Mistake(name: "an oversize frame", code: .frameTooLarge) { device, _ in
                try await device.send(.text, tooMuch)
            },
            Mistake(name: "an oversize message in fragments", code: .frameTooLarge) { device, _ in
                let half = Array(tooMuch.prefix(tooMuch.count / 2 + 1))
                try await device.send(.text, half, isFinal: false)
                try await device.send(.continuation, half)
            },
            Mistake(name: "a second identify", code: .alreadyIdentified) { device, user in
                try await device.identify(token: user.token)
                try await device.identify(token: user.token)
            },
            Mistake(name: "too many frames", code: .tooManyFrames) { device, _ in
                for _ in 0...Limits.clientFrameRate { try await device.send(.heartbeat(Heartbeat())) }
            },
            Mistake(name: "too many pings", code: .tooManyFrames) { device, _ in
                for _ in 0...Limits.clientFrameRate { try await device.send(.ping, []) }
            },
            Mistake(name: "no identify", code: .identifyTimeout, limit: Limits.identifyTimeout + .seconds(3)) { _, _ in
            },
        ]

        @Test("O3: every mistake of a client closes its socket with the documented code, and harms nobody else")
        func mistakes() async throws {
            let stack = try await Stack.shared()
            let team = try await Team.make(of: 1, on: stack)
            let before = try stack.serviceProcessIDs()
            let witness = try await team.owner.connect()
            let start = ContinuousClock.now
            let outcomes = try await concurrently(Self.mistakes.enumerated()) { number, mistake in
                let device = GatewayClient()
                try await device.connect(to: stack.gatewayURLs[number % 3])
                #expect(device.state.hello?.identifyTimeoutMilliseconds == 10_000)
                // The gateway may close before the last frame is written.
                try? await mistake.commit(device, team.owner)
                return try await device.closeCode(within: mistake.limit)
            }
            for (mistake, code) in zip(Self.mistakes, outcomes) {
                #expect(code == mistake.code.rawValue, "\(mistake.name)")
            }
            #expect(ContinuousClock.now - start >= Limits.identifyTimeout - .seconds(1))

            #expect(try stack.serviceProcessIDs() == before, "nothing crashed")
            for base in stack.gatewayURLs + stack.apiURLs {
                #expect(try await APIClient(base: base).get("/health/ready").status == 200)
            }
            try await team.owner.send("still here", in: team.general)
            try await witness.wait(for: "the message") { $0.messages(in: team.general) == ["still here"] }
        }

        @Test("O3: heartbeats are answered before and after identify, and a ping by a pong's peer is harmless")
        func heartbeats() async throws {
            let stack = try await Stack.shared()
            let user = try await TestUser.register(on: stack)
            let device = GatewayClient()
            try await device.connect(to: stack.url)
            try await device.send(.heartbeat(Heartbeat()))
            try await device.wait(for: "an answer") { $0.heartbeatCount == 1 }
            try await device.identify(token: user.token)
            try await device.wait(for: "current") { $0.isCurrent }
            for _ in 0..<5 { try await device.send(.heartbeat(Heartbeat())) }
            try await device.wait(for: "five more") { $0.heartbeatCount == 6 }
            #expect(device.state.isOpen)
        }

        @Test("C1: what is no WebSocket, or another path, gets an HTTP answer")
        func noUpgrade() async throws {
            let stack = try await Stack.shared()
            #expect(try await APIClient(base: stack.url).get("/gateway").status == 426)
            await #expect(throws: GatewayClient.Closed.self) {
                try await GatewayClient().connect(to: stack.gatewayURLs[0], path: "/elsewhere")
            }
        }
    }
}
