import Contracts
import Postgres

/// Files in PostgreSQL: what there is, whose it is, and which of it a message has.
struct FileStore {
    let database: PostgresPool

    /// A file that is to be uploaded, checked.
    struct Draft: Sendable {
        let id: FileID
        let name: String
        let mediaType: String
        let byteCount: Int64
        let width: Int?
        let height: Int?
        let durationMilliseconds: Int64?
    }

    /// How a reservation fared.
    enum Reservation: Sendable {
        case done
        /// The workspace's files have these bytes already.
        case quotaExceeded(used: Int64)
        case tooManyUnsent
        case noChannel
    }

    /// Reserves room for a file. The workspace's row is locked, so that two reservations cannot both take the last room.
    func reserve(
        _ file: Draft, in channel: ChannelID, by uploader: UserID, quota: Int64
    ) async throws -> Reservation {
        let results = try await database.execute([
            Statement(
                """
                SELECT 1 FROM channels c JOIN workspaces w ON w.id = c.workspace_id WHERE c.id = $1
                FOR NO KEY UPDATE OF w
                """, channel),
            Statement(
                """
                SELECT (SELECT coalesce(sum(f.byte_count), 0)::bigint FROM files f WHERE f.workspace_id = c.workspace_id)
                           AS used,
                       (SELECT count(*) FROM files f
                        WHERE f.uploader_id = $2 AND f.message_id IS NULL AND f.state <> 'deleted') AS unsent
                FROM channels c WHERE c.id = $1
                """, channel, uploader),
            Statement(
                """
                INSERT INTO files (id, workspace_id, channel_id, uploader_id, name, media_type, byte_count, width, height,
                                   duration_ms)
                SELECT $3::uuid, c.workspace_id, c.id, $2::uuid, $4::text, $5::text, $6::bigint, $7::integer, $8::integer,
                       $9::bigint
                FROM channels c
                WHERE c.id = $1
                  AND (SELECT coalesce(sum(f.byte_count), 0) FROM files f WHERE f.workspace_id = c.workspace_id) + $6::bigint
                      <= $10::bigint
                  AND (SELECT count(*) FROM files f
                       WHERE f.uploader_id = $2 AND f.message_id IS NULL AND f.state <> 'deleted') < $11::bigint
                RETURNING id
                """, channel, uploader, file.id, file.name, file.mediaType, file.byteCount, file.width, file.height,
                file.durationMilliseconds, quota, Limits.unsentFilesPerUser),
        ])
        guard results[2].isEmpty else { return .done }
        guard let found = results[1].first else { return .noChannel }
        let used: Int64 = try found.decode("used")
        return used + file.byteCount > quota ? .quotaExceeded(used: used) : .tooManyUnsent
    }

    /// A file as its upload sees it.
    struct Stored: Sendable {
        let file: Attachment
        let state: FileState
        /// Of the bytes; `nil` before they are there.
        let digest: [UInt8]?
    }

    func find(_ file: FileID) async throws -> Stored? {
        try await database.execute(Statement("SELECT * FROM files WHERE id = $1", file)).first.map(Stored.init)
    }

    /// Says that a file's bytes are on disk. Only the first time counts; answers what counts.
    func complete(_ file: FileID, digest: [UInt8]) async throws -> Stored? {
        let results = try await database.execute([
            Statement(
                """
                UPDATE files SET state = 'ready', sha256 = $2, ready_at = now() WHERE id = $1 AND state = 'pending'
                """, file, digest),
            Statement("SELECT * FROM files WHERE id = $1", file),
        ])
        return try results[1].first.map(Stored.init)
    }

    // MARK: Removal

    /// Marks files that no message has after a day as to be removed, and answers those that are marked, now or with the
    /// deletion of their message. Nobody can read or send them any more.
    func takeToRemove() async throws -> [FileID] {
        let results = try await database.execute([
            Statement(
                """
                UPDATE files SET state = 'deleted' WHERE id IN (
                    SELECT id FROM files
                    WHERE state <> 'deleted' AND message_id IS NULL
                      AND created_at < now() - make_interval(secs => $1::float8)
                    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
                """, Double(Limits.unsentFileLife.components.seconds), Limits.fileSweepCount),
            Statement(
                "SELECT id FROM files WHERE state = 'deleted' ORDER BY created_at LIMIT $1", Limits.fileSweepCount),
        ])
        return try results[1].map { try $0.decode("id") }
    }

    /// Forgets files whose bytes are gone.
    func forget(_ files: [FileID]) async throws {
        guard !files.isEmpty else { return }
        _ = try await database.execute(
            Statement("DELETE FROM files WHERE id = ANY ($1::uuid[]) AND state = 'deleted'", files))
    }
}

/// What has become of a file.
enum FileState: String, Sendable, PostgresDecodable {
    case pending
    case ready
    /// Its bytes are being removed.
    case deleted
}

extension FileStore.Stored {
    fileprivate init(row: PostgresRow) throws {
        file = try Attachment(row: row)
        state = try row.decode("state")
        digest = try row.decode("sha256")
    }
}

extension Attachment {
    /// Reads a row of the table `files`.
    init(row: PostgresRow) throws {
        self.init(
            id: try row.decode("id"), name: try row.decode("name"), mediaType: try row.decode("media_type"),
            byteCount: try row.decode("byte_count"), width: try row.decode("width"), height: try row.decode("height"),
            durationMilliseconds: try row.decode("duration_ms"))
    }
}
