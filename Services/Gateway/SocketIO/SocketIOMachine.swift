package import Contracts

/// The Socket.IO protocol of one session: which namespaces it is in, and what its packets mean. Owned by the session.
package struct SocketIOMachine {
    /// What a message of the client asks for.
    package enum Action: Hashable, Sendable {
        case none
        /// The client wants to enter a namespace that exists. To be answered by ``entered(_:)`` or ``left(_:)``.
        case connect(namespace: String, auth: JSONValue?)
        /// It wants to enter one that does not.
        case refuse(namespace: String)
        case event(namespace: String, name: String, arguments: [JSONValue], id: UInt64?)
        /// The client has left the namespace, or does not want to enter it any more.
        case disconnect(namespace: String)
        /// The session ends: the client does not keep to the protocol.
        case close(EngineIOSession.Reason)
    }

    private enum Membership {
        case entering
        case inside
    }

    private let namespaces: Set<String>
    private var reader: SocketIOReader
    private var memberships: [String: Membership] = [:]
    private let connectDeadline: Timestamp

    /// - Parameter namespaces: those that exist.
    package init(namespaces: Set<String>, maximumByteCount: Int, now: Timestamp) {
        self.namespaces = namespaces
        reader = SocketIOReader(maximumByteCount: maximumByteCount)
        connectDeadline = now + Limits.socketIOConnectTimeout
    }

    /// A message of the client arrived.
    package mutating func receive(_ message: EngineIOMessage) -> Action {
        switch reader.receive(message) {
        case .incomplete: return .none
        case .malformed: return .close(.malformed)
        case .packet(let packet): return receive(packet)
        }
    }

    private mutating func receive(_ packet: SocketIOPacket) -> Action {
        let namespace = packet.namespace
        switch (packet.content, memberships[namespace]) {
        case (.connect(let auth), nil):
            guard namespaces.contains(namespace) else { return .refuse(namespace: namespace) }
            memberships[namespace] = .entering
            return .connect(namespace: namespace, auth: auth)
        case (.disconnect, _?):
            memberships[namespace] = nil
            return .disconnect(namespace: namespace)
        case (.event(let name, let arguments, let id), .inside):
            return .event(namespace: namespace, name: name, arguments: arguments, id: id)
        // The gateway asks for no acknowledgement; one that comes all the same means nothing.
        case (.acknowledgement, .inside): return .none
        // Twice into one namespace, or a packet for one that the client is not in.
        case (.connect, _?), (.disconnect, nil), (.event, _), (.acknowledgement, _), (.connectError, _):
            return .close(.malformed)
        }
    }

    /// The client may enter. Whether it still wants to.
    package mutating func entered(_ namespace: String) -> Bool {
        guard memberships[namespace] == .entering else { return false }
        memberships[namespace] = .inside
        return true
    }

    /// The client may not enter, or is put out.
    package mutating func left(_ namespace: String) { memberships[namespace] = nil }

    /// Time has passed. Whether the session is worth keeping: it is not if it entered no namespace in time.
    package mutating func check(now: Timestamp) -> Bool { !memberships.isEmpty || now < connectDeadline }
}
