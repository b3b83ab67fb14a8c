import Contracts

/// Identifiers of a small world: one user, one workspace, two channels.
enum Samples {
    static let me = UserID(at: Timestamp(milliseconds: 1), entropy: (1, 1))
    static let other = UserID(at: Timestamp(milliseconds: 1), entropy: (1, 1 << 8))
    static let workspace = WorkspaceID(at: Timestamp(milliseconds: 2), entropy: (1, 1))
    static let general = ChannelID(at: Timestamp(milliseconds: 3), entropy: (1, 1))
    static let random = ChannelID(at: Timestamp(milliseconds: 4), entropy: (1, 1))
    static let now = Timestamp(milliseconds: 5)

    static let user = CurrentUser(
        id: me, username: "me", displayName: "Me", email: "me@example.org", createdAt: now)

    static func channel(_ id: ChannelID, topic: String = "", version: Int64 = 1) -> Channel {
        Channel(
            id: id, workspaceID: workspace, kind: .text, visibility: .public, name: "\(id)", topic: topic,
            participants: [], createdAt: now, version: version)
    }

    static func message(
        _ number: Int, in channel: ChannelID = general, seq: StreamSequence, version: StreamSequence? = nil,
        by author: UserID = other, _ content: String = "text", mentions: [UserID] = []
    ) -> Message {
        Message(
            id: MessageID(at: Timestamp(milliseconds: 9), entropy: (0, UInt64(number) << 2)), channelID: channel,
            seq: seq, authorID: author, content: content, idempotencyKey: "key-\(number)", createdAt: now,
            editedAt: nil, mentions: mentions, audience: nil, version: version ?? seq)
    }

    static func deleted(_ message: Message, version: StreamSequence) -> Event {
        .messageDeleted(
            MessageDeleted(
                id: message.id, channelID: message.channelID, seq: message.seq, authorID: message.authorID,
                version: version))
    }

    static func unread(_ channel: ChannelID, read: StreamSequence = 0, version: StreamSequence = 0) -> ChannelUnread {
        ChannelUnread(
            channelID: channel, readSeq: read, unreadCount: 0, mentionCount: 0, headSeq: 0, version: version)
    }

    static func joined(_ channel: ChannelID, at seq: StreamSequence) -> Event {
        .channelJoined(ChannelJoined(channel: Self.channel(channel), seq: seq))
    }

    static func left(_ channel: ChannelID) -> Event { .channelLeft(ChannelLeft(channelID: channel)) }

    static func cursors(user: StreamSequence = 0, general: StreamSequence = 0) -> [Cursor] {
        [Cursor(stream: .user(me), seq: user), Cursor(stream: .channel(Self.general), seq: general)]
    }

    static func bootstrap(_ cursors: [Cursor], unread: [ChannelUnread] = []) -> Bootstrap {
        let channels = cursors.compactMap { cursor in
            if case .channel(let id) = cursor.stream { channel(id) } else { nil }
        }
        return Bootstrap(
            user: user, sessionID: .example,
            workspaces: [Workspace(id: workspace, name: "w", createdAt: now)], channels: channels, calls: [],
            unread: unread, cursors: cursors)
    }

    static func call(_ channel: ChannelID) -> ChannelCall {
        ChannelCall(channelID: channel, startedAt: nil, participants: [], version: 0)
    }
}
