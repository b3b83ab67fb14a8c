import Contracts
import HTTPTypes
package import Hummingbird
import Logging
import NIOCore
import Postgres
import RedisBus
import ServiceKit

/// The HTTP side of roost-api: every route, and what stands around them.
package struct APIServer {
    package let router: Router<APIRequestContext>

    package init(services: APIServices, configuration: APIConfiguration) {
        let router = Router(context: APIRequestContext.self)
        let counters = RequestCounters()
        router.add(middleware: RequestCountingMiddleware(counters: counters))
        router.add(middleware: HeaderMiddleware(allowedOrigins: Set(configuration.allowedOrigins)))
        router.add(middleware: ProblemMiddleware(logger: services.logger))
        if let webRoot = configuration.webRoot { router.add(middleware: WebClientMiddleware(root: webRoot)) }
        let routes = RouteTable(router: router, authenticator: services.authenticator)
        AccountRoutes(services: services).add(to: routes)
        WorkspaceRoutes(services: services).add(to: routes)
        ChannelRoutes(services: services).add(to: routes)
        MessageRoutes(services: services).add(to: routes)
        FileRoutes(services: services).add(to: routes)
        UnreadRoutes(services: services).add(to: routes)
        CallRoute(services: services).add(to: routes)
        WhipRoutes(services: services).add(to: routes)
        CallLogRoute(services: services).add(to: routes)
        ModerationRoutes(services: services).add(to: routes)
        RecordingRoutes(services: services).add(to: routes)
        BootstrapRoute(services: services).add(to: routes)
        addOperations(to: router, services)
        router.get("/metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: PrometheusText.contentType],
                body: .init(byteBuffer: ByteBuffer(string: counters.page(bus: services.bus))))
        }
        precondition(
            routes.names == Set(Endpoints.all.map(\.name)), "Every endpoint of the contract has a route, and no other.")
        self.router = router
    }
}

/// Health for probes, and the public keys.
private func addOperations(to router: Router<APIRequestContext>, _ services: APIServices) {
    router.get("/.well-known/jwks.json") { _, _ in
        Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "public, max-age=300"],
            body: .init(byteBuffer: ByteBuffer(bytes: services.tokens.jwks)))
    }
    // Alive: the process answers. Ready: it can serve, which needs PostgreSQL; without Redis it still does.
    router.get("/health/live") { _, _ in Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: "live\n"))) }
    router.get("/health/ready") { _, _ in
        do {
            _ = try await services.database.execute(Statement("SELECT 1 AS one"))
        } catch {
            return Response(status: .serviceUnavailable, body: .init(byteBuffer: ByteBuffer(string: "no database\n")))
        }
        let redis = services.bus.isConnected ? "ready\n" : "ready, without redis\n"
        return Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: redis)))
    }
}
