package import Contracts

/// Who receives which topic, and what Redis must be told for it. Pure: no socket, no clock.
///
/// The first receiver of a topic subscribes it, the last one leaving unsubscribes it. One connection carries both in order
/// and Redis confirms in order, so counting the confirmations that are due tells which one belongs to the latest
/// subscription: a topic that was left and taken again in quick succession ends subscribed.
package struct TopicTable<Receiver> {
    /// One command for Redis.
    package struct Command: Hashable {
        /// `SSUBSCRIBE` or `SUNSUBSCRIBE`.
        package let isSubscribing: Bool
        /// Their names, in the order of the changes.
        package var topics: [String]
    }

    private struct Entry {
        let topic: Topic
        var receivers: [(id: ReceiverID, receiver: Receiver)]
        /// Subscriptions that were sent and not confirmed.
        var dueConfirmations: Int
    }

    private var entries: [String: Entry] = [:]
    private var changes: [(isSubscribing: Bool, name: String)] = []
    private var lastNumber: UInt64 = 0
    /// Whether Redis can be told of changes.
    package private(set) var isConnected = false

    /// A table without topics, not connected.
    package init() {}

    /// Topics with receivers, and those whose last confirmation is due.
    package var count: Int { entries.count }

    /// Adds a receiver.
    /// - Returns: its name, and whether Redis has confirmed the topic already.
    package mutating func add(_ receiver: Receiver, to topic: Topic) -> (id: ReceiverID, isConfirmed: Bool) {
        lastNumber += 1
        let id = ReceiverID(number: lastNumber)
        let name = topic.name
        var entry = entries.removeValue(forKey: name) ?? Entry(topic: topic, receivers: [], dueConfirmations: 0)
        if entry.receivers.isEmpty, isConnected {
            entry.dueConfirmations += 1
            changes.append((true, name))
        }
        entry.receivers.append((id, receiver))
        let isConfirmed = isConnected && entry.dueConfirmations == 0
        entries[name] = entry
        return (id, isConfirmed)
    }

    /// Removes a receiver; a second time changes nothing.
    package mutating func remove(_ id: ReceiverID, from topic: Topic) {
        let name = topic.name
        guard var entry = entries[name], let index = entry.receivers.firstIndex(where: { $0.id == id }) else { return }
        entry.receivers.remove(at: index)
        if entry.receivers.isEmpty, isConnected { changes.append((false, name)) }
        // A confirmation that is still due must not be taken for that of a later subscription.
        entries[name] = entry.receivers.isEmpty && entry.dueConfirmations == 0 ? nil : entry
    }

    /// Redis has confirmed a subscription.
    /// - Returns: the receivers that are subscribed from now on; none while a later confirmation is due.
    package mutating func confirm(_ name: String) -> [ReceiverID] {
        guard var entry = entries[name], entry.dueConfirmations > 0 else { return [] }
        entry.dueConfirmations -= 1
        let isOver = entry.dueConfirmations == 0
        entries[name] = isOver && entry.receivers.isEmpty ? nil : entry
        return isOver ? entry.receivers.map(\.id) : []
    }

    /// Who receives what is published to a topic, in the order they were added.
    package func receivers(of name: String) -> (topic: Topic, receivers: [(id: ReceiverID, receiver: Receiver)])? {
        guard let entry = entries[name], !entry.receivers.isEmpty else { return nil }
        return (entry.topic, entry.receivers)
    }

    /// A new connection knows no topic: all of them are due.
    package mutating func connect() {
        isConnected = true
        for name in entries.keys {
            entries[name]?.dueConfirmations = 1
            changes.append((true, name))
        }
    }

    /// The connection is gone, and with it everything that was due. The receivers stay.
    package mutating func disconnect() {
        isConnected = false
        changes = []
        entries = entries.filter { !$0.value.receivers.isEmpty }
        for name in entries.keys { entries[name]?.dueConfirmations = 0 }
    }

    /// Takes what Redis must be told, in order, as few commands of at most `maximumCount` topics.
    package mutating func takeCommands(maximumCount: Int) -> [Command] {
        var commands: [Command] = []
        for change in changes {
            if let last = commands.last, last.isSubscribing == change.isSubscribing, last.topics.count < maximumCount {
                commands[commands.count - 1].topics.append(change.name)
            } else {
                commands.append(Command(isSubscribing: change.isSubscribing, topics: [change.name]))
            }
        }
        changes = []
        return commands
    }
}

/// Names one receiver of one topic in a ``TopicTable``.
package struct ReceiverID: Hashable, Sendable {
    fileprivate let number: UInt64
}
