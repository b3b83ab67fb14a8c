package import ServiceKit

/// The configuration of roost-gateway, from its environment. There is no database in it: a gateway has none.
package struct GatewayConfiguration: Sendable {
    package let host: String
    package let port: Int
    package let redisURL: String

    package init(_ settings: Settings) throws(SettingsError) {
        host = settings.optional("ROOST_GATEWAY_HOST") ?? "127.0.0.1"
        port = try settings.integer("ROOST_GATEWAY_PORT", default: 3001, in: 1...65535)
        redisURL = try settings.required("ROOST_REDIS_URL", "where Redis is, such as redis://127.0.0.1:6379")
    }
}
