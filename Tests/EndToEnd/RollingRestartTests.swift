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
        }
    }
}
