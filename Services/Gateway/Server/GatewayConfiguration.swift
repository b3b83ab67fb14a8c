import Contracts
package import ServiceKit

/// The configuration of roost-gateway, from its environment. There is no database in it: a gateway has none.
package struct GatewayConfiguration: Sendable {
    package let host: String
    package let port: Int
    package let redisURL: String
    /// Whether `/echo` sends every message back, for conformance suites.
    package let isEchoing: Bool
    /// Open connections of one user and from one address, over all gateways.
    package let connectionsPerUser: Int
    package let connectionsPerAddress: Int
    /// Open connections of this gateway.
    package let connections: Int
    /// Whether a proxy in front says where clients come from, in `X-Forwarded-For`.
    package let trustsProxy: Bool
    /// Clients that have not moved after this time are closed when the gateway goes away.
    package let drainDeadline: Duration

    let socketIO: SocketIOConfiguration

    package init(_ settings: Settings) throws(SettingsError) {
        host = settings.optional("ROOST_GATEWAY_HOST") ?? "127.0.0.1"
        port = try settings.integer("ROOST_GATEWAY_PORT", default: 3001, in: 1...65535)
        redisURL = try settings.required("ROOST_REDIS_URL", "where Redis is, such as redis://127.0.0.1:6379")
        isEchoing = try settings.integer("ROOST_GATEWAY_ECHO", default: 0, in: 0...1) == 1
        connectionsPerUser = try settings.integer(
            "ROOST_GATEWAY_CONNECTIONS_PER_USER", default: Limits.connectionsPerUser, in: 1...1_000_000)
        connectionsPerAddress = try settings.integer(
            "ROOST_GATEWAY_CONNECTIONS_PER_ADDRESS", default: Limits.connectionsPerAddress, in: 1...1_000_000)
        connections = try settings.integer(
            "ROOST_GATEWAY_CONNECTIONS", default: Limits.gatewayConnectionCount, in: 1...1_000_000)
        trustsProxy = try settings.integer("ROOST_GATEWAY_TRUSTS_PROXY", default: 1, in: 0...1) == 1
        socketIO = try SocketIOConfiguration(settings)
        drainDeadline = .seconds(
            try settings.integer(
                "ROOST_GATEWAY_DRAIN_SECONDS", default: Int(Limits.drainDeadline.components.seconds), in: 1...600))
    }
}
