/// The id of an Engine.IO session: `<gateway>.<secret>`. nginx finds the gateway by it, and nobody guesses it: the
/// secret has 120 bits of entropy.
package struct EngineIOSessionID: Hashable, Sendable, CustomStringConvertible {
    package let gateway: String
    package let secret: String

    private static let secretByteCount = 20
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-".utf8)

    /// A new id.
    /// - Parameter entropy: 128 bits, of which 120 are used.
    package init(gateway: String, entropy: (UInt64, UInt64)) {
        self.gateway = gateway
        let digits = (0..<Self.secretByteCount).map { index in
            let word = index < 10 ? entropy.0 : entropy.1
            return Self.alphabet[Int(word >> UInt64(index % 10 * 6) & 63)]
        }
        secret = String(decoding: digits, as: UTF8.self)
    }

    /// Reads an id; `nil` if it is none that a gateway can have made.
    package init?(_ text: some StringProtocol) {
        guard let dot = text.firstIndex(of: ".") else { return nil }
        let gateway = text[..<dot]
        let secret = text[text.index(after: dot)...]
        guard Self.isGatewayName(gateway), secret.utf8.count == Self.secretByteCount,
            secret.utf8.allSatisfy(Self.alphabet.contains)
        else { return nil }
        self.gateway = String(gateway)
        self.secret = String(secret)
    }

    package var description: String { "\(gateway).\(secret)" }

    /// Whether a gateway may have the name: ``Limits/gatewayNamePattern``.
    package static func isGatewayName(_ name: some StringProtocol) -> Bool {
        (1...32).contains(name.utf8.count)
            && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }
}

/// What a request at the path of Engine.IO asks for, by its method and query (engine.io-protocol, "HTTP long-polling").
package enum EngineIORequest: Hashable, Sendable {
    /// A new session.
    case open
    /// What waits for the client.
    case poll(EngineIOSessionID)
    /// What the client has to say.
    case post(EngineIOSessionID)
    /// A new session on a WebSocket.
    case openWebSocket
    /// The session goes on on a WebSocket.
    case upgrade(EngineIOSessionID)

    /// - Parameters:
    ///   - query: gives the value of a parameter.
    ///   - isUpgrade: whether it is a WebSocket.
    package static func parse(
        method: String, isUpgrade: Bool, query: (String) -> String?
    ) -> Result<EngineIORequest, EngineIORefusal> {
        guard let transport = query("transport"), transport == "polling" || transport == "websocket" else {
            return .failure(.transportUnknown)
        }
        guard query("EIO") == "4" else { return .failure(.unsupportedVersion) }
        // A WebSocket's request on a polling transport, or a plain one on the other.
        guard isUpgrade == (transport == "websocket") else { return .failure(.badRequest) }
        guard let text = query("sid") else {
            guard method == "GET" else { return .failure(.badMethod) }
            return .success(isUpgrade ? .openWebSocket : .open)
        }
        guard let id = EngineIOSessionID(text) else { return .failure(.sessionUnknown) }
        switch (method, isUpgrade) {
        case ("GET", true): return .success(.upgrade(id))
        case ("GET", false): return .success(.poll(id))
        case ("POST", false): return .success(.post(id))
        default: return .failure(.badMethod)
        }
    }
}

/// Why a request is answered with 400, by the codes that the protocol's first server made known.
package enum EngineIORefusal: Int, Error, Sendable {
    case transportUnknown = 0
    case sessionUnknown = 1
    case badMethod = 2
    case badRequest = 3
    case forbidden = 4
    case unsupportedVersion = 5

    /// The answer's body.
    package var json: String {
        let message =
            switch self {
            case .transportUnknown: "Transport unknown"
            case .sessionUnknown: "Session ID unknown"
            case .badMethod: "Bad handshake method"
            case .badRequest: "Bad request"
            case .forbidden: "Forbidden"
            case .unsupportedVersion: "Unsupported protocol version"
            }
        return #"{"code":\#(rawValue),"message":"\#(message)"}"#
    }
}
