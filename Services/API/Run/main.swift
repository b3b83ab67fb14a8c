// roost-api: the composition root. Reads the environment, connects, migrates, serves until SIGTERM.

import APIServer
import Contracts
import Foundation
import Hummingbird
import Logging
import Migrations
import NIOPosix
import Postgres
import RedisBus
import ServiceKit
import ServiceLifecycle
import UnixSignals

do {
    let settings = Settings()
    let logger = try settings.logger(label: "roost-api")
    let configuration = try APIConfiguration(settings)
    let pem: String
    do {
        pem = try String(contentsOfFile: configuration.signingKeyFile, encoding: .utf8)
    } catch {
        throw SettingsError.invalid(
            name: "ROOST_SIGNING_KEY_FILE", value: configuration.signingKeyFile, expected: "a file that can be read")
    }
    let tokens = try await TokenIssuer(pem: pem)

    var databaseConfiguration = PostgresConfiguration(url: configuration.databaseURL)
    databaseConfiguration.connections = configuration.databaseConnections
    _ = try await Migrator(configuration: databaseConfiguration, migrations: Migrations.all, logger: logger).run()
    let database = PostgresPool(configuration: databaseConfiguration, logger: logger)

    let address = InstanceAddress(kind: .api, id: .fresh())
    let bus = RedisBus(
        configuration: try RedisConfiguration(url: configuration.redisURL), address: address,
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
    let services = APIServices(
        configuration: configuration, database: database, bus: bus, tokens: tokens, logger: logger)
    let requests = BusRequestHandler(services: services)
    bus.serve { kind, body in await requests.handle(kind, body) }

    let application = Application(
        router: APIServer(services: services, configuration: configuration).router,
        server: .init { responder in ConnectionTasks(responder: responder) },
        configuration: .init(
            address: .hostname(configuration.host, port: configuration.port), serverName: nil),
        logger: logger)
    logger.info("starting", metadata: ["instance": "\(address)", "port": "\(configuration.port)"])
    // Services stop in reverse order: the listener first, what it needs last.
    let group = ServiceGroup(
        configuration: .init(
            services: [
                .init(service: DatabaseService(pool: database)), .init(service: BusService(bus: bus)),
                .init(service: OutboxService(publisher: services.eventPublisher)),
                .init(service: HeadsService(publisher: services.eventPublisher)),
                .init(service: MentionService(teller: services.mentionTeller)),
                .init(service: FileSweepService(sweeper: FileSweeper(services: services))),
                .init(service: CallWatchService(watch: CallWatch(services: services))),
                .init(service: RingWatchService(watch: RingWatch(services: services))), .init(service: application),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    try await group.run()
} catch {
    FileHandle.standardError.write(Data("roost-api: \(error)\n".utf8))
    // Not exit: its handlers would tear down what the threads of the pools still use.
    _exit(1)
}
