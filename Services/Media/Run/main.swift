// roost-media: the composition root. Reads the environment, opens its ports, serves calls until SIGTERM.

import Contracts
import Foundation
import Logging
import MediaServer
import NIOPosix
import RedisBus
import ServiceKit
import ServiceLifecycle
import UnixSignals

do {
    let settings = Settings()
    let logger = try settings.logger(label: "roost-media")
    let configuration = try MediaConfiguration(settings, coreCount: ProcessInfo.processInfo.activeProcessorCount)
    let address = InstanceAddress(kind: .media, id: .fresh())
    let bus = RedisBus(
        configuration: try RedisConfiguration(url: configuration.redisURL), address: address,
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
    let server = try MediaServer(configuration: configuration, bus: bus, logger: logger)
    let requests = server.requests
    bus.serve { kind, body in await requests.handle(kind, body) }
    let health = HealthServer(
        host: configuration.healthHost, port: configuration.healthPort, health: server.health, logger: logger,
        pages: { [pages = server.pages] uri in await pages.answer(to: uri) })
    logger.info("starting", metadata: ["instance": "\(address)"])
    // Services stop in reverse order: the calls first, what they need last.
    try await ServiceGroup(
        configuration: .init(
            services: [
                .init(service: BusService(bus: bus)), .init(service: health), .init(service: server),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    ).run()
} catch {
    FileHandle.standardError.write(Data("roost-media: \(error)\n".utf8))
    // Not exit: its handlers would tear down what the threads of the pools still use.
    _exit(1)
}
