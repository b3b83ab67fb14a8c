import Contracts
import Logging
import Postgres
import ServiceKit
import Synchronization

/// Tells people that a message mentions them, or does so no more: after the commit of the message, for many at once.
///
/// The transaction that changes a message leaves a row in `pending_mentions` for each person. This loop takes the rows that
/// its own process has left at once, and every ``Limits/mentionSweepInterval`` those that a process left which has died.
/// A row is deleted by the transaction that appends the event. Which event it is, is decided there: by what the message
/// says now, and only for people who are still in its channel.
package final class MentionTeller: Sendable {
    private struct Untold: Sendable {
        var messages: Set<MessageID> = []
        var users: Set<UserID> = []
    }

    private let database: PostgresPool
    private let publisher: EventPublisher
    private let logger: Logger
    private let untold = Mutex(Untold())
    private let noted: AsyncStream<Void>
    private let note: AsyncStream<Void>.Continuation

    init(database: PostgresPool, publisher: EventPublisher, logger: Logger) {
        self.database = database
        self.publisher = publisher
        self.logger = logger
        (noted, note) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Has people told of a message that was committed. It does not wait for that. While too many wait already, the sweep
    /// finds them.
    func note(_ message: MessageID, for users: [UserID]) {
        guard !users.isEmpty else { return }
        let isTaken = untold.withLock { untold in
            guard untold.users.count + users.count <= Limits.mentionBatchCount else { return false }
            untold.messages.insert(message)
            untold.users.formUnion(users)
            return true
        }
        if isTaken { note.yield() }
    }

    /// Tells until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await _ in self.noted {
                    let untold = self.untold.withLock { untold in
                        defer { untold = Untold() }
                        return untold
                    }
                    await self.attempt { try await self.tell(untold) }
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: Limits.mentionSweepInterval)
                    await self.attempt { try await self.sweep() }
                }
            }
        }
    }

    /// What fails now is still in the table, for the next sweep.
    private func attempt(_ work: () async throws -> Void) async {
        do {
            try await work()
        } catch {
            logger.warning("mentions not told yet", metadata: ["error": "\(error)"])
        }
    }

    /// Tells what was committed a while ago and nobody has told.
    private func sweep() async throws {
        let late = try await database.execute(
            Statement(
                """
                SELECT message_id, user_id FROM pending_mentions
                WHERE created_at < now() - make_interval(secs => $1::float8 / 1000) ORDER BY id LIMIT $2
                """, Double(Limits.mentionSweepAge.milliseconds), Limits.mentionBatchCount))
        guard !late.isEmpty else { return }
        var untold = Untold()
        for row in late {
            untold.messages.insert(try row.decode("message_id"))
            untold.users.insert(try row.decode("user_id"))
        }
        logger.info("telling mentions that were left behind", metadata: ["count": "\(late.count)"])
        try await tell(untold)
    }

    /// One transaction: it locks the people's streams in their order, then takes the rows that no other process has. The
    /// messages and the people may be of several rows each; a row of any two of them is as due as they are.
    private func tell(_ untold: Untold) async throws {
        guard !untold.users.isEmpty else { return }
        let results = try await database.execute([
            .lock(untold.users.map(StreamID.user)),
            Statement(
                """
                WITH due AS (
                    DELETE FROM pending_mentions WHERE id IN (
                        SELECT id FROM pending_mentions
                        WHERE message_id = ANY ($1::uuid[]) AND user_id = ANY ($2::uuid[])
                        ORDER BY id FOR UPDATE SKIP LOCKED)
                    RETURNING message_id, user_id
                ), told AS (
                    SELECT DISTINCT due.user_id, m.id, m.seq, due.user_id = ANY (m.mentions) AS is_mentioned
                    FROM due JOIN messages m ON m.id = due.message_id
                    JOIN channel_members c ON c.channel_id = m.channel_id AND c.user_id = due.user_id
                    ORDER BY due.user_id, m.seq
                )
                SELECT 'user' AS kind, user_id AS stream_id,
                       append_event('user', user_id,
                           CASE WHEN is_mentioned THEN 'mention.created' ELSE 'mention.removed' END, id) AS seq
                FROM told
                """, Array(untold.messages), Array(untold.users)),
        ])
        await publisher.publish(at: try results[1].map { try $0.cursor() })
    }
}
