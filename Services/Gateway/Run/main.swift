// roost-gateway: the composition root. Reads the environment, connects to Redis, serves WebSockets until SIGTERM.

import Contracts
import Foundation
import GatewayServer
import Logging
import NIOPosix
import RedisBus
import ServiceKit
import ServiceLifecycle
import UnixSignals

do {
    let settings = Settings()
    let logger = try settings.logger(label: "roost-gateway")
    let configuration = try GatewayConfiguration(settings)
    let eventLoopGroup = MultiThreadedEventLoopGroup.singleton
    let address = InstanceAddress(kind: .gateway, id: .fresh())
    let bus = RedisBus(
        configuration: try RedisConfiguration(url: configuration.redisURL), address: address,
        eventLoopGroup: eventLoopGroup, logger: logger)
    let services = try GatewayServices(
        configuration: configuration, bus: bus, eventLoopGroup: eventLoopGroup, logger: logger)
    let requests = BusRequestHandler(services: services)
    bus.serve { kind, body in requests.handle(kind, body) }
    let server = GatewayServer(services: services, eventLoopGroup: eventLoopGroup)
    logger.info("starting", metadata: ["instance": "\(address)", "port": "\(configuration.port)"])
    // Services stop in reverse order: the listener first, what it needs last.
    try await ServiceGroup(
        configuration: .init(
            services: [.init(service: BusService(bus: bus)), .init(service: server)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    ).run()
} catch {
    FileHandle.standardError.write(Data("roost-gateway: \(error)\n".utf8))
    // Not exit: its handlers would tear down what the threads of the pools still use.
    _exit(1)
}
