package import Contracts

/// What was counted as unread for one user in one channel, as Redis keeps it: `<read> <head> <unread> <mentions>`.
///
/// It holds for exactly this read position and this head of the channel: every change of a message moves the head, so a
/// count of another place is no count.
package struct UnreadCount: Hashable, Sendable {
    package let readSeq: StreamSequence
    package let headSeq: StreamSequence
    package let unreadCount: Int
    package let mentionCount: Int

    package init(readSeq: StreamSequence, headSeq: StreamSequence, unreadCount: Int, mentionCount: Int) {
        self.readSeq = readSeq
        self.headSeq = headSeq
        self.unreadCount = unreadCount
        self.mentionCount = mentionCount
    }

    package var text: String { "\(readSeq) \(headSeq) \(unreadCount) \(mentionCount)" }

    /// Reads the text; `nil` if it is no such count.
    package init?(text: some StringProtocol) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 4, let read = StreamSequence(words[0]), let head = StreamSequence(words[1]),
            let unread = Int(words[2]), let mentions = Int(words[3]), read >= 0, head >= 0,
            (0...Limits.unreadCount).contains(unread), (0...unread).contains(mentions)
        else { return nil }
        self.init(readSeq: read, headSeq: head, unreadCount: unread, mentionCount: mentions)
    }
}
