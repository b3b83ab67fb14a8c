import APIDomain
import Contracts
import Postgres

/// The only way to a file's bytes.
struct FileAccess {
    let database: PostgresPool

    /// A file that a person may read, and the digest that names its bytes on disk.
    struct AccessedFile: Sendable {
        let file: Attachment
        let channelID: ChannelID
        let digest: [UInt8]
    }

    /// A file of a message in a channel that the person may see, or an upload of their own that is not sent yet.
    /// - Throws: `not_found` if there is none such.
    func file(_ id: FileID, for person: UserID) async throws -> AccessedFile {
        guard let found = try await files([id], for: person).first else { throw APIError.notFound("file") }
        return found
    }

    /// Those of the files that the person may read.
    func files(_ ids: [FileID], for person: UserID) async throws -> [AccessedFile] {
        let rows = try await database.execute(
            Statement(
                """
                SELECT f.* FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place)
                JOIN files f ON f.id = wanted.id AND f.state = 'ready'
                JOIN channels c ON c.id = f.channel_id
                JOIN workspace_members wm ON wm.workspace_id = c.workspace_id AND wm.user_id = $2
                LEFT JOIN channel_members cm ON cm.channel_id = c.id AND cm.user_id = $2
                LEFT JOIN messages m ON m.id = f.message_id
                WHERE (c.visibility = 'public' OR cm.user_id IS NOT NULL)
                  AND CASE WHEN f.message_id IS NULL THEN f.uploader_id = $2 ELSE m.deleted_at IS NULL END
                ORDER BY wanted.place
                """, ids, person))
        return try rows.map { row in
            AccessedFile(
                file: try Attachment(row: row), channelID: try row.decode("channel_id"),
                digest: try row.decode("sha256"))
        }
    }
}
