import TestSupport
import Testing

extension EndToEnd {
    @Suite("Rolling restart")
    struct RollingRestartTests {
        @Test(
            """
            S3 O17 O20: a rolling restart of every API and gateway under load: no failed send, no lost event, and who must \
            move is on the new gateway before the old one goes
            """)
        func everyService() async throws {
            let stack = try await Stack.shared()
            let refusedBefore = try refusedConnects(on: stack)
            let load = try await SteadyLoad(on: stack, devices: 9)
            let names = stack.gatewayURLs.indices.map { "gateway-\($0)" } + stack.apiURLs.indices.map { "api-\($0)" }
            for name in names {
                try await stack.stop(name)
                try await stack.start(name)
                try await load.waitForDelivery()
            }
            let devices = try await load.finish()
            #expect(devices.allSatisfy { $0.interruptions == 0 }, "\(devices)")
            #expect(devices.contains { $0.currents > 1 }, "the gateways had clients")
            #expect(try refusedConnects(on: stack) == refusedBefore, "nginx finds a gateway for everybody at once")
        }

        /// How many connects to a gateway nginx has answered with an error.
        private func refusedConnects(on stack: Stack) throws -> Int {
            try stack.log(of: "nginx-access").split(separator: "\n").count {
                $0.contains(#""path":"/gateway""#) && $0.contains(#""status":5"#)
            }
        }
    }
}
