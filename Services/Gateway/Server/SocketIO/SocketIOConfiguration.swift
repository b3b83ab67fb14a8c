import Contracts
package import ServiceKit
package import SocketIOCodec

/// How the gateway speaks Socket.IO, from the environment.
package struct SocketIOConfiguration: Sendable {
    /// This gateway's name in session ids, by which nginx finds it.
    let gatewayName: String
    let session: EngineIOSession.Settings
    /// Namespaces that send back what they get, for conformance suites; nobody signs in there.
    let echoNamespaces: Set<String>
    /// Whether `/engine.io/` sends every message back.
    let isEchoing: Bool
    /// Sites whose pages may connect by polling (CORS).
    let allowedOrigins: Set<String>

    package init(_ settings: Settings) throws(SettingsError) {
        gatewayName = settings.optional("ROOST_GATEWAY_NAME") ?? "gateway"
        guard EngineIOSessionID.isGatewayName(gatewayName) else {
            throw .invalid(
                name: "ROOST_GATEWAY_NAME", value: gatewayName, expected: "1 to 32 small letters, digits and hyphens")
        }
        session = EngineIOSession.Settings(
            pingInterval: try settings.milliseconds("ROOST_SOCKETIO_PING_INTERVAL_MS", Limits.socketIOPingInterval),
            pingTimeout: try settings.milliseconds("ROOST_SOCKETIO_PING_TIMEOUT_MS", Limits.socketIOPingTimeout),
            maximumPayload: try settings.integer(
                "ROOST_SOCKETIO_PAYLOAD_BYTES", default: Limits.socketIOPayloadByteCount, in: 1_000...1_000_000))
        isEchoing = try settings.integer("ROOST_GATEWAY_ECHO", default: 0, in: 0...1) == 1
        var echoNamespaces = Set(settings.list("ROOST_SOCKETIO_ECHO_NAMESPACES"))
        if isEchoing { echoNamespaces.insert("/echo") }
        self.echoNamespaces = echoNamespaces
        allowedOrigins = Set(settings.list("ROOST_ALLOWED_ORIGINS"))
    }

    /// All namespaces that there are.
    var namespaces: Set<String> { echoNamespaces.union(DialectName.allCases.map(\.rawValue)) }
}

/// The contracts that are spoken over Socket.IO, by their namespaces.
enum DialectName: String, CaseIterable {
    case chatKet = "/"
    case chatCall = "/chatcall"
}

extension Settings {
    fileprivate func milliseconds(_ name: String, _ value: Duration) throws(SettingsError) -> Duration {
        .milliseconds(try integer(name, default: Int(value / .milliseconds(1)), in: 10...600_000))
    }
}
