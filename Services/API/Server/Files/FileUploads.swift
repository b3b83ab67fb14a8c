import APIDomain
package import Contracts
package import NIOCore
import Postgres
import ServiceKit
import Synchronization

/// Takes files in: reserves room for them, and writes their bytes to disk.
package final class FileUploads: Sendable {
    private let store: FileStore
    private let storage: FileStorage
    private let links: FileLinkSigner
    private let configuration: FileConfiguration
    /// Uploads whose bytes come in now.
    private let running = Mutex(0)

    init(
        database: PostgresPool, storage: FileStorage, links: FileLinkSigner, configuration: FileConfiguration
    ) {
        store = FileStore(database: database)
        self.storage = storage
        self.links = links
        self.configuration = configuration
    }

    /// What a file is: it decides how large it may be.
    package enum Purpose: Sendable {
        case attachment
        case recording
    }

    /// Reserves room for a file that a person, or the system on their behalf, is going to upload to a channel. That they may
    /// is for the caller to check.
    /// - Throws: `validation_failed`, `body_too_large`, `quota_exceeded`, `conflict` for too many files that are in no
    ///   message, `not_found` for a channel that is gone.
    package func reserve(
        _ request: CreateFileRequest, in channel: ChannelID, by uploader: UserID, for purpose: Purpose
    ) async throws -> FileUpload {
        let limit = purpose == .recording ? configuration.recordingByteCount : configuration.fileByteCount
        let draft = FileStore.Draft(
            id: .fresh(), name: try Checks.fileName(request.name), mediaType: try Checks.mediaType(request.mediaType),
            byteCount: try Checks.fileByteCount(request.byteCount, upTo: limit),
            width: try Checks.pictureSide(request.width, field: "width"),
            height: try Checks.pictureSide(request.height, field: "height"),
            durationMilliseconds: try Checks.mediaDuration(request.durationMilliseconds))
        let reservation = try await store.reserve(
            draft, in: channel, by: uploader, quota: configuration.workspaceByteCount)
        switch reservation {
        case .done: break
        case .noChannel: throw APIError.notFound("channel")
        case .quotaExceeded(let used):
            let (used, most) = (used / 1_000_000, configuration.workspaceByteCount / 1_000_000)
            throw APIError(
                .quotaExceeded, "\(used) of \(most) MB are used. Delete messages with large files, then try again.")
        case .tooManyUnsent:
            throw APIError(
                .conflict, "You have \(Limits.unsentFilesPerUser) files in no message. Send some, or wait a day.")
        }
        let expiresAt = Timestamp.now + Limits.fileUploadLifetime
        return FileUpload(
            file: Attachment(draft),
            uploadURL: links.uploadPath(draft.id, byteCount: draft.byteCount, expiresAt: expiresAt),
            expiresAt: expiresAt)
    }

    /// Writes the bytes of a file that was reserved. The same bytes may come again, and at the same time; other bytes are
    /// refused once a file is complete.
    /// - Parameter announced: the bytes that the request says it has, if it does.
    /// - Throws: `not_found`, `body_too_large`, `malformed_request` for too few bytes, `conflict` for other bytes,
    ///   `storage_full`, `unavailable` when too many uploads run; then nothing of it is left.
    package func receive<Body: AsyncSequence>(
        _ file: FileID, announced: Int64?, body: Body
    ) async throws -> Attachment where Body.Element == ByteBuffer {
        guard let known = try await store.find(file), known.state != .deleted else { throw APIError.notFound("file") }
        let byteCount = known.file.byteCount
        if let announced, announced != byteCount { throw wrongByteCount(byteCount, isTooMany: announced > byteCount) }
        try begin()
        defer { running.withLock { $0 -= 1 } }
        let digest: [UInt8]
        do {
            digest = try await storage.write(body, as: file, byteCount: byteCount)
        } catch let error as StorageError {
            throw problem(error, byteCount)
        }
        guard let stored = try await store.complete(file, digest: digest), stored.state == .ready,
            let counted = stored.digest
        else {
            try await storage.remove(file)
            throw APIError.notFound("file")
        }
        guard counted == digest else {
            try await storage.remove(file, digest: digest)
            throw APIError(.conflict, "The file is complete with other bytes. Begin a new upload.")
        }
        return stored.file
    }

    private func begin() throws(APIError) {
        let isTaken = running.withLock { count in
            guard count < Limits.uploadsAtOnce else { return false }
            count += 1
            return true
        }
        guard isTaken else {
            throw APIError(.unavailable, "Too many files are uploaded at once. Try again.", retryAfter: .seconds(2))
        }
    }

    private func problem(_ error: StorageError, _ byteCount: Int64) -> any Error {
        switch error {
        case .tooShort, .cut: wrongByteCount(byteCount, isTooMany: false)
        case .tooLong: wrongByteCount(byteCount, isTooMany: true)
        case .full:
            APIError(.storageFull, "The server's disk is full. Tell its operator, and try again later.")
        case .missing, .failed: error
        }
    }

    private func wrongByteCount(_ byteCount: Int64, isTooMany: Bool) -> APIError {
        isTooMany
            ? APIError(.bodyTooLarge, "This upload has \(byteCount) bytes and no more.")
            : APIError(.malformedRequest, "This upload has exactly \(byteCount) bytes. Send all of them again.")
    }
}

extension Attachment {
    fileprivate init(_ draft: FileStore.Draft) {
        self.init(
            id: draft.id, name: draft.name, mediaType: draft.mediaType, byteCount: draft.byteCount, width: draft.width,
            height: draft.height, durationMilliseconds: draft.durationMilliseconds)
    }
}
