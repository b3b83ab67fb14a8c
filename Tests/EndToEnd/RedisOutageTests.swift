import TestSupport
import Testing

extension EndToEnd {
    @Suite("Redis gone")
    struct RedisOutageTests {
        @Test(
            """
            S3: Redis gone for 5 s and back, empty, under load: every answered send is delivered, in order, once, to \
            everyone, and no client reconnects
            """)
        func outage() async throws {
            let stack = try await Stack.shared()
            let load = try await SteadyLoad(on: stack, devices: 6)
            try await load.waitForDelivery()
            try await stack.kill("redis")
            // The outage itself: nothing is waited for but its length.
            try await Task.sleep(for: .seconds(5))
            try await stack.start("redis")
            try await load.waitForDelivery()
            for device in try await load.finish() {
                #expect(device.interruptions == 0)
                #expect(device.currents == 1)
            }
        }

        @Test(
            """
            S3: Redis restarted at once and empty, then flushed, under load: every answered send is delivered, in order, \
            once, to everyone, and no client reconnects
            """)
        func restartedEmpty() async throws {
            let stack = try await Stack.shared()
            let load = try await SteadyLoad(on: stack, devices: 6)
            try await load.waitForDelivery()
            for _ in 0..<3 {
                try await stack.kill("redis")
                try await stack.start("redis")
                try await load.waitForDelivery()
                try await stack.redis("FLUSHALL")
                try await load.waitForDelivery()
            }
            for device in try await load.finish() {
                #expect(device.interruptions == 0)
                #expect(device.currents == 1)
            }
        }
    }
}
