/// The kinds of process on the bus.
package enum ServiceKind: String, WireEnum {
    case api
    case gateway
    case media
}

/// One live process, as the bus addresses it.
package struct InstanceAddress: Hashable, Sendable, CustomStringConvertible {
    package let kind: ServiceKind
    package let id: InstanceID

    package init(kind: ServiceKind, id: InstanceID) {
        self.kind = kind
        self.id = id
    }

    package init?(_ text: some StringProtocol) {
        guard let colon = text.firstIndex(of: ":"), let kind = ServiceKind(rawValue: String(text[..<colon])),
            let id = InstanceID(text[text.index(after: colon)...])
        else { return nil }
        self.init(kind: kind, id: id)
    }

    package var description: String { "\(kind.rawValue):\(id)" }
}

/// A pub/sub topic of Redis. The part in braces is a literal hash tag, so that topic and keys of one entity share a
/// slot of Redis Cluster. Published and subscribed with the sharded commands (`SPUBLISH`, `SSUBSCRIBE`, Redis 7).
package enum Topic: Hashable, Sendable {
    /// Events of one stream, as ``StreamEnvelope``s.
    case stream(StreamID)
    /// Requests to, and replies for, one process, as ``BusEnvelope``s.
    case instance(InstanceAddress)

    /// The name in Redis, such as `channel:{<uuid>}`.
    package var name: String {
        switch self {
        case .stream(let stream): "\(stream.kind.rawValue):{\(stream.entity)}"
        case .instance(let address): "\(address.kind.rawValue):{\(address.id)}"
        }
    }
}

/// A key of Redis. Every one can be lost at any moment and is rebuilt from PostgreSQL or by its owner's next beat.
package enum RedisKey: Hashable, Sendable {
    /// Lease of a live process. Lives for ``Limits/instanceLease``.
    case instance(InstanceAddress)
    /// Sorted set of the live processes of a kind, scored by the end of their lease in Redis milliseconds.
    case instances(ServiceKind)
    /// State of a session, for revocation checks. Lives for ``Limits/sessionCache``.
    case session(SessionID)
    /// Sliding window of one user's messages in one channel; its members are idempotency keys.
    case messageRate(UserID, ChannelID)
    /// End of the mute that follows a crossed message rate.
    case messageMute(UserID, ChannelID)
    /// Attempts to sign in to one account name, by its digest.
    case loginRate(digest: String)
    /// Load of a media node, as ``MediaNodeLoad``'s text. Lives for ``Limits/mediaNodeLease``, beaten by the node.
    case mediaNode(InstanceID)
    /// Where the room of a channel's call is, as ``RoomPlacement``'s text, written by compare-and-set. Lives for
    /// ``Limits/mediaNodeLease``, beaten by the node while anyone is in the room.
    case mediaRoom(ChannelID)
    /// Exists while this Redis has its memory. When it is missing all processes register anew.
    case runMarker

    /// The name in Redis.
    package var name: String {
        switch self {
        case .instance(let address): "instance:{\(address)}"
        case .instances(let kind): "instances:{\(kind.rawValue)}"
        case .session(let id): "session:{\(id)}"
        case .messageRate(let user, let channel): "ratelimit:{\(user)}:message:\(channel)"
        case .messageMute(let user, let channel): "ratelimit:{\(user)}:mute:\(channel)"
        case .loginRate(let digest): "ratelimit:{\(digest)}:login"
        case .mediaNode(let id): "media:node:{\(id)}"
        case .mediaRoom(let channel): "media:room:{\(channel)}"
        case .runMarker: "run-marker"
        }
    }
}
