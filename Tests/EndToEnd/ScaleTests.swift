import TestSupport
import Testing

extension EndToEnd {
    @Suite("Scaling")
    struct ScaleTests {
        @Test("O2: two gateways, then three, then two under load: no event is lost or comes twice, and nobody waits")
        func gateways() async throws {
            let stack = try await Stack(
                apis: 2, gateways: 2, environment: ["ROOST_MESSAGE_RATE": "100000", "MEDIA": "0", "TURN": "0"])
            let load = try await SteadyLoad(on: stack, devices: 4)
            try await load.waitForDelivery()
            try await stack.scale(gateways: 3)
            // nginx gives them out in turn: some of these are on the new one.
            try await load.addDevices(6)
            try await load.waitForDelivery()
            try await stack.scale(gateways: 2)
            try await load.waitForDelivery()
            let devices = try await load.finish()
            #expect(devices.allSatisfy { $0.interruptions == 0 }, "\(devices)")
            #expect(devices.contains { $0.currents > 1 }, "the third gateway had clients")
        }
    }
}
