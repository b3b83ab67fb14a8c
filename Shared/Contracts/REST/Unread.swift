package struct ChannelUnread: WireObject, Hashable {
    package static let summary = "What is unread for the user in a channel. One's own messages never count."
    package static var fields: [String: FieldRule] {
        [
            "readSeq": FieldRule("Messages up to and including this number are read."),
            "unreadCount": FieldRule(
                "Messages after it by others that are not deleted; \(Limits.unreadCount) stands for that many or more."),
            "mentionCount": FieldRule("Those among them that name the user or address all or here; bounded as well."),
            "headSeq": FieldRule("The counts are of this place in the channel's stream."),
            "version": FieldRule(
                "The number in the user's stream of the position's last change, 0 before the first; the higher is newer."
            ),
        ]
    }
    package let channelID: ChannelID
    package let readSeq: StreamSequence
    package let unreadCount: Int
    package let mentionCount: Int
    package let headSeq: StreamSequence
    package let version: StreamSequence

    package init(
        channelID: ChannelID, readSeq: StreamSequence, unreadCount: Int, mentionCount: Int, headSeq: StreamSequence,
        version: StreamSequence
    ) {
        self.channelID = channelID
        self.readSeq = readSeq
        self.unreadCount = unreadCount
        self.mentionCount = mentionCount
        self.headSeq = headSeq
        self.version = version
    }
}

package struct MarkReadRequest: WireObject {
    package static let summary = "Marks messages as read. The position only goes forward, at most to the last event."
    package static var fields: [String: FieldRule] {
        ["seq": FieldRule("Messages up to and including this number are read; 0 or more.")]
    }
    package let seq: StreamSequence

    package init(seq: StreamSequence) { self.seq = seq }
}

package struct MarkUnreadRequest: WireObject {
    package static let summary = "Marks messages as unread, from one on: the position goes before it, wherever it was."
    package static var fields: [String: FieldRule] {
        ["seq": FieldRule("The number of the first message that is unread; 1 or more.")]
    }
    package let seq: StreamSequence

    package init(seq: StreamSequence) { self.seq = seq }
}
