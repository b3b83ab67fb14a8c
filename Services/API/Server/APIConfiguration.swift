import Contracts
package import ServiceKit

/// The configuration of roost-api, from its environment.
package struct APIConfiguration: Sendable {
    package let host: String
    package let port: Int
    package let databaseURL: String
    package let redisURL: String
    /// A PEM file with the EC P-256 key that signs tokens. All instances share it.
    package let signingKeyFile: String
    /// The built web client, served here when no proxy does it.
    package let webRoot: String?
    /// Origins of other sites whose pages may call the API (CORS).
    package let allowedOrigins: [String]
    package let passwordHash: PasswordHasher.Method
    package let messageRate: MessageRateRule
    package let databaseConnections: Int
    /// What the peer connections of clients are told.
    package let ice: IceConfiguration
    package let files: FileConfiguration

    package init(_ settings: Settings) throws(SettingsError) {
        host = settings.optional("ROOST_API_HOST") ?? "127.0.0.1"
        port = try settings.integer("ROOST_API_PORT", default: 3000, in: 1...65535)
        databaseURL = try settings.required(
            "ROOST_DATABASE_URL", "where PostgreSQL is, such as postgres://roost:secret@127.0.0.1/roost")
        redisURL = try settings.required("ROOST_REDIS_URL", "where Redis is, such as redis://127.0.0.1:6379")
        signingKeyFile = try settings.required(
            "ROOST_SIGNING_KEY_FILE", "a PEM file with an EC P-256 private key, shared by all instances")
        webRoot = settings.optional("ROOST_WEB_ROOT")
        allowedOrigins = settings.list("ROOST_ALLOWED_ORIGINS")
        passwordHash = try settings.choice("ROOST_PASSWORD_HASH", default: .yescrypt)
        messageRate = MessageRateRule(
            count: try settings.integer("ROOST_MESSAGE_RATE", default: Limits.messageRate, in: 1...1_000_000),
            window: .seconds(
                try settings.integer("ROOST_MESSAGE_RATE_SECONDS", default: 10, in: 1...3600)),
            mute: .seconds(try settings.integer("ROOST_MESSAGE_MUTE_SECONDS", default: 30, in: 1...3600)))
        databaseConnections = try settings.integer("ROOST_DATABASE_CONNECTIONS", default: 6, in: 1...64)
        ice = try IceConfiguration(settings)
        files = try FileConfiguration(settings)
    }
}

/// So many messages of one user in one channel in a window, then a mute.
package struct MessageRateRule: Sendable {
    package let count: Int
    package let window: Duration
    package let mute: Duration
}
