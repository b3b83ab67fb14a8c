import ServiceLifecycle

/// Runs a bus until graceful shutdown.
package struct BusService: Service {
    private let bus: RedisBus

    package init(bus: RedisBus) {
        self.bus = bus
    }

    package func run() async throws {
        try await withGracefulShutdownHandler {
            try await bus.run()
        } onGracefulShutdown: {
            bus.shutdown()
        }
    }
}
