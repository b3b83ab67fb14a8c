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
    /// Batched changes of presence of the members of a workspace, as ``PresenceStates`` in JSON. Only gateways on which
    /// somebody watches members of the workspace subscribe to it.
    case presence(WorkspaceID)
    /// The heads of streams that changed lately, as ``HeadsNotice``'s text, from each API once a second.
    case heads
    /// Requests to, and replies for, one process, as ``BusEnvelope``s.
    case instance(InstanceAddress)

    /// The name in Redis, such as `channel:{<uuid>}`.
    package var name: String {
        switch self {
        case .stream(let stream): "\(stream.kind.rawValue):{\(stream.entity)}"
        case .presence(let workspace): "presence:{\(workspace)}"
        case .heads: "heads"
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
    /// The last events of a stream, as ``TailEntry``s: a sorted set scored by their numbers. Bounded by
    /// ``Limits/tailCount``, and gone ``Limits/tailLife`` after the last event. It may have holes.
    case tail(StreamID)
    /// The number of the last event of a stream that was published. Missing means: ask an API.
    case head(StreamID)
    /// What a user may see, as ``AccessList``'s text: written by an API by compare-and-set, so that an earlier place in the
    /// user's stream never overwrites a later one. It holds while the user's stream stands at that place.
    case access(UserID)
    /// A hash of the live connections of a user; one field a connection, see the gateway's presence.
    case presence(UserID)
    /// Lease of a gateway, and the users who have connections on it.
    case gatewayLease(InstanceID)
    case gatewayUsers(InstanceID)
    /// Sorted set of the gateways, scored by the end of their lease in Redis milliseconds. One whose lease has ended
    /// stays in it until another has taken over its users.
    case gateways
    /// Which gateway takes over the users of one whose lease has ended.
    case gatewayClaim(InstanceID)
    /// A user is typing in a channel. Lives for ``Limits/typingLife``.
    case typing(ChannelID, UserID)
    /// What is unread for a user in a channel, as ``UnreadCount``'s text. Valid only while the channel's head is the one
    /// in it. Lives for ``Limits/unreadCache``.
    case unread(UserID, ChannelID)
    /// Open connections of a user or an address over all gateways: a sorted set of connections, scored by the end of
    /// their lease in Redis milliseconds.
    case userConnections(UserID)
    case addressConnections(digest: String)
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
        case .tail(let stream): "tail:\(stream.kind.rawValue):{\(stream.entity)}"
        case .head(let stream): "head:\(stream.kind.rawValue):{\(stream.entity)}"
        case .access(let user): "access:{\(user)}"
        case .presence(let user): "presence:user:{\(user)}"
        case .gatewayLease(let id): "gateway:{\(id)}"
        case .gatewayUsers(let id): "gateway:{\(id)}:users"
        case .gateways: "gateways"
        case .gatewayClaim(let id): "gateway:{\(id)}:claim"
        case .typing(let channel, let user): "typing:{\(channel)}:\(user)"
        case .unread(let user, let channel): "unread:{\(user)}:\(channel)"
        case .userConnections(let user): "connections:{\(user)}"
        case .addressConnections(let digest): "connections:address:{\(digest)}"
        case .runMarker: "run-marker"
        }
    }
}
